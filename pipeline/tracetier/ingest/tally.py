"""Adds up rows as they are written, for the account of a run."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from tracetier.errors import TierError
from tracetier.ingest.assemble.score_tally import ScoreSummary
from tracetier.ingest.learnable import Learnable, findings
from tracetier.ingest.seen import Hashes, hashes_of
from tracetier.ingest.summary import (
    FileSummary,
    Information,
    IngestSummary,
    TierOrder,
    TierSummary,
)
from tracetier.table.arrays import NO_TIME, microseconds_of
from tracetier.tiers import order_by_cost

if TYPE_CHECKING:
    import pyarrow as pa


class Tally:
    """Adds up the rows as they are written, in 17 bytes a row."""

    def __init__(self) -> None:
        self._n_rows: Counter[str] = Counter()
        self._known: Counter[tuple[str, str]] = Counter()
        self._sum: defaultdict[tuple[str, str], float] = defaultdict(float)
        self._task_types: Counter[str] = Counter()
        self._tasks: list[Hashes] = []
        self._pairs: list[Hashes] = []
        self._times: list[datetime] = []
        self._n_with_propensity = 0
        self._learnable = Learnable()

    def add(self, table: "pa.Table") -> None:
        """Add a batch of rows as it was written."""
        tiers, tasks = table["tier"].to_pylist(), table["task_id"].to_pylist()
        self._tasks.append(hashes_of(tasks))
        self._pairs.append(hashes_of(zip(tasks, tiers, strict=True)))
        self._add_means(table, tiers)
        self._learnable.add(table, tiers)
        self._task_types.update(name for name in table["task_type"].to_pylist() if name is not None)
        self._n_with_propensity += len(table) - table["p_log"].null_count
        times = microseconds_of(table["timestamp"])
        times = times[times != NO_TIME]
        if len(times):
            span = (int(times.min()), int(times.max()))
            self._times += [_EPOCH + timedelta(microseconds=n) for n in span]
        self._times = [min(self._times), max(self._times)] if self._times else []

    def order(self, declared: tuple[str, ...] | None) -> tuple[tuple[str, ...], TierOrder]:
        """Return the tiers, cheap to dear, and how that is known."""
        if declared is not None:
            return declared, "declared"
        try:
            return order_by_cost(self._n_rows, self._means("y_cost_usd")), "by cost"
        except TierError:
            return (), "unknown"

    def summary(
        self,
        *,
        out: str,
        files: tuple[FileSummary, ...],
        declared: tuple[str, ...] | None,
        issues: Counter[str],
        first_issues: tuple[str, ...],
        notes: Mapping[str, int] = MappingProxyType({}),
        redacted: Mapping[str, int] = MappingProxyType({}),
        scores: tuple[ScoreSummary, ...] = (),
        n_outcomes_unused: int = 0,
        unmapped: Mapping[str, int] = MappingProxyType({}),
        recipe: str = "",
    ) -> IngestSummary:
        """Return what was added up."""
        names, how = self.order(declared)
        n_tasks, n_complete, information = self._coverage()
        types = self._learnable.types()
        return IngestSummary(
            out=out,
            files=files,
            tiers=tuple(self._tier(name) for name in names or sorted(self._n_rows)),
            tier_order=how,
            task_types=dict(self._task_types.most_common()),
            n_tasks=n_tasks,
            n_tasks_on_all_tiers=n_complete,
            information=information,
            n_with_propensity=self._n_with_propensity,
            first_timestamp=self._times[0] if self._times else None,
            last_timestamp=self._times[1] if self._times else None,
            issues=dict(sorted(issues.items(), key=lambda item: (-item[1], item[0]))),
            first_issues=first_issues,
            notes=dict(notes),
            redacted=dict(redacted),
            scores=scores,
            n_outcomes_unused=n_outcomes_unused,
            types=types,
            models=self._learnable.models(),
            quality_sources=dict(self._learnable.sources.most_common()),
            unmapped_models=dict(unmapped),
            findings=findings(
                types,
                n_rows=sum(self._n_rows.values()),
                n_with_cost=sum(self._known[tier, "y_cost_usd"] for tier in self._n_rows),
                n_with_propensity=self._n_with_propensity,
                is_full=information == "full",
                unmapped=unmapped,
            ),
            recipe=recipe,
        )

    def _add_means(self, table: "pa.Table", tiers: Sequence[str]) -> None:
        # Not by Arrow's group_by, whose import takes as long as reading some 30 MB.
        self._n_rows.update(tiers)
        for name in _MEANS:
            found: defaultdict[str, list[float]] = defaultdict(list)
            for tier, value in zip(tiers, table[name].to_pylist(), strict=True):
                if value is not None:
                    found[tier].append(value)
            for tier, values in found.items():
                self._known[tier, name] += len(values)
                self._sum[tier, name] += sum(values)

    def _means(self, name: str) -> dict[str, float]:
        return {
            tier: _rounded(self._sum[tier, name] / n)
            for tier in self._n_rows
            if (n := self._known[tier, name])
        }

    def _tier(self, name: str) -> TierSummary:
        return TierSummary(
            name=name,
            n_rows=self._n_rows[name],
            n_with_quality=self._known[name, "y_quality"],
            n_with_cost=self._known[name, "y_cost_usd"],
            mean_quality=self._means("y_quality").get(name),
            mean_cost_usd=self._means("y_cost_usd").get(name),
            n_with_tokens=self._learnable.n_with_tokens[name],
        )

    def _coverage(self) -> tuple[int, int, Information]:
        """Return the tasks, those that were run on every tier, and what that makes of the table."""
        tasks, pairs = np.concatenate(self._tasks), np.concatenate(self._pairs)
        one_per_pair = tasks[np.unique(pairs, return_index=True)[1]]
        n_tiers = np.unique(one_per_pair, return_counts=True)[1]
        n_complete = int((n_tiers == len(self._n_rows)).sum())
        if len(self._n_rows) > 1 and n_complete == len(n_tiers):
            return len(n_tiers), n_complete, "full"
        return len(n_tiers), n_complete, "logged" if (n_tiers == 1).all() else "mixed"


def _rounded(mean: float) -> float:
    """Return a mean to 12 digits: what is left depends on the order in which it was added up."""
    return float(f"{mean:.12g}")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MEANS = ("y_quality", "y_cost_usd")
