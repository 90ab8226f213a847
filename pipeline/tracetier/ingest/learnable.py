"""What can be learned from the rows of a table, and what is missing: tiers by task type, outcomes.

Tiers can be compared where they met the same kind of task and it is known what came of it. A log
that never tells what came of anything holds costs, and no lesson.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    import pyarrow as pa

MIN_ROWS = 20
"""Rows with an outcome that a tier needs within a task type to be compared there."""

_N_TYPES = 10_000
_OTHERS, _UNTOLD = "(others)", "(none told)"


class TypeSummary(Struct, frozen=True, kw_only=True):
    """Rows of one task type by tier, and those of them whose outcome is known."""

    name: str
    rows: dict[str, int]
    with_quality: dict[str, int]

    @property
    def n_rows(self) -> int:
        """Rows of all tiers."""
        return sum(self.rows.values())

    @property
    def is_compared(self) -> bool:
        """Whether two tiers or more can be compared on it."""
        return sum(n >= MIN_ROWS for n in self.with_quality.values()) > 1


class ModelSummary(Struct, frozen=True, kw_only=True):
    """A model as the log names it, and the tier that it was taken for."""

    name: str
    tier: str
    n_rows: int


class Learnable:
    """Adds up rows by task type and tier, by model, and by who judged."""

    def __init__(self) -> None:
        self._rows: Counter[tuple[str, str]] = Counter()
        self._judged: Counter[tuple[str, str]] = Counter()
        self._models: Counter[tuple[str, str]] = Counter()
        self._types: set[str] = set()
        self.n_with_tokens: Counter[str] = Counter()
        self.sources: Counter[str] = Counter()

    def add(self, table: "pa.Table", tiers: Sequence[str]) -> None:
        """Add rows, with their tiers."""
        types = [self._type(name) for name in table["task_type"].to_pylist()]
        self._rows.update(zip(types, tiers, strict=True))
        is_judged = _is_known(table, "y_quality")
        self._judged.update(
            (name, tier) for name, tier, told in zip(types, tiers, is_judged, strict=True) if told
        )
        models = zip(table["model"].to_pylist(), tiers, strict=True)
        self._models.update((model, tier) for model, tier in models if model is not None)
        has_tokens = _is_known(table, "y_input_tokens")
        self.n_with_tokens.update(
            tier for tier, told in zip(tiers, has_tokens, strict=True) if told
        )
        self.sources.update(
            name or "given"
            for name, told in zip(table["y_quality_source"].to_pylist(), is_judged, strict=True)
            if told
        )

    def types(self) -> tuple[TypeSummary, ...]:
        """Return what was added by task type, the most frequent first."""
        by_type: dict[str, dict[str, int]] = {}
        for (name, tier), n in sorted(self._rows.items()):
            by_type.setdefault(name, {})[tier] = n
        found = [
            TypeSummary(
                name=name,
                rows=rows,
                with_quality={tier: self._judged[name, tier] for tier in rows},
            )
            for name, rows in by_type.items()
        ]
        return tuple(sorted(found, key=lambda one: (-one.n_rows, one.name)))

    def models(self) -> tuple[ModelSummary, ...]:
        """Return the models, the most frequent first."""
        ranked = sorted(self._models.items(), key=lambda item: (-item[1], item[0]))
        return tuple(ModelSummary(name=name, tier=tier, n_rows=n) for (name, tier), n in ranked)

    def _type(self, name: str | None) -> str:
        told = name or _UNTOLD
        if told not in self._types:
            if len(self._types) >= _N_TYPES:
                return _OTHERS
            self._types.add(told)
        return told


def findings(
    types: Sequence[TypeSummary],
    *,
    n_rows: int,
    n_with_cost: int,
    n_with_propensity: int,
    is_full: bool,
    unmapped: Mapping[str, int],
) -> tuple[str, ...]:
    """Return in words what can and cannot be learned from a table, and how to supply the rest.

    Parameters
    ----------
    types : sequence of TypeSummary
    n_rows, n_with_cost, n_with_propensity : int
        Of the table.
    is_full : bool
        Whether every task was run on every tier.
    unmapped : mapping of str to int
        Models that are in no declared tier, and their rows.
    """
    told = [_of_quality(sum(sum(one.with_quality.values()) for one in types), n_rows)]
    told.append(_of_tiers(types, n_rows, is_full=is_full))
    if n_with_cost < n_rows:
        told.append(
            f"cost is unknown for {n_rows - n_with_cost:,} of {n_rows:,} rows: give their tier "
            "input_usd_per_mtok and output_usd_per_mtok in tracetier.toml"
        )
    if not is_full and not n_with_propensity:
        told.append(
            "no row tells with which probability its tier was taken: comparisons are "
            "observational, and hold only as far as the columns explain the choice"
        )
    if unmapped:
        names = ", ".join(f"{name} ({n:,})" for name, n in list(unmapped.items())[:5])
        told.append(
            f"{sum(unmapped.values()):,} rows were left out, their models are in no tier: {names}"
        )
    return tuple(told)


def _is_known(table: "pa.Table", name: str) -> list[bool]:
    """Return where a column has a value; Arrow would import its compute functions for it."""
    return [value is not None for value in table[name].to_pylist()]


def _of_quality(n_judged: int, n_rows: int) -> str:
    if n_judged == n_rows:
        return "every row has an outcome"
    how = (
        "join yours with --scores FILE (span_id, trace_id or session_id, and quality from 0 to "
        "10), or guess them with --quality-from proxy:all"
    )
    if n_judged == 0:
        return f"no row has an outcome, so that nothing but costs can be learned: {how}"
    return f"{n_rows - n_judged:,} of {n_rows:,} rows have no outcome and teach nothing: {how}"


def _of_tiers(types: Sequence[TypeSummary], n_rows: int, *, is_full: bool) -> str:
    tiers = {tier for one in types for tier in one.rows}
    if len(tiers) < 2:
        only = next(iter(tiers), "none")
        return f"only tier {only!r} was ever used: no other can be judged by these logs"
    if is_full:
        return "every task ran on every tier: they can be compared on each"
    good = [one for one in types if one.is_compared]
    if not good:
        return (
            f"no task type was run on two tiers with {MIN_ROWS} outcomes each: what another tier "
            "would have done cannot be told from these logs"
        )
    n_good = sum(one.n_rows for one in good)
    return (
        f"tiers can be compared on {len(good):,} of {len(types):,} task types, "
        f"{n_good / n_rows:.0%} of the rows"
    )
