"""What a run read: per file, per tier, and whether it is enough to learn from."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct

from tracetier.ingest.assemble.score_tally import ScoreSummary
from tracetier.ingest.learnable import ModelSummary, TypeSummary
from tracetier.records import Level

if TYPE_CHECKING:
    pass

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


def _format_summary(name: str, files: Sequence[FileSummary]) -> FormatSummary:
    sums = {
        field: sum(getattr(file, field) for file in files)
        for field in ("n_bytes", "n_records", "n_rows", "n_rejected", "n_duplicates")
    }
    return FormatSummary(name=name, n_files=len(files), **sums)
