"""Hard caps of ``[[cap]]`` in ``tracetier.toml``: token buckets on USD, calls and explorations.

A bucket is one number, its *debt*: what was drawn and has not flowed back. It flows back evenly,
the whole cap in ``every_s`` seconds, or never. A tier fits while debt + predicted cost stays within
the cap. A decision draws the predicted cost; its report then sets that right, so what is never
reported stays drawn as predicted. One call may therefore overshoot by its own error of
prediction, no more: the next one sees it.
"""

import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Final, Literal, get_args

import msgspec
from msgspec import Struct

from tracetier.errors import SettingsError

Per = Literal["session", "tenant", "all"]
Unit = Literal["usd", "calls", "explorations"]
AtCap = Literal["cheapest", "refuse"]

MAX_KEYS: Final = 10_000
"""Sessions or tenants whose debt is kept per cap; beyond it the one longest unused is dropped."""

_UNITS: Final = get_args(Unit)


class Cap(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One cap.

    Parameters
    ----------
    per : {"session", "tenant", "all"}
        Whose bucket it is.
    usd : float, optional
        USD, > 0. Of ``usd``, ``calls`` and ``explorations`` exactly one is given.
    calls : int, optional
        Decisions, >= 1; one that explores counts as any other.
    explorations : int, optional
        Decisions that may be drawn at random, >= 0. At this cap nothing is refused, the choice is
        only made without exploring.
    every_s : float, optional
        Seconds in which the whole cap flows back, > 0; by default it never does.
    at_cap : {"cheapest", "refuse"}
        What happens to the next task: the cheapest tier that the rules allow, or a `CapError`.

    Raises
    ------
    SettingsError
        If not exactly one amount is given, or one is out of range.

    Examples
    --------
    >>> Cap(per="tenant", usd=50.0, every_s=86400.0).told
    '$50 per tenant and 24 h'
    """

    per: Per
    usd: float | None = None
    calls: int | None = None
    explorations: int | None = None
    every_s: float | None = None
    at_cap: AtCap = "cheapest"

    def __post_init__(self) -> None:
        given = [unit for unit in _UNITS if getattr(self, unit) is not None]
        if len(given) != 1:
            told = " and ".join(given) or "none of them"
            raise SettingsError(
                f"a cap is on one of {', '.join(_UNITS)}, given is {told}; "
                "write one [[cap]] for each"
            )
        least = {"usd": 0.0, "calls": 1, "explorations": 0}[given[0]]
        if not least <= self.amount < math.inf or (self.usd is not None and self.usd == 0):
            raise SettingsError(
                f"cap {given[0]} is {self.amount:g}, must be finite and "
                f"{'>' if self.usd is not None else '>='} {least:g}"
            )
        if self.every_s is not None and not 0 < self.every_s < math.inf:
            raise SettingsError(f"cap every_s is {self.every_s:g}, must be > 0 seconds")

    @property
    def unit(self) -> Unit:
        """What it is on."""
        if self.usd is not None:
            return "usd"
        return "calls" if self.calls is not None else "explorations"

    @property
    def amount(self) -> float:
        """How much of it."""
        return float(next(a for a in (self.usd, self.calls, self.explorations) if a is not None))

    @property
    def told(self) -> str:
        """The cap in words."""
        unit = self.unit.removesuffix("s") if self.amount == 1 else self.unit
        amount = f"${self.amount:g}" if self.unit == "usd" else f"{self.amount:g} {unit}"
        whose = "in all" if self.per == "all" else f"per {self.per}"
        return f"{amount} {whose}" + (f" and {_duration(self.every_s)}" if self.every_s else "")


def _duration(seconds: float) -> str:
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def read_caps(
    entries: Sequence[Mapping[str, object]], *, where: str = "tracetier.toml"
) -> tuple[Cap, ...]:
    """Return the caps of a file's ``[[cap]]`` tables.

    Raises
    ------
    SettingsError
        For an unknown key, with the close match, or a value out of range.
    """
    return tuple(_cap(entry, f"{where}: [[cap]] {n}") for n, entry in enumerate(entries, start=1))


def _cap(entry: Mapping[str, object], where: str) -> Cap:
    for key in entry:
        if key not in Cap.__struct_fields__:
            near = get_close_matches(key, Cap.__struct_fields__, n=1)
            hint = (
                f"did you mean {near[0]!r}?"
                if near
                else (f"known are {', '.join(Cap.__struct_fields__)}")
            )
            raise SettingsError(f"{where}: unknown key {key!r}; {hint}")
    try:
        return msgspec.convert(entry, Cap)
    except (msgspec.ValidationError, SettingsError) as error:
        raise SettingsError(f"{where}: {error}") from error


class Debt(Struct, gc=False):
    """What was drawn from one bucket and has not flowed back, as of a time."""

    amount: float
    time_s: float


class Buckets:
    """The buckets of one cap, by session or tenant.

    Parameters
    ----------
    cap : Cap
    debts : mapping of str to Debt, optional
        To go on from, the longest unused first.

    Examples
    --------
    >>> buckets = Buckets(Cap(per="tenant", usd=10.0, every_s=100.0))
    >>> buckets.draw("acme", 8.0, time_s=0.0)
    >>> buckets.left("acme", time_s=0.0), buckets.left("acme", time_s=50.0), buckets.left("b", 0.0)
    (2.0, 7.0, 10.0)
    """

    def __init__(self, cap: Cap, debts: Mapping[str, Debt] | None = None) -> None:
        self.cap = cap
        self.debts: OrderedDict[str, Debt] = OrderedDict(debts or {})
        self._per_s = 0.0 if cap.every_s is None else cap.amount / cap.every_s

    def left(self, key: str, time_s: float) -> float:
        """Return what may still be drawn; below 0 where a report was dearer than predicted."""
        debt = self.debts.get(key)
        return self.cap.amount - (0.0 if debt is None else self._owed(debt, time_s))

    def draw(self, key: str, amount: float, time_s: float) -> None:
        """Draw an amount, or give one back where it is negative."""
        debt = self.debts.get(key)
        if debt is None:
            self.debts[key] = Debt(max(0.0, amount), time_s)
            if len(self.debts) > MAX_KEYS:
                self.debts.popitem(last=False)
            return
        debt.amount = max(0.0, self._owed(debt, time_s) + amount)
        debt.time_s = max(debt.time_s, time_s)
        self.debts.move_to_end(key)

    def _owed(self, debt: Debt, time_s: float) -> float:
        return max(0.0, debt.amount - self._per_s * max(0.0, time_s - debt.time_s))
