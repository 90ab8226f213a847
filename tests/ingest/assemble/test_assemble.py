"""Laws that hold for any spans."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.ingest.assemble.assemble import assemble
from tracetier.ingest.check import find_fault
from tracetier.ingest.span import Span, SpanKind
from tracetier.records import Level

Step = Callable[..., Span]
LEVELS: tuple[Level, ...] = ("call", "agent_run", "task")
KINDS: tuple[SpanKind, ...] = ("call", "call", "tool", "agent", "turn", "group")
_START = datetime(2026, 1, 5, tzinfo=UTC)
_TIMES = st.none() | st.integers(0, 50).map(lambda second: _START + timedelta(seconds=second))


@st.composite
def _any_spans(draw: st.DrawFn) -> list[Span]:
    """Spans with any parents: before, after, lost, in circles; with any times.

    The tokens of calls are powers of two; whatever holds calls repeats some sum.
    """
    ids = [str(i) for i in range(draw(st.integers(1, 14)))]
    return [_span(draw, id_, ids) for id_ in ids]


def _span(draw: st.DrawFn, id_: str, ids: list[str]) -> Span:
    kind = draw(st.sampled_from(KINDS))
    is_call = kind == "call"
    return Span(
        trace_id=draw(st.sampled_from("ab")),
        span_id=id_,
        parent_id=draw(st.none() | st.sampled_from([*ids, "lost", ""])),
        session_id=draw(st.sampled_from([None, "s", "u"])),
        kind=kind,
        name=draw(st.sampled_from([None, "x"])),
        start=draw(_TIMES),
        end=draw(_TIMES),
        text=draw(st.sampled_from(["", "text"])),
        model_asked="m" if is_call else None,
        response_id=id_ if is_call else None,  # no two reporters of one call
        input_tokens=2 ** int(id_) if is_call else 999_999,
        output_tokens=1,
        cost_usd=1.0,
        outcome=draw(st.sampled_from([None, "ok", "error"])),
        is_judge=draw(st.sampled_from([False, False, False, True])),
    )


@given(spans=_any_spans(), seed=st.integers(0, 9))
@pytest.mark.parametrize("level", LEVELS)
def test_the_order_of_the_records_changes_nothing(
    level: Level, spans: list[Span], seed: int
) -> None:
    """Children first, parents never: the same rows, byte for byte."""
    shuffled = list(spans)
    random.Random(seed).shuffle(shuffled)
    one, two = assemble(spans, level), assemble(shuffled, level)

    assert one.rows == two.rows
    assert one.counts == two.counts


@given(spans=_any_spans())
def test_each_call_is_counted_once_at_every_level(spans: list[Span]) -> None:
    """And what repeats their sums never (R1)."""
    at_calls, *others = (
        sum(row.y_input_tokens or 0 for row in assemble(spans, level).rows) for level in LEVELS
    )

    assert others == [at_calls, at_calls]


@given(spans=_any_spans())
@pytest.mark.parametrize("level", LEVELS)
def test_every_row_can_go_into_the_table(level: Level, spans: list[Span]) -> None:
    """No count below 0, no cost that is not finite; ids are unique."""
    rows = assemble(spans, level).rows
    ids = [(row.trace_id, row.span_id) for row in rows]

    assert [find_fault(row) for row in rows] == [None] * len(rows)
    assert len(set(ids)) == len(ids)


def test_nothing_gives_nothing() -> None:
    """An empty file."""
    assert assemble([], "agent_run").rows == []


@pytest.mark.parametrize("level", LEVELS)
def test_a_hostile_depth_takes_time_in_proportion(step: Step, level: Level) -> None:
    """Twenty thousand calls within one another, each with a score and an attribute."""
    spans = [
        step(
            "call",
            str(i),
            str(i - 1) if i else None,
            i,
            99_999 - i,
            model_asked="m",
            attrs={"a": 1.0},
        )
        for i in range(20_000)
    ]

    assert len(assemble(spans, level).rows) <= 20_000
