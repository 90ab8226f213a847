"""Outcome tables: one row per task and tier, quality from 0 to 10.

The billed token counts come after the call and from the tokenizer of the model that answered, so
they are outcomes, never features. The quality is from a ``reference`` where the row has a verdict
(``success``), else ``given``: the file does not say by whom.
"""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from tracetier.ingest.columns import note_columns
from tracetier.ingest.head import Head
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.rows import read_rows
from tracetier.ingest.source import Source
from tracetier.records import AttrValue, Invocation, Level

_FIELDS = {
    "task_text": "prompt",
    "y_quality": "quality",
    "y_cost_usd": "cost_usd",
    "y_latency_s": "latency_s",
    "y_input_tokens": "prompt_tokens",
    "y_output_tokens": "completion_tokens",
    "p_log": "propensity",
}
_BEST_QUALITY = 10.0


class OutcomeRow(Struct, frozen=True, kw_only=True):
    """One row of an outcome table, as it stands there."""

    trace_id: str
    task_id: str
    timestamp: datetime | None = None
    task_type: str | None = None
    prompt: str = ""
    tools: list[str] | None = None
    n_tools: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    latency_s: float | None = None
    tier: str | None = None
    model: str | None = None
    cost_usd: float | None = None
    quality: float | None = None
    success: bool | None = None
    propensity: float | None = None
    attrs: dict[str, AttrValue] | None = None


class Outcomes:
    """Rows of trace_id, task_id, prompt, tier, cost_usd, quality and more."""

    name = "outcomes"
    level: Level = "task"
    stands_alone = True
    splittable = True

    def matches(self, head: Head) -> float:
        """Tell by the ids, the prompt, and an outcome beside it."""
        has_outcome = head.has("quality") or head.has("success") or head.has("cost_usd")
        return float(head.has("trace_id", "task_id", "prompt") and has_outcome)

    def read(self, source: Source, context: Context) -> Iterator[Invocation | Issue]:
        """Yield one invocation per row."""
        source.fields.update(_FIELDS)
        yield from note_columns(source, OutcomeRow.__struct_fields__)
        for row in read_rows(source, OutcomeRow):
            yield row if isinstance(row, Issue) else _invocation(source, row)


def _invocation(source: Source, row: OutcomeRow) -> Invocation | Issue:
    quality, success = row.quality, row.success
    if quality is None:
        quality = None if success is None else _BEST_QUALITY * success
    elif not 0 <= quality <= _BEST_QUALITY:
        message = f"quality is {quality:g}, must be from 0 to 10"
        return source.issue(Fault("out_of_range", message, pointer="quality", value=quality))
    n_tools = row.n_tools
    if n_tools is None and row.tools is not None:
        n_tools = len(row.tools)
    return Invocation(
        trace_id=row.trace_id,
        task_id=row.task_id,
        timestamp=row.timestamp,
        task_text=row.prompt,
        task_type=row.task_type,
        tools=row.tools,
        n_tools=n_tools,
        attrs=row.attrs,
        model=row.model,
        tier=row.tier,
        p_log=row.propensity,
        y_quality=None if quality is None else quality / _BEST_QUALITY,
        y_quality_source=_quality_source(quality, success),
        y_cost_usd=row.cost_usd,
        y_latency_s=row.latency_s,
        y_input_tokens=row.prompt_tokens,
        y_output_tokens=row.completion_tokens,
    )


def _quality_source(quality: float | None, success: bool | None) -> str | None:
    if quality is None:
        return None
    return "given" if success is None else "reference"


FORMAT = Outcomes
