"""RouterArena's files: JSON Lines, one model per file, its answer to each question evaluated.

``success`` says that the model answered; a failed request has no quality. ``ground_truth`` and the
answers are outcomes and are never read.
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
from tracetier.records import Invocation, Level


class Evaluated(Struct, frozen=True):
    """Score in [0, 1], and what the answer cost in USD."""

    score: float | None = None
    inference_cost: float | None = None


class Tokens(Struct, frozen=True):
    """Tokens of the call."""

    input_tokens: int | None = None
    output_tokens: int | None = None


class AnswerLine(Struct, frozen=True):
    """One question with the answer of one model."""

    question: str
    llm_selected: str
    global_index: str | int | None = None
    success: bool | None = None
    error: str | None = None
    token_usage: Tokens | None = None
    evaluation_result: Evaluated | None = None


_LINE = decoder(AnswerLine)


class RouterArena:
    """Lines of ``global_index``, ``question``, ``llm_selected``, ``evaluation_result``."""

    name = "routerarena"
    level: Level = "task"
    stands_alone = True

    def matches(self, head: Head) -> float:
        """Tell by the names in the lines, or in a list of them."""
        return float({"global_index", "question", "llm_selected"} <= names_of_records(head))

    def read(self, source: Source, context: Context) -> Iterator[Invocation | Issue]:
        """Yield one invocation per line."""
        for line in read_each(source, _LINE):
            if isinstance(line, Issue):
                yield line
            elif not (line.question and line.llm_selected):
                told = "line needs a question and the model that answered"
                yield source.issue(Fault("missing", told, pointer="question"))
            else:
                yield _invocation(line)


def _invocation(line: AnswerLine) -> Invocation:
    told, used = line.evaluation_result or Evaluated(), line.token_usage or Tokens()
    failed = line.success is False or bool(line.error)
    quality = None if failed else told.score
    return Invocation(
        trace_id=digest(line.question, line.llm_selected, repr(told.score), str(used)),
        task_id=task_id_of(line.question),
        task_text=line.question,
        task_type=_data_set(line.global_index),
        model=line.llm_selected,
        y_quality=quality,
        y_quality_source=None if quality is None else "reference",
        y_cost_usd=told.inference_cost or None,
        y_input_tokens=used.input_tokens,
        y_output_tokens=used.output_tokens,
        y_status="error" if failed else "ok",
        y_error_type=(line.error or "error")[:80] if failed else None,
    )


def _data_set(index: str | int | None) -> str | None:
    """Return the data set that a question is of: ``AIME_112`` is of AIME."""
    name, mark, _ = index.rpartition("_") if isinstance(index, str) else ("", "", "")
    return name if mark and name else None


FORMAT = RouterArena
