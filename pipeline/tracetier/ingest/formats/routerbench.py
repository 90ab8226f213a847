"""RouterBench's table, exported from its pickle: one prompt per row, quality and cost per model.

``oracle_model_to_route_to`` and ``<model>|model_response`` are outcomes and are not read. The
quality is against a reference, but for MT-Bench, where a judge gave it.
"""

import ast
from collections.abc import Iterator

from tracetier.ingest.coerce import number, text
from tracetier.ingest.head import Head
from tracetier.ingest.identity import digest, task_id_of
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.rows import Record, read_records
from tracetier.ingest.source import Source
from tracetier.records import Invocation, Level

_COST = "|total_cost"
_FRAME = ("sample_id", "prompt", "eval_name")
_LIST_CHARS = 1_000_000


class RouterBench:
    """``sample_id``, ``prompt``, ``eval_name``, and ``<model>`` with ``<model>|total_cost``."""

    name = "routerbench"
    level: Level = "task"
    stands_alone = True

    def matches(self, head: Head) -> float:
        """Tell by the columns of costs."""
        return float(head.has("prompt") and bool(_models(head)))

    def read(self, source: Source, context: Context) -> Iterator[Invocation | Issue]:
        """Yield one invocation per row and model."""
        models = _models(source.head)
        read = {*_FRAME, *models, *(model + _COST for model in models)}
        source.ignored.update(set(source.head.columns) - read)
        for record in read_records(source):
            if isinstance(record, Issue):
                yield record
                continue
            if record.get("prompt") in (None, ""):
                told = "prompt is missing, every row needs one"
                yield source.fault("missing", told, pointer="prompt")
                continue
            for model in models:
                try:
                    yield _invocation(record, model)
                except Fault as fault:
                    yield source.issue(fault)


def _models(head: Head) -> list[str]:
    named = (name.removesuffix(_COST) for name in head.columns if name.endswith(_COST))
    return [model for model in named if model in head.columns]


def _invocation(record: Record, model: str) -> Invocation:
    prompt = _prompt(_told(record, "prompt"))
    quality, cost_usd = _number(record, model), _number(record, model + _COST)
    task_type = _told(record, "eval_name") or None
    is_judged = (task_type or "").lower().replace("-", "").startswith("mtbench")
    source = "judge" if is_judged else "reference"
    return Invocation(
        trace_id=digest(_told(record, "sample_id"), prompt, model, repr(quality), repr(cost_usd)),
        task_id=task_id_of(prompt),
        task_text=prompt,
        task_type=task_type,
        model=model,
        y_quality=quality,
        y_quality_source=None if quality is None else source,
        y_cost_usd=cost_usd,
    )


def _told(record: Record, name: str) -> str:
    value = record.get(name)
    return "" if value is None else text(value)


def _number(record: Record, name: str) -> float | None:
    value = record.get(name)
    if value is None or value == "":
        return None
    try:
        return number(value)
    except Fault as fault:
        raise Fault(fault.reason, f"{name} must be {fault}", pointer=name, value=value) from None


def _prompt(told: str) -> str:
    """Return the prompt, which the table writes as a Python list of one text or several turns."""
    if not (told.startswith("[") and told.endswith("]") and len(told) <= _LIST_CHARS):
        return told
    try:
        pieces = ast.literal_eval(told)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return told
    is_texts = isinstance(pieces, list) and all(isinstance(piece, str) for piece in pieces)
    return "\n".join(pieces) if is_texts else told


FORMAT = RouterBench
