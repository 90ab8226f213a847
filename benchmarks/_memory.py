"""How a process's memory went: a slope over minutes, with its interval, and what counts as flat.

Resident memory goes up and down with what is under way (a state that is stored, lines that wait
for a disk), so each minute counts by its median. The slope is that of least squares, its interval
Student's, 95 %, by the scatter of the minutes around it.
"""

from collections.abc import Sequence

import numpy as np
from scipy import stats

FLAT_MB_AN_HOUR = 24.0
"""The whole interval must be below it. A worker that kept 100 bytes of every request for ever would
be at 20 MB an hour under this load's usual 60 requests a second of each worker."""

BLOCK_S = 60.0
_LEAST_BLOCKS = 4


def course(points: Sequence[tuple[float, float]], from_s: float | None) -> dict[str, float]:
    """Return what memory a process had, and its slope from a time on.

    Parameters
    ----------
    points : sequence of (float, float)
        Times in seconds, and MB.
    from_s : float, optional
        By default no slope is told.

    Examples
    --------
    >>> rises = [(float(t), 100.0 + t / 3600.0) for t in range(0, 1200, 5)]
    >>> found = course(rises, 300.0)
    >>> found["n_minutes"], round(found["mb_an_hour"], 6), round(found["high"], 6)
    (15, 1.0, 1.0)
    """
    at, mb = np.array(points).T
    found = {"lived_s": float(at[-1] - at[0]), "first_mb": float(mb[0]), "last_mb": float(mb[-1])}
    found["most_mb"] = float(mb.max())
    if from_s is None:
        return found
    block = np.floor((at - from_s) / BLOCK_S)
    whole = [b for b in np.unique(block[block >= 0]) if (block == b).sum() >= 0.5 * BLOCK_S / 5.0]
    if len(whole) < _LEAST_BLOCKS:
        return found
    hours = [float(at[block == b].mean()) / 3600.0 for b in whole]
    medians = [float(np.median(mb[block == b])) for b in whole]
    fit = stats.linregress(hours, medians)
    half = float(stats.t.ppf(0.975, len(whole) - 2) * fit.stderr)
    slope = float(fit.slope)
    span = {"mb_an_hour": slope, "low": slope - half, "high": slope + half}
    return found | span | {"n_minutes": len(whole), "from_mb": medians[0]}
