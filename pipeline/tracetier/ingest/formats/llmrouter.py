"""LLMRouter's files: queries, and outcomes in a second file that repeats them, long or wide.

A file of queries alone tells no outcome, and so gives no row. ``ground_truth`` is the answer and is
never read.
"""

from collections.abc import Iterator

from msgspec import Struct

from tracetier.ingest.formats._json_head import names_of_records
from tracetier.ingest.formats._typed_json import decoder, read_each
from tracetier.ingest.head import Head
from tracetier.ingest.identity import digest, task_id_of
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import NoStep
from tracetier.records import Invocation, Level

_JUDGED = ("judge", "gpt", "llm")


class QueryLine(Struct, frozen=True):
    """A query, with the outcome of one model, of several, or of none."""

    query: str
    task_name: str | None = None
    metric: str | None = None
    model_name: str | None = None
    llm: str | None = None
    performance: float | None = None
    score: float | None = None
    scores: dict[str, float | None] | None = None
    cost: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    response_time: float | None = None


_LINE = decoder(QueryLine)


class LlmRouter:
    """Lines of ``task_name``, ``query``, ``metric``, and maybe a model with its performance."""

    name = "llmrouter"
    level: Level = "task"
    stands_alone = True

    def matches(self, head: Head) -> float:
        """Tell by the names in the lines, or in a list of them."""
        names = names_of_records(head)
        signs = ("metric", "ground_truth", "performance", "scores")
        return float({"task_name", "query"} <= names and any(sign in names for sign in signs))

    def read(self, source: Source, context: Context) -> Iterator[Invocation | NoStep | Issue]:
        """Yield one invocation per query and model."""
        for line in read_each(source, _LINE):
            if isinstance(line, Issue):
                yield line
            elif not line.query:
                yield source.issue(Fault("missing", "query is empty", pointer="query"))
            else:
                yield from _invocations(line)


def _invocations(line: QueryLine) -> Iterator[Invocation | NoStep]:
    model = line.model_name or line.llm
    if line.scores:
        for name, score in line.scores.items():
            yield _invocation(line, name, score, is_alone=False)
    elif model:
        quality = line.performance if line.performance is not None else line.score
        yield _invocation(line, model, quality, is_alone=True)
    else:
        yield NoStep()


def _invocation(
    line: QueryLine, model: str, quality: float | None, *, is_alone: bool
) -> Invocation:
    is_judged = any(word in (line.metric or "").lower() for word in _JUDGED)
    source = "judge" if is_judged else "reference"
    return Invocation(
        trace_id=digest(line.query, model, repr(quality), repr(line.response_time)),
        task_id=task_id_of(line.query),
        task_text=line.query,
        task_type=line.task_name,
        model=model,
        y_quality=quality,
        y_quality_source=None if quality is None else source,
        y_cost_usd=line.cost or None if is_alone else None,
        y_latency_s=line.response_time if is_alone else None,
        y_input_tokens=line.input_tokens if is_alone else None,
        y_output_tokens=line.output_tokens if is_alone else None,
    )


FORMAT = LlmRouter
