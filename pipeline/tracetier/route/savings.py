"""The session ledger: what was spent, how good it was, and what the dear tier would have cost.

Nobody ran the dear tier on the tasks that others took, so what it would have cost is a prediction:
what the router believed, when it decided, of that tier on that task. A decision that did take
the dear tier counts with its own outcome on both sides. Quality is compared on the same decisions:
the reported ones, against what was believed of the dear tier for them.

All of it are sums, so ledgers of several states add up, in any order.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Protocol

from msgspec import Struct

MAX_SESSIONS: Final = 2_000
MAX_TENANTS: Final = 1_000
MAX_DAYS: Final = 400
"""Rows kept of each kind; what falls out, the longest unused first, is added to `REST`."""

REST: Final = "(earlier)"
"""Name of the row that holds what is no longer told apart."""

DAY_S: Final = 86_400


class Sums(Struct, kw_only=True, gc=False):
    """Sums over some decisions.

    Attributes
    ----------
    decisions, n_cost, n_quality : int
        Decisions, and those whose cost, and whose quality, was reported.
    spend_usd : float
        Reported cost; as predicted, where it was not reported.
    reported_usd : float
        The reported part of it.
    dear_usd : float
        What the dear tier is believed to have cost on the same tasks.
    quality : float
        Reported quality, 0-10.
    dear_quality : float
        What was believed of the dear tier's quality for the decisions whose quality was reported.
    """

    decisions: int = 0
    n_cost: int = 0
    n_quality: int = 0
    spend_usd: float = 0.0
    reported_usd: float = 0.0
    dear_usd: float = 0.0
    quality: float = 0.0
    dear_quality: float = 0.0

    def add(self, other: "Sums") -> None:
        """Add other sums to these."""
        self.decisions += other.decisions
        self.n_cost += other.n_cost
        self.n_quality += other.n_quality
        self.spend_usd += other.spend_usd
        self.reported_usd += other.reported_usd
        self.dear_usd += other.dear_usd
        self.quality += other.quality
        self.dear_quality += other.dear_quality

    def reported(
        self,
        entry: "Priced",
        is_dear: bool,
        cost_usd: float | None = None,
        quality_10: float | None = None,
    ) -> None:
        """Set a decision right by what was reported of it."""
        if cost_usd is not None:
            self.n_cost += 1
            self.reported_usd += cost_usd
            self.spend_usd += cost_usd - entry.usd
            if is_dear:
                self.dear_usd += cost_usd - entry.dear_usd
        if quality_10 is not None:
            self.n_quality += 1
            self.quality += quality_10
            self.dear_quality += quality_10 if is_dear else entry.dear_quality

    @property
    def saved_usd(self) -> float:
        """What the dear tier would have cost more, by prediction; below 0 where it was cheaper."""
        return self.dear_usd - self.spend_usd

    @property
    def saved_share(self) -> float | None:
        """Saved, as a share of what the dear tier would have cost; ``None`` where that is 0."""
        return self.saved_usd / self.dear_usd if self.dear_usd > 0.0 else None

    @property
    def mean_quality(self) -> float | None:
        """Mean reported quality, 0-10; ``None`` before any report."""
        return self.quality / self.n_quality if self.n_quality else None

    @property
    def mean_dear_quality(self) -> float | None:
        """Mean quality believed of the dear tier for the same decisions, 0-10."""
        return self.dear_quality / self.n_quality if self.n_quality else None


class Priced(Protocol):
    """What the ledger reads of a decision.

    ``usd`` is believed of the tier taken, ``dear_usd`` and ``dear_quality`` (0-10) of the dear one.
    """

    @property
    def time_s(self) -> float: ...  # noqa: D102
    @property
    def usd(self) -> float: ...  # noqa: D102
    @property
    def dear_usd(self) -> float: ...  # noqa: D102
    @property
    def dear_quality(self) -> float: ...  # noqa: D102
    @property
    def session_id(self) -> str | None: ...  # noqa: D102
    @property
    def tenant(self) -> str | None: ...  # noqa: D102


class Entry(Struct, frozen=True, kw_only=True, gc=False):
    """A decision as the ledger needs it, see `Priced`."""

    time_s: float
    usd: float
    dear_usd: float
    dear_quality: float
    session_id: str | None = None
    tenant: str | None = None


class SavingsBook(Struct, kw_only=True):
    """The ledger, by day and tier, by tenant and by session.

    Attributes
    ----------
    days : dict of str to dict of str to Sums
        By day (UTC) and tier; all that there is.
    tenants, sessions : dict of str to Sums
        Of decisions that have one; the last used last.

    Examples
    --------
    >>> book = SavingsBook()
    >>> entry = Entry(time_s=0.0, usd=0.01, dear_usd=0.10, dear_quality=9.0)
    >>> book.decided(entry, "haiku")
    >>> book.reported(entry, "haiku", is_dear=False, cost_usd=0.02, quality_10=8.0)
    >>> total = book.total()
    >>> round(total.saved_usd, 6), total.saved_share, total.mean_quality, total.mean_dear_quality
    (0.08, 0.8, 8.0, 9.0)
    """

    days: dict[str, dict[str, Sums]] = {}
    tenants: dict[str, Sums] = {}
    sessions: dict[str, Sums] = {}

    def decided(self, entry: Priced, tier: str) -> None:
        """Count a decision for a tier, at its predicted cost."""
        for sums in self._rows(entry, tier):
            sums.decisions += 1
            sums.spend_usd += entry.usd
            sums.dear_usd += entry.dear_usd

    def reported(
        self,
        entry: Priced,
        tier: str,
        *,
        is_dear: bool,
        cost_usd: float | None = None,
        quality_10: float | None = None,
    ) -> None:
        """Set a decision right by what was reported of it; each outcome once."""
        for sums in self._rows(entry, tier):
            sums.reported(entry, is_dear=is_dear, cost_usd=cost_usd, quality_10=quality_10)

    def total(self) -> Sums:
        """Return the sums over everything."""
        return _summed(sums for tiers in self.days.values() for sums in tiers.values())

    def by_tier(self) -> dict[str, Sums]:
        """Return the sums by the tier that was taken."""
        names = dict.fromkeys(name for tiers in self.days.values() for name in tiers)
        return {
            name: _summed(tiers[name] for tiers in self.days.values() if name in tiers)
            for name in names
        }

    def by_day(self) -> dict[str, Sums]:
        """Return the sums by day, the first first."""
        return {day: _summed(self.days[day].values()) for day in sorted(self.days)}

    def merge(self, other: "SavingsBook") -> None:
        """Add another ledger to this one; in which order does not matter, but for rounding."""
        for day, tiers in other.days.items():
            for name, sums in tiers.items():
                self.day_row(day, name).add(sums)
        for key, sums in other.tenants.items():
            _row(self.tenants, key, MAX_TENANTS).add(sums)
        for key, sums in other.sessions.items():
            _row(self.sessions, key, MAX_SESSIONS).add(sums)

    def renamed(self, old: str, new: str) -> None:
        """Call a tier by another name."""
        for tiers in self.days.values():
            if old in tiers:
                sums = tiers.pop(old)
                tiers.setdefault(new, Sums()).add(sums)

    def _rows(self, entry: Priced, tier: str) -> list[Sums]:
        rows = [self.day_row(day_of(entry.time_s), tier)]
        if entry.tenant is not None:
            rows.append(_row(self.tenants, entry.tenant, MAX_TENANTS))
        if entry.session_id is not None:
            rows.append(_row(self.sessions, entry.session_id, MAX_SESSIONS))
        return rows

    def day_row(self, day: str, tier: str) -> Sums:
        """Return the sums of a day and tier, new where they are missing."""
        tiers = self.days.get(day)
        if tiers is None:
            tiers = self.days[day] = {}
            if len(self.days) > MAX_DAYS:
                oldest = self.days.pop(min(name for name in self.days if name != REST))
                for name, sums in oldest.items():
                    self.days.setdefault(REST, {}).setdefault(name, Sums()).add(sums)
                tiers = self.days.setdefault(day, tiers)
        return tiers.setdefault(tier, Sums()) if tier not in tiers else tiers[tier]


def _row(rows: dict[str, Sums], key: str, most: int) -> Sums:
    """Return a row, new where it is missing; the one longest unused makes room in `REST`."""
    found = rows.pop(key, None)
    sums = Sums() if found is None else found
    rows[key] = sums  # last in the order of use
    if len(rows) > most:
        dropped = rows.pop(next(name for name in rows if name not in (REST, key)))
        rows.setdefault(REST, Sums()).add(dropped)
    return sums


def _summed(parts: Iterable[Sums]) -> Sums:
    total = Sums()
    for sums in parts:
        total.add(sums)
    return total


def day_of(time_s: float) -> str:
    """Return the day of a time in seconds since 1970, in UTC.

    Examples
    --------
    >>> day_of(1_700_000_000.0)
    '2023-11-14'
    """
    return _day(int(time_s // DAY_S))


@lru_cache(maxsize=1024)
def _day(number: int) -> str:
    return datetime.fromtimestamp(number * DAY_S, UTC).date().isoformat()
