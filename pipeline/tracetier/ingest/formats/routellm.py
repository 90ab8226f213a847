"""RouteLLM's tables: one prompt per row, and per model whether its answer was right.

A model is a column of ``True`` and ``False``; ``<model>_response`` beside it holds the answer, an
outcome that is not read. There is no cost and there are no tokens.
"""

import csv
from collections.abc import Iterator

from tracetier.ingest.coerce import flag, text
from tracetier.ingest.head import BOM, Head
from tracetier.ingest.identity import digest, task_id_of
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.rows import Record, read_records
from tracetier.ingest.source import Source
from tracetier.records import Invocation, Level

_WORDS = {"true", "false"}
_ANSWER, _COST = "_response", "|total_cost"


class RouteLLM:
    """CSV of ``prompt`` and a column of truth values per model."""

    name = "routellm"
    level: Level = "task"
    stands_alone = True

    def matches(self, head: Head) -> float:
        """Tell by the columns of truth values, two at least, or one with its answers."""
        if not head.has("prompt") or head.kind not in ("csv", "parquet"):
            return 0.0
        models = _models(head)
        has_answers = any(model + _ANSWER in head.columns for model in models)
        return float(has_answers) or 0.6 * (len(models) > 1)

    def read(self, source: Source, context: Context) -> Iterator[Invocation | Issue]:
        """Yield one invocation per row and model."""
        models = _models(source.head)
        source.ignored.update(set(source.head.columns) - {"prompt", *models})
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
    """Return the columns whose first value is a truth value, and those that have answers."""
    found = []
    first = _first_row(head)
    for name in head.columns:
        if name == "prompt" or name.endswith(_ANSWER) or name + _COST in head.columns:
            continue
        if name + _ANSWER in head.columns or first.get(name, "").strip().lower() in _WORDS:
            found.append(name)
    return found


def _first_row(head: Head) -> dict[str, str]:
    if head.kind != "csv":
        return {}
    lines = head.data.removeprefix(BOM).decode("utf-8", "replace").split("\n")
    cells = csv.reader((line + "\n" for line in lines[1:]), delimiter=head.delimiter)
    try:
        return dict(zip(head.columns, next(cells, []), strict=False))
    except csv.Error:
        return {}


def _invocation(record: Record, model: str) -> Invocation:
    value = record.get(model)
    try:
        is_right = None if value is None else flag(value)
        prompt = text(record.get("prompt"))
    except Fault as fault:
        told = f"{model} must be {fault}"
        raise Fault(fault.reason, told, pointer=model, value=value) from None
    return Invocation(
        trace_id=digest(prompt, model, repr(is_right)),
        task_id=task_id_of(prompt),
        task_text=prompt,
        model=model,
        y_quality=None if is_right is None else float(is_right),
        y_quality_source=None if is_right is None else "reference",
    )


FORMAT = RouteLLM
