"""An alarm, not a reset: a tier that no longer does what was learned of it.

Of each tier the last 50 reports are kept, as outcome less what was believed without the tier's
pooled offset. Their mean is held against a slow mean of all earlier ones,

    z = (window - reference) / sqrt(sigma^2 (1/50 + 1/n_reference))

and beyond 4 an alarm is raised, and the window becomes the reference. Held against the belief of
the moment the error would vanish while the router learns; against a slow mean it adds up.
"""

import math
from collections.abc import Sequence

from msgspec import Struct, structs

from tracetier.route.channel import Innovation

WINDOW = 50
LIMIT = 4.0
"""Standard errors beyond which an alarm is raised."""
MAX_ALARMS = 20
"""Alarms kept, the newest."""

_SHARE, _LIMIT2 = 1.0 / WINDOW, LIMIT * LIMIT
_REFERENCE_KEEP = 0.998
_REFERENCE_START = 9.0
"""Reports that the model's own word counts for before any came in."""


class TierDrift(Struct, kw_only=True):
    """What is kept of one tier: the window, oldest first, and the slow mean of what left it.

    ``total`` is the window's sum.
    """

    window: list[float] = []
    total: float = 0.0
    reference: float = 0.0
    n_reference: float = _REFERENCE_START
    alarms: int = 0


class DriftState(Struct, kw_only=True):
    """Windows per tier, and the newest alarms, oldest first; a part of the state document."""

    tiers: list[TierDrift]
    raised: list["DriftAlarm"] = []


class DriftAlarm(Struct, frozen=True, kw_only=True):
    """A tier whose outcomes moved.

    Attributes
    ----------
    tier : int
    change : float
        Mean of the last 50 outcomes less what was usual before, quality 0-1.
    z : float
        The same in standard errors.
    time_s : float
        When, in seconds since 1970.
    """

    tier: int
    change: float
    z: float
    time_s: float = 0.0


def start_drift(n_tiers: int) -> DriftState:
    """Return the state before any report."""
    return DriftState(tiers=[TierDrift() for _ in range(n_tiers)])


def note_innovation(
    state: DriftState, innovation: Innovation | None, time_s: float = 0.0
) -> DriftAlarm | None:
    """Take note of one report of quality, and return an alarm if it completes one.

    Examples
    --------
    A tier that suddenly gives .5 less, with a noise of .1: the alarm comes after seven reports.

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
    tier = innovation.tier
    kept = state.tiers[tier]
    window, value = kept.window, innovation.error + innovation.offset
    window.append(value)
    total, reference, n = kept.total + value, kept.reference, kept.n_reference
    if len(window) <= WINDOW:
        kept.total = total
        if len(window) < WINDOW:
            return None
    else:
        oldest = window.pop(0)
        kept.total = total = total - oldest
        kept.n_reference = n = _REFERENCE_KEEP * n + 1.0
        kept.reference = reference = reference + (oldest - reference) / n
    change = total / WINDOW - reference
    error2 = innovation.sigma2 * (_SHARE + 1.0 / n)
    if change * change <= _LIMIT2 * error2:
        return None
    kept.reference += change
    kept.n_reference = float(WINDOW)
    kept.window, kept.total = [], 0.0
    kept.alarms += 1
    alarm = DriftAlarm(tier=tier, change=change, z=change / math.sqrt(error2), time_s=time_s)
    state.raised = [*state.raised, alarm][-MAX_ALARMS:]
    return alarm


def carried_drift(old: DriftState, tiers_from: Sequence[int], *, is_same_model: bool) -> DriftState:
    """Return the state over other tiers.

    Parameters
    ----------
    old : DriftState
    tiers_from : sequence of int
        Per new tier, the old one that it was; -1 for one that joined.
    is_same_model : bool
        Another model is usually wrong elsewhere: then every window begins anew.
    """
    to = {source: new for new, source in enumerate(tiers_from) if source >= 0}
    tiers = [
        old.tiers[source] if source >= 0 and is_same_model else TierDrift() for source in tiers_from
    ]
    raised = [structs.replace(a, tier=to[a.tier]) for a in old.raised if a.tier in to]
    return DriftState(tiers=tiers, raised=raised)


def merged_drift(one: DriftState, other: DriftState) -> DriftState:
    """Return both: what was usual is the mean by reports, and windows begin anew."""
    tiers = []
    for a, b in zip(one.tiers, other.tiers, strict=True):
        n = a.n_reference + b.n_reference
        reference = (a.n_reference * a.reference + b.n_reference * b.reference) / n
        tiers.append(TierDrift(reference=reference, n_reference=n, alarms=a.alarms + b.alarms))
    raised = sorted(
        [*one.raised, *other.raised], key=lambda alarm: (alarm.time_s, alarm.tier, alarm.z)
    )
    return DriftState(tiers=tiers, raised=raised[-MAX_ALARMS:])


def reset_drift(state: DriftState, tier: int | None) -> None:
    """Forget what was usual of one tier, or of all, in place; alarms stay told."""
    for a in range(len(state.tiers)) if tier is None else (tier,):
        state.tiers[a] = TierDrift(alarms=state.tiers[a].alarms)
