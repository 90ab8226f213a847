"""How far savings read off a hull hang on the tasks at hand: the hull drawn anew on resamples.

Near the dearest tier's own quality a frontier is almost level, and a few tasks move the cost at
which it is reached by half. Seeds share their tasks, so an interval over seeds cannot show it.
"""

import numpy as np
from _contenders import Beliefs
from _learning_tables import Figures
from numpy.typing import NDArray

from tracetier.measures.bootstrap import bootstrap_means
from tracetier.measures.frontier import lam_grid, sweep_choices
from tracetier.measures.hull import upper_hull
from tracetier.measures.metrics import cost_save
from tracetier.train.rows import TaskRows

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

FRACTIONS = (0.99, 1.0)
N_DRAWS = 200
N_POINTS = 150


def savings_over_tasks(beliefs: Beliefs, rows: TaskRows) -> Matrix:
    """Resample task groups; tell the saving at each fraction of the dearest tier's quality.

    Returns
    -------
    (N_DRAWS, F) array
        The same resamples for all beliefs. The policies stay, the hull is that of the resample.
    """
    choices = sweep_choices(*beliefs, lam_grid(*beliefs, n_points=N_POINTS))
    outcomes = rows.quality, rows.cost_usd
    columns = [part for o in outcomes for part in (np.take_along_axis(o, choices, axis=1), o)]
    draws = bootstrap_means(
        np.concatenate(columns, axis=1), rows.groups, n_draws=N_DRAWS, seed=0
    ).draws
    dear = int(rows.cost_usd.mean(axis=0).argmax()) - rows.quality.shape[1]
    return np.array([_savings(draw, dear) for draw in draws])


def _savings(means: Vector, dear: int) -> list[float]:
    quality, cost_usd = np.split(means, 2)
    hull = upper_hull(cost_usd, quality)
    reference = {"reference_quality": float(quality[dear]), "reference_cost": float(cost_usd[dear])}
    return [cost_save(hull, fraction=fraction, **reference) for fraction in FRACTIONS]


def interval_ends(ours: Matrix, theirs: Matrix) -> Figures:
    """Tell the ends of 95 %: of a contender's savings, and of ours less its own at 100 %."""
    columns = {
        **{f"at {100 * f:g} %": theirs[:, place] for place, f in enumerate(FRACTIONS)},
        "router - this": (ours - theirs)[:, -1],
    }
    return {
        f"{name}: {end}": float(np.nanquantile(column, share))
        for name, column in columns.items()
        for end, share in (("low", 0.025), ("high", 0.975))
    }
