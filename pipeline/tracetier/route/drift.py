"""Alarms, not resets: a tier that no longer does what was learned of it, tasks that look new.

*Innovation.* Of each tier the last 50 reports are kept, as outcome less what was believed without
the tier's pooled offset. Their mean is held against a slow mean of all earlier ones,

    z = (window - reference) / sqrt(sigma^2 (1/50 + 1/n_reference))

and beyond 4 an alarm is raised, and the window becomes the reference. Held against the belief of
the moment the error would vanish while the router learns; against a slow mean it adds up.

*Inputs.* The population stability index of a feature over its training deciles (or of the context
buckets over their training shares): ``PSI = sum (p_live - p_train) log(p_live / p_train)``. Below
.1 is calm, above .25 is another population (Siddiqi, Credit Risk Scorecards, 2006).
"""

import math
from bisect import bisect_right
from collections.abc import Sequence

from msgspec import Struct

from tracetier.route.channel import Innovation

WINDOW = 50
LIMIT = 4.0
PSI_LIMIT = 0.25
N_BINS = 10

_REFERENCE_KEEP = 0.998
_REFERENCE_START = 9.0
"""Reports that the model's own word counts for before any came in."""
_LIVE_KEEP = 0.998
"""Share of the live counts of inputs kept per task: about the last 500 count."""
_LEAST_LIVE = 200.0
_SHRINK, _EMPTY = 10.0, 0.0005


class TierDrift(Struct, kw_only=True):
    """What is kept of one tier: the window, oldest first, and the slow mean of what left it."""

    window: list[float] = []
    reference: float = 0.0
    n_reference: float = _REFERENCE_START
    alarms: int = 0


class DriftState(Struct, kw_only=True):
    """Windows per tier; an optional part of the state document."""

    tiers: list[TierDrift]


class DriftAlarm(Struct, frozen=True, kw_only=True):
    """A tier whose outcomes moved.

    Attributes
    ----------
    tier : int
    change : float
        Mean of the last 50 outcomes less what was usual before, quality 0-1.
    z : float
        The same in standard errors.
    """

    tier: int
    change: float
    z: float


def start_drift(n_tiers: int) -> DriftState:
    """Return the state before any report."""
    return DriftState(tiers=[TierDrift() for _ in range(n_tiers)])


def note_innovation(state: DriftState, innovation: Innovation | None) -> DriftAlarm | None:
    """Take note of one report of quality, and return an alarm if it completes one.

    Examples
    --------
    A tier that suddenly gives .5 less, with a noise of .1: the alarm comes after eight reports.

    >>> state = start_drift(1)
    >>> calm = [note_innovation(state, Innovation(0, 0.0, 0.0, 0.01)) for _ in range(500)]
    >>> any(calm)
    False
    >>> alarms = [note_innovation(state, Innovation(0, -0.5, 0.0, 0.01)) for _ in range(50)]
    >>> [i + 1 for i, alarm in enumerate(alarms) if alarm]
    [7]
    """
    if innovation is None:
        return None
    kept = state.tiers[innovation.tier]
    window = kept.window
    window.append(innovation.error + innovation.offset)
    if len(window) > WINDOW:
        _to_reference(kept, window.pop(0))
    elif len(window) < WINDOW:
        return None
    change = math.fsum(window) / WINDOW - kept.reference
    error = math.sqrt(innovation.sigma2 * (1.0 / WINDOW + 1.0 / kept.n_reference))
    if abs(change) <= LIMIT * error:
        return None
    kept.reference += change
    kept.n_reference = float(WINDOW)
    window.clear()
    kept.alarms += 1
    return DriftAlarm(tier=innovation.tier, change=change, z=change / error)


def _to_reference(kept: TierDrift, value: float) -> None:
    kept.n_reference = _REFERENCE_KEEP * kept.n_reference + 1.0
    kept.reference += (value - kept.reference) / kept.n_reference


class InputDriftState(Struct, kw_only=True):
    """Live counts per bin and feature, (F, 10) rows, discounted, and the tasks behind them."""

    counts: list[list[float]]
    n: float = 0.0


def start_inputs(n_features: int, n_bins: int = N_BINS) -> InputDriftState:
    """Return the state before any task."""
    return InputDriftState(counts=[[0.0] * n_bins for _ in range(n_features)])


def note_inputs(
    state: InputDriftState, values: Sequence[float], edges: Sequence[Sequence[float]]
) -> None:
    """Count the features of one task.

    Parameters
    ----------
    state : InputDriftState
    values : sequence of float, length F
        Features; one that is unknown (NaN) counts nowhere.
    edges : sequence of length F
        Inner edges of each feature's bins, rising: 9 deciles of the training table.
    """
    state.n = _LIVE_KEEP * state.n + 1.0
    for row, value, inner in zip(state.counts, values, edges, strict=True):
        for i in range(len(row)):
            row[i] *= _LIVE_KEEP
        if value == value:
            row[bisect_right(inner, value)] += 1.0


def psi(expected: Sequence[float], counted: Sequence[float]) -> float:
    """Return the population stability index of counts; 0 where nothing was counted.

    Counts are shrunk as if 10 tasks had come as expected, and no bin is expected to stay quite
    empty (.0005), so that the index is finite and small counts say little.

    Parameters
    ----------
    expected, counted : sequence of float, equally long
        Shares or counts, >= 0; both are normalised.

    Examples
    --------
    >>> psi([0.5, 0.5], [50, 50]), psi([0.5, 0.5], [900, 100])
    (0.0, 0.85...)
    """
    n, whole, bins = sum(counted), sum(expected), len(counted)
    if n <= 0.0 or whole <= 0.0:
        return 0.0
    total = 0.0
    for share, count in zip(expected, counted, strict=True):
        p = (share / whole + _EMPTY) / (1.0 + _EMPTY * bins)
        q = (count + _SHRINK * p) / (n + _SHRINK)
        total += (q - p) * math.log(q / p)
    return total


def moved_inputs(
    state: InputDriftState, expected: Sequence[Sequence[float]], limit: float = PSI_LIMIT
) -> list[int]:
    """Return the features whose live values left the training table, once 200 tasks count.

    Parameters
    ----------
    state : InputDriftState
    expected : (F, bins) rows
        Share of the training table per bin: a tenth each for deciles of distinct values.
    limit : float
        Of the PSI.
    """
    if state.n < _LEAST_LIVE:
        return []
    pairs = zip(expected, state.counts, strict=True)
    return [f for f, (shares, counts) in enumerate(pairs) if psi(shares, counts) > limit]


def deciles(values: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return the nine inner decile edges of a training column, and the share in each bin.

    Where values repeat, edges coincide and the shares tell how much fell into each bin. Unknown
    values (NaN) are left out; a column without values has edges at 0.

    Examples
    --------
    >>> edges, shares = deciles([float(i) for i in range(100)])
    >>> edges[0], shares[0]
    (10.0, 0.1)
    """
    known = sorted(value for value in values if value == value)
    if not known:
        return [0.0] * (N_BINS - 1), [1.0 / N_BINS] * N_BINS
    edges = [known[min(len(known) - 1, len(known) * i // N_BINS)] for i in range(1, N_BINS)]
    counts = [0.0] * N_BINS
    for value in known:
        counts[bisect_right(edges, value)] += 1.0
    return edges, [count / len(known) for count in counts]
