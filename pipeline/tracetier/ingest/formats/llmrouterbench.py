"""LLMRouterBench's results: one document per model and data set, named in it or in its path.

The path is ``<data set>/<split>/<model>/<file>.json``. A cost of 0 for tokens that were used is
that of a model run at home: unknown, not free.
"""

from collections.abc import Iterator

from msgspec import Raw, Struct

from tracetier.ingest.formats._json_head import outline
from tracetier.ingest.formats._typed_json import decoder, read_document, typed
from tracetier.ingest.head import Head
from tracetier.ingest.identity import digest, task_id_of
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.records import Invocation, Level


class Results(Struct, frozen=True):
    """One file."""

    model_name: str | None = None
    dataset_name: str | None = None
    records: list[Raw] | None = None


class Answered(Struct, frozen=True):
    """One query with its outcome."""

    prompt: str | None = None
    origin_query: str | None = None
    score: float | bool | None = None
    cost: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


_RESULTS, _ANSWERED = decoder(Results), decoder(Answered)


class LlmRouterBench:
    """``records`` with ``origin_query`` and ``score``."""

    name = "llmrouterbench"
    level: Level = "task"
    stands_alone = True

    def matches(self, head: Head) -> float:
        """Tell by the records."""
        told = outline(head)
        return float(told.has("records[].origin_query", "records[].score"))

    def read(self, source: Source, context: Context) -> Iterator[Invocation | Issue]:
        """Yield one invocation per record."""
        results = read_document(source, _RESULTS)
        if isinstance(results, Issue):
            yield results
            return
        model, data_set = _named(results, source)
        for source.line, raw in enumerate(results.records or (), 1):
            try:
                yield _invocation(typed(raw, _ANSWERED), model, data_set)
            except Fault as fault:
                yield source.issue(fault)


def _named(results: Results, source: Source) -> tuple[str | None, str | None]:
    """Return the model and the data set, from the document or else from the path."""
    folders = [folder.name for folder in source.path.absolute().parents]
    model, data_set = (*folders, "", "", "")[0], (*folders, "", "", "")[2]
    return results.model_name or model or None, results.dataset_name or data_set or None


def _invocation(record: Answered, model: str | None, data_set: str | None) -> Invocation:
    prompt = record.prompt or record.origin_query
    if not prompt:
        raise Fault("missing", "record has neither prompt nor origin_query", pointer="prompt")
    quality = None if record.score is None else float(record.score)
    return Invocation(
        trace_id=digest(prompt, model or "", repr(quality), repr(record.cost)),
        task_id=task_id_of(record.origin_query or prompt),
        task_text=prompt,
        task_type=data_set,
        model=model,
        y_quality=quality,
        y_quality_source=None if quality is None else "reference",
        y_cost_usd=record.cost or None,
        y_input_tokens=record.prompt_tokens,
        y_output_tokens=record.completion_tokens,
    )


FORMAT = LlmRouterBench
