"""Battles: two answers to one prompt, and which was preferred, as arenas and judges tell it.

CSV, JSON Lines or Parquet with ``winner`` and either ``model_a`` and ``model_b`` or ``tier_a`` and
``tier_b``. Each battle gives two rows of one trace: the preferred answer has quality 1, the other
0, both 1/2 in a tie, from the source ``preference``; they train the gain of one tier over the
other and are never taken for the quality of an answer.
"""

from collections.abc import Iterator

from tracetier.ingest.coerce import number, text
from tracetier.ingest.columns import note_columns
from tracetier.ingest.head import Head
from tracetier.ingest.identity import digest, task_id_of
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.rows import Record, read_records
from tracetier.ingest.source import Source
from tracetier.records import Invocation, Level

_SIDES = ("a", "b")
_TEXTS = ("prompt", "task_text", "text")
_IDS = ("battle_id", "question_id", "id")
_READ = (
    *("winner", "task_id", "task_type"),
    *(_TEXTS + _IDS),
    *(f"{name}_{side}" for name in ("model", "tier", "cost_usd") for side in _SIDES),
)
_SCORES = {
    **dict.fromkeys(("a", "model_a", "tier_a"), (1.0, 0.0)),
    **dict.fromkeys(("b", "model_b", "tier_b"), (0.0, 1.0)),
    **dict.fromkeys(("tie", "tie (bothbad)", "both_bad", "bothbad"), (0.5, 0.5)),
}


class Battles:
    """``winner`` (a, b or tie) of ``model_a`` and ``model_b``, or of ``tier_a`` and ``tier_b``."""

    name = "battles"
    level: Level = "task"
    stands_alone = True
    splittable = True

    def matches(self, head: Head) -> float:
        """Tell by the winner and the two that met."""
        met = head.has("model_a", "model_b") or head.has("tier_a", "tier_b")
        return float(head.has("winner") and met)

    def read(self, source: Source, context: Context) -> Iterator[Invocation | Issue]:
        """Yield two invocations per battle, the answers of either side."""
        source.fields.update({"y_quality": "winner", "task_text": "prompt"})
        yield from note_columns(source, _READ)
        for record in read_records(source):
            if isinstance(record, Issue):
                yield record
                continue
            try:
                yield from _answers(record)
            except Fault as fault:
                yield source.issue(fault)


def _answers(record: Record) -> tuple[Invocation, Invocation]:
    prompt = next((told for name in _TEXTS if (told := _told(record, name))), "")
    task_id = _told(record, "task_id") or (task_id_of(prompt) if prompt else "")
    if not task_id:
        told = f"record has neither task_id nor one of {', '.join(_TEXTS)}; it needs one"
        raise Fault("missing", told, pointer="task_id")
    names = [(_told(record, f"tier_{side}"), _told(record, f"model_{side}")) for side in _SIDES]
    for side, (tier, model) in zip(_SIDES, names, strict=True):
        if not (tier or model):
            told = f"model_{side} is missing, both sides of a battle need a model or a tier"
            raise Fault("missing", told, pointer=f"model_{side}")
    scores = _scores(record, names)
    number_of_battle = next((told for name in _IDS if (told := _told(record, name))), "")
    trace_id = digest(number_of_battle, task_id, *names[0], *names[1], repr(scores))
    first, second = (
        Invocation(
            trace_id=trace_id,
            span_id=side,
            task_id=task_id,
            task_text=prompt,
            task_type=_told(record, "task_type") or None,
            tier=tier or None,
            model=model or None,
            y_quality=score,
            y_quality_source="preference",
            y_cost_usd=_cost(record, f"cost_usd_{side}"),
        )
        for side, (tier, model), score in zip(_SIDES, names, scores, strict=True)
    )
    return first, second


def _scores(record: Record, names: list[tuple[str, str]]) -> tuple[float, float]:
    """Return the score of either side; a winner may also be named by its model or tier."""
    winner = _told(record, "winner").strip()
    found = _SCORES.get(winner.lower())
    if found is not None:
        return found
    if winner and winner in names[0] and winner not in names[1]:
        return 1.0, 0.0
    if winner and winner in names[1] and winner not in names[0]:
        return 0.0, 1.0
    told = f"winner is {winner!r}, must be a, b, tie, or the name of one side"
    raise Fault("bad_value", told, pointer="winner", value=winner)


def _told(record: Record, name: str) -> str:
    value = record.get(name)
    return "" if value is None else text(value)


def _cost(record: Record, name: str) -> float | None:
    value = record.get(name)
    if value is None or value == "":
        return None
    try:
        return number(value)
    except Fault as fault:
        raise Fault(fault.reason, f"{name} must be {fault}", pointer=name, value=value) from None


FORMAT = Battles
