"""What happens to the world while a stream is replayed.

An event is written as ``KIND:TIER[:VALUE]@START[-END]``, in decisions counted from 0; without an
end it lasts:

    drop:mid:7.5@600-1200    the tier's mean quality silently becomes 7.5 of 10 (also: 0.75)
    price:high:0.01@600      its costs are multiplied by .01
    add:high@300             the tier is not there before, and the model knows nothing of it
    remove:mid@300           the tier is gone from then on
"""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tracetier.errors import SettingsError

Matrix = NDArray[np.float64]
Kind = Literal["drop", "price", "add", "remove"]

_KINDS: tuple[Kind, ...] = ("drop", "price", "add", "remove")
_FORM = re.compile(r"([a-z]+):([^:@]+)(?::([^:@]+))?@(\d+)(?:-(\d+))?")


class Event(Struct, frozen=True, kw_only=True):
    """One change of one tier, over the decisions ``start`` to ``end`` (exclusive).

    ``value`` is the mean quality 0-1 of a drop, or the factor of a price; else 0.
    """

    kind: Kind
    tier: str
    start: int
    end: int | None = None
    value: float = 0.0


class Scenario(Struct, frozen=True, kw_only=True):
    """All that happens to a stream.

    Parameters
    ----------
    events : tuple of Event
    delay : int
        Decisions between one and its report, >= 0.
    missing : float
        Share of reports that never come, in [0, 1].
    noise : float
        Standard deviation that is added to every reported quality (0-1; it is clipped to the
        scale), >= 0. What is told of a strategy is without it.

    Raises
    ------
    SettingsError
        For a value out of its range.
    """

    events: tuple[Event, ...] = ()
    delay: int = 0
    missing: float = 0.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        if self.delay < 0:
            raise SettingsError(f"delay is {self.delay}, must be >= 0 decisions")
        if not 0.0 <= self.missing <= 1.0:
            raise SettingsError(f"missing is {self.missing:g}, must be a share in [0, 1]")
        if not 0.0 <= self.noise < 10.0:
            raise SettingsError(f"noise is {self.noise:g}, must be a deviation >= 0 of quality 0-1")

    def starts(self, n: int) -> list[int]:
        """Return where phases begin in ``n`` decisions, 0 first."""
        edges = {0}
        for event in self.events:
            edges |= {event.start, event.end or 0}
        return sorted(edge for edge in edges if edge < n)

    def added(self) -> list[str]:
        """Return the tiers that join on the way."""
        return [event.tier for event in self.events if event.kind == "add"]


class Timeline(NamedTuple):
    """Outcomes in the order in which the tasks come, ``(n, K)`` each.

    Attributes
    ----------
    quality, cost_usd : array
        As each tier would have done at that time.
    is_there : array of bool
        Whether the tier can be taken.
    """

    quality: Matrix
    cost_usd: Matrix
    is_there: NDArray[np.bool_]


def parse_event(text: str) -> Event:
    """Return the event that a text describes.

    Raises
    ------
    SettingsError
        If it is not of the form ``KIND:TIER[:VALUE]@START[-END]``.

    Examples
    --------
    >>> parse_event("drop:mid:7.5@600-1200")
    Event(kind='drop', tier='mid', start=600, end=1200, value=0.75)
    """
    found = _FORM.fullmatch(text.strip())
    kind = next((known for known in _KINDS if found and found[1] == known), None)
    if found is None or kind is None:
        raise _not_an_event(text)
    value = _value(text, kind, found[3])
    start, end = int(found[4]), None if found[5] is None else int(found[5])
    if end is not None and end <= start:
        raise SettingsError(f"phase {text!r} ends at {end}, before it starts at {start}")
    if end is not None and kind in ("add", "remove"):
        raise SettingsError(f"phase {text!r}: a tier that was {kind}ed stays so; leave out -{end}")
    return Event(kind=kind, tier=found[2], start=start, end=end, value=value)


def timeline(
    scenario: Scenario, quality: Matrix, cost_usd: Matrix, tiers: Sequence[str]
) -> Timeline:
    """Return the outcomes with all events applied.

    A drop scales the tier's quality so that its mean over *all* tasks would be the value (a value
    above the mean raises it; nothing exceeds 1).

    Parameters
    ----------
    scenario : Scenario
    quality, cost_usd : (n, K) arrays
        In the order in which the tasks come.
    tiers : sequence of str, length K

    Raises
    ------
    SettingsError
        For an event of a tier that is not there, or a time at which no tier would be left.
    """
    quality, cost_usd = quality.copy(), cost_usd.copy()
    is_there = np.ones(quality.shape, dtype=bool)
    means = quality.mean(axis=0)
    for event in scenario.events:
        if event.tier not in tiers:
            raise SettingsError(
                f"a phase is about tier {event.tier!r}; the artifact has {', '.join(tiers)}"
            )
        k = list(tiers).index(event.tier)
        span = slice(event.start, event.end)
        if event.kind == "drop":
            scaled = quality[span, k] * (event.value / max(float(means[k]), 1e-12))
            quality[span, k] = np.minimum(1.0, scaled)
        elif event.kind == "price":
            cost_usd[span, k] *= event.value
        elif event.kind == "add":
            is_there[: event.start, k] = False
        else:
            is_there[event.start :, k] = False
    if not is_there.any(axis=1).all():
        raise SettingsError("the phases leave a time without any tier; remove one tier less")
    return Timeline(quality, cost_usd, is_there)


def _value(text: str, kind: Kind, found: str | None) -> float:
    if kind in ("add", "remove"):
        if found is not None:
            raise SettingsError(f"phase {text!r}: {kind} takes no value, leave out :{found}")
        return 0.0
    try:
        value = float(found or "")
    except ValueError:
        raise _not_an_event(text) from None
    if kind == "drop" and value > 1.0:
        value /= 10.0
    if not 0.0 <= value < 1e6 or (kind == "drop" and value > 1.0):
        raise SettingsError(f"phase {text!r}: {value:g} is no quality 0-10 or factor >= 0")
    return value


def _not_an_event(text: str) -> SettingsError:
    return SettingsError(
        f"phase {text!r} is not understood; write drop:TIER:QUALITY@START[-END], "
        "price:TIER:FACTOR@START[-END], add:TIER@START or remove:TIER@START"
    )
