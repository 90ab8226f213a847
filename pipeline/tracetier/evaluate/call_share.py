"""Quality and cost by the share of calls that go to the dear tier, with intervals."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tracetier.evaluate.figures import sweep_rows
from tracetier.evaluate.resampling import Resampling, interval_of
from tracetier.measures.bootstrap import Interval
from tracetier.measures.call_share import call_share_lams
from tracetier.measures.frontier import sweep_choices

Matrix = NDArray[np.float64]


class CallSharePoint(Struct, frozen=True, kw_only=True):
    """The router at one lambda.

    Attributes
    ----------
    calls : float
        Share of the calls that go to the dear tier, in [0, 1].
    lam : float
    quality, cost_usd : Interval
        Means, in [0, 1] and USD.
    share : dict of str to float
        Share of the calls that go to each tier.
    """

    calls: float
    lam: float
    quality: Interval
    cost_usd: Interval
    share: dict[str, float]


class CallShare(Struct, frozen=True, kw_only=True):
    """What the router gives as more of the calls go to the dear tier.

    Attributes
    ----------
    tier : str
        The one that cost most on the tasks.
    points : tuple of CallSharePoint
        By ``calls``, from the least that lambda gives the tier to the most.
    """

    tier: str
    points: tuple[CallSharePoint, ...]


def call_share(
    q_hat: Matrix,
    c_hat: Matrix,
    quality: Matrix,
    cost_usd: Matrix,
    tiers: Sequence[str],
    resampling: Resampling,
) -> CallShare:
    """Tell the policies of a lambda sweep by how often they take the dear tier.

    Parameters
    ----------
    q_hat, c_hat : (n, K) arrays
        Predicted quality in [0, 1] and reward cost, of tasks that were not trained on.
    quality, cost_usd : (n, K) arrays
        Outcomes, in [0, 1] and USD.
    tiers : sequence of str, length K
    resampling : Resampling
    """
    dear = int(cost_usd.mean(axis=0).argmax())
    lams = call_share_lams(q_hat, c_hat, dear)
    choices = sweep_choices(q_hat, c_hat, lams)
    rows = sweep_rows(quality, cost_usd, choices, resampling)
    shares = np.stack([(choices == k).mean(axis=0) for k in range(len(tiers))], axis=1)
    points = [
        CallSharePoint(
            calls=float(shares[at, dear]),
            lam=float(lams[at]),
            quality=interval_of(rows.quality[:, at]),
            cost_usd=interval_of(rows.cost_usd[:, at]),
            share=dict(zip(tiers, shares[at].tolist(), strict=True)),
        )
        for at in reversed(range(len(lams)))
    ]
    return CallShare(tier=tiers[dear], points=tuple(sorted(points, key=lambda point: point.calls)))
