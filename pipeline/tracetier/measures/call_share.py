"""The share of calls that go to the dear tier, as a scale to tell a router on.

RouteLLM (arXiv 2406.18665) tells quality against the share of strong calls, for a weak and a strong
tier. With K tiers the policies are those of a lambda sweep, and the scale is the share that the
dearest of them gets. No policy is chosen by its outcomes, so nothing of the curve is hindsight.
"""

import numpy as np
from numpy.typing import NDArray

from tracetier.measures.frontier import lam_grid, sweep_choices

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

N_SHARES = 21
_N_SWEPT = 401


def call_share_lams(q_hat: Matrix, c_hat: Matrix, tier: int, *, n_shares: int = N_SHARES) -> Vector:
    """Lambdas whose policies spread the share of a tier evenly over all that it can get.

    Parameters
    ----------
    q_hat, c_hat : (n, K) arrays
        Predicted quality in [0, 1] and reward cost.
    tier : int
    n_shares : int
        Shares aimed at, from the least that the tier gets to the most; at least 2.

    Returns
    -------
    (P,) array
        Ascending, at most ``n_shares``: of the lambdas of a fine sweep those with the nearest
        share, each once.

    Examples
    --------
    Of four tasks the dear tier gets three (two of them gain alike), one or none; never the last:

    >>> q_hat = np.array([[0.5, 0.9], [0.5, 0.7], [0.5, 0.7], [0.5, 0.4]])
    >>> c_hat = np.tile([0.1, 1.1], (4, 1))
    >>> lams = call_share_lams(q_hat, c_hat, 1)
    >>> sweep_choices(q_hat, c_hat, lams).mean(axis=0)
    array([0.75, 0.25, 0.  ])
    """
    lams = lam_grid(q_hat, c_hat, _N_SWEPT)
    share = (sweep_choices(q_hat, c_hat, lams) == tier).mean(axis=0)
    wanted = np.linspace(share.min(), share.max(), n_shares)
    nearest = np.abs(share[:, None] - wanted).argmin(axis=0)
    return np.asarray(lams[np.unique(nearest)])
