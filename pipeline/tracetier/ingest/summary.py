"""What a run read: per file, per tier, and whether it is enough to learn from."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
from msgspec import Struct

from tracetier.errors import TierError
from tracetier.ingest.assemble.score_tally import ScoreSummary
from tracetier.ingest.learnable import Learnable, ModelSummary, TypeSummary, findings
from tracetier.ingest.seen import Hashes, hashes_of
from tracetier.records import Level
from tracetier.tiers import order_by_cost

if TYPE_CHECKING:
    import pyarrow as pa

Information = Literal["full", "logged", "mixed"]
TierOrder = Literal["declared", "by cost", "unknown"]


NOTES: Mapping[str, str] = MappingProxyType(
    {
        "calls_outside_runs": "model calls outside of all agents, each a row by itself",
        "runs_without_model": "runs that tell neither a call nor a model, no row",
        "runs_without_calls": "runs that tell a model but no call, no row at the level of calls; "
        "--level agent_run reads them",
        "retold_calls": "records of a model call that another record tells too, counted once",
        "by_default_model": "rows that name no model and were given the --default-model",
        "mixed_models": "rows with several models, credited to the one that cost most",
        "unplaced_scores": "scores that could not be given to one row; read at another --level, or "
        "give a file of scores by itself as --scores",
        "late_steps": "steps whose trace had been closed to save memory; sort the file by trace",
        "cut_traces": "traces and sessions that were cut in parts so, what came before not known",
    }
)
"""What each of a summary's notes counts."""


_OF_THE_RUN = ("out", "files", "recipe", "first_issues", "n_bytes")


class FileSummary(Struct, kw_only=True):
    """One file: ``n_records = n_read + n_no_step + n_rejected + n_duplicates``.

    Attributes
    ----------
    level : {"call", "agent_run", "task"}, optional
        What is a row, where the file tells steps.
    n_read : int
        Records that are in the table: a row each in flat logs, steps of rows in nested ones.
    n_no_step : int
        Records that tell no step, or a further piece of one.
    n_rows : int
        Rows that came of them.
    n_rows_left_out : int
        Rows that steps gave but that are not in the table: read before, or of no known tier.
    n_shared : int
        Records of traces and sessions that other files tell of too, read as one with those.
    n_clashes : int
        Rows that were left out because of what other files, or earlier parts of this one, hold.
    stamp : str, optional
        By which the next run knows whether the file has changed; ``None`` where that is unknown.
    """

    path: str
    format: str | None = None
    level: Level | None = None
    n_bytes: int = 0
    n_read: int = 0
    n_no_step: int = 0
    n_rejected: int = 0
    n_duplicates: int = 0
    n_rows: int = 0
    n_rows_left_out: int = 0
    ignored_columns: tuple[str, ...] = ()
    notes: dict[str, int] = {}
    scores: tuple[ScoreSummary, ...] = ()
    redacted: dict[str, int] = {}
    n_clashes: int = 0
    n_shared: int = 0
    stamp: str | None = None

    @property
    def n_records(self) -> int:
        """Records that were in the file."""
        return self.n_read + self.n_no_step + self.n_rejected + self.n_duplicates


class TierSummary(Struct, frozen=True, kw_only=True):
    """One tier: means over the rows where the value is known, ``None`` where it never is."""

    name: str
    n_rows: int
    n_with_quality: int
    n_with_cost: int
    mean_quality: float | None
    mean_cost_usd: float | None
    n_with_tokens: int = 0


class FormatSummary(Struct, frozen=True, kw_only=True):
    """All files of one format; counts as in `FileSummary`."""

    name: str
    n_files: int
    n_bytes: int
    n_records: int
    n_rows: int
    n_rejected: int
    n_duplicates: int


class IngestSummary(Struct, frozen=True, kw_only=True):
    """What a run read, and where it put it.

    Attributes
    ----------
    out : str
        The table.
    tiers : tuple of TierSummary
        Cheap to dear where ``tier_order`` is known.
    information : {"full", "logged", "mixed"}
        Whether every task was run on all tiers, each on one, or some on several.
    n_tasks_on_all_tiers, n_with_propensity : int
        Tasks whose every tier was seen; rows that tell with which probability their tier was taken.
    issues : dict of str to int
        Issues by reason, the most frequent first.
    first_issues : tuple of str
        The first of each reason; all are in ``issues.parquet``.
    notes : dict of str to int
        What was found in nested logs and gave no row, or a row that needs a word: see `NOTES`.
    redacted : dict of str to int
        What was taken out of what is written, by kind.
    scores : tuple of ScoreSummary
        Scores by name, with those that could not be used.
    n_outcomes_unused : int
        Of what the user's own outcomes are about, how much was not in the logs.
    types : tuple of TypeSummary
        Rows by task type and tier: where tiers met.
    models : tuple of ModelSummary
        Models, and what tier each was taken for.
    quality_sources : dict of str to int
        Who judged, and how many rows.
    unmapped_models : dict of str to int
        Models in no declared tier, and the rows that were left out for it.
    findings : tuple of str
        What can and cannot be learned from the table, and how to supply what is missing.
    recipe : str
        Stamp of all but the files that the rows follow from.
    """

    out: str
    files: tuple[FileSummary, ...]
    tiers: tuple[TierSummary, ...]
    tier_order: TierOrder
    task_types: dict[str, int]
    n_tasks: int
    n_tasks_on_all_tiers: int
    information: Information
    n_with_propensity: int
    first_timestamp: datetime | None
    last_timestamp: datetime | None
    issues: dict[str, int]
    first_issues: tuple[str, ...]
    notes: dict[str, int] = {}
    redacted: dict[str, int] = {}
    scores: tuple[ScoreSummary, ...] = ()
    n_outcomes_unused: int = 0
    types: tuple[TypeSummary, ...] = ()
    models: tuple[ModelSummary, ...] = ()
    quality_sources: dict[str, int] = {}
    unmapped_models: dict[str, int] = {}
    findings: tuple[str, ...] = ()
    recipe: str = ""

    @property
    def formats(self) -> tuple[FormatSummary, ...]:
        """Files by format, the one with most rows first; ``none`` for files that nobody knows."""
        by_name: dict[str, list[FileSummary]] = {}
        for file in self.files:
            by_name.setdefault(file.format or "none", []).append(file)
        found = [_format_summary(name, files) for name, files in by_name.items()]
        return tuple(sorted(found, key=lambda one: (-one.n_rows, one.name)))

    @property
    def n_rows(self) -> int:
        """Rows of the table."""
        return sum(file.n_rows for file in self.files)

    @property
    def n_read(self) -> int:
        """Records that are in the table."""
        return sum(file.n_read for file in self.files)

    @property
    def n_no_step(self) -> int:
        """Records that tell no step of their own."""
        return sum(file.n_no_step for file in self.files)

    @property
    def n_rejected(self) -> int:
        """Records that could not be read."""
        return sum(file.n_rejected for file in self.files)

    @property
    def n_duplicates(self) -> int:
        """Records that had been read before."""
        return sum(file.n_duplicates for file in self.files)

    @property
    def n_records(self) -> int:
        """Records in all files: read + without a step + rejected + duplicates."""
        return sum(file.n_records for file in self.files)

    @property
    def n_bytes(self) -> int:
        """Bytes of all files on disk."""
        return sum(file.n_bytes for file in self.files)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data, for JSON."""
        totals = (
            *("n_records", "n_read", "n_no_step", "n_rejected", "n_duplicates"),
            *("n_rows", "n_bytes"),
        )
        found: dict[str, Any] = msgspec.to_builtins(self)
        for file, plain in zip(self.files, found["files"], strict=True):
            plain["n_records"] = file.n_records
        found["formats"] = msgspec.to_builtins(self.formats)
        return {name: getattr(self, name) for name in totals} | found

    def account(self) -> dict[str, Any]:
        """Return what the table itself keeps: all but places and single files."""
        whole = self.to_dict()
        return {name: value for name, value in whole.items() if name not in _OF_THE_RUN}

    def __str__(self) -> str:
        tiers = ", ".join(f"{tier.name} {tier.n_rows:,}" for tier in self.tiers)
        return (
            f"{self.n_rows:,} rows of {self.n_tasks:,} tasks in {self.out} ({tiers}); "
            f"{self.n_records:,} records in {len(self.files):,} files, "
            f"{self.n_rejected:,} rejected, {self.n_duplicates:,} duplicates"
        )


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
        import pyarrow as pa
        import pyarrow.compute as pc

        tiers, tasks = table["tier"].to_pylist(), table["task_id"].to_pylist()
        self._tasks.append(hashes_of(tasks))
        self._pairs.append(hashes_of(zip(tasks, tiers, strict=True)))
        self._add_means(table, tiers)
        self._learnable.add(table, tiers)
        self._task_types.update(name for name in table["task_type"].to_pylist() if name is not None)
        self._n_with_propensity += len(table) - table["p_log"].null_count
        # As numbers, since Arrow imports pandas to give a time.
        span = pc.min_max(table["timestamp"].cast(pa.int64())).as_py().values()
        self._times += [_EPOCH + timedelta(microseconds=n) for n in span if n is not None]
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


def _format_summary(name: str, files: Sequence[FileSummary]) -> FormatSummary:
    sums = {
        field: sum(getattr(file, field) for file in files)
        for field in ("n_bytes", "n_records", "n_rows", "n_rejected", "n_duplicates")
    }
    return FormatSummary(name=name, n_files=len(files), **sums)


def _rounded(mean: float) -> float:
    """Return a mean to 12 digits: what is left depends on the order in which it was added up."""
    return float(f"{mean:.12g}")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MEANS = ("y_quality", "y_cost_usd")
