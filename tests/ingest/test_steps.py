"""The steps of a file on their way to rows: nothing is lost, and what is wrong is told."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import inf, nan
from typing import Any

import pytest

from tracetier.ingest.assemble.group import Grouper
from tracetier.ingest.assemble.judge import NO_MAP
from tracetier.ingest.assemble.score_tally import ScoreTally
from tracetier.ingest.span import Addition, Score, Span
from tracetier.ingest.steps import Out, StepFault, StepRow, Steps

_START = datetime(2026, 1, 5, tzinfo=UTC)
GOOD = Score(name="s", value=1, low=0, high=1, better="high")


def _steps(**options: Any) -> Steps:
    tally = ScoreTally(NO_MAP.scores)
    return Steps("call", price=lambda call: None, judges=NO_MAP, tally=tally, **options)


def _call(span_id: str, trace_id: str = "t", start: int = 0, **fields: Any) -> Span:
    begin = _START + timedelta(seconds=start)
    return Span(
        trace_id=trace_id, span_id=span_id, kind="call", start=begin, model_asked="m", **fields
    )


def _outs(steps: Steps, *items: Span | Addition) -> Iterator[Out]:
    for line, item in enumerate(items, start=1):
        yield from steps.add(item, line)
    yield from steps.finish()


def test_rows_come_with_the_line_of_their_step() -> None:
    """In the order of time, not of the file."""
    outs = list(_outs(_steps(), _call("b", start=5), _call("a", start=1)))

    assert [(out.row.span_id, out.line) for out in outs if isinstance(out, StepRow)] == [
        ("a", 2),
        ("b", 1),
    ]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"trace_id": ""}, "missing"),
        ({"span_id": ""}, "missing"),
        ({"start": datetime(2026, 1, 5)}, "bad_value"),  # noqa: DTZ001 - that is what is wrong
        ({"input_tokens": -1}, "out_of_range"),
        ({"output_tokens": 2**60}, "out_of_range"),
        ({"input_tokens": 5, "cache_read_tokens": 6}, "out_of_range"),
        ({"cost_usd": nan}, "not_finite"),
        ({"latency_s": inf}, "not_finite"),
        ({"p_log": 0.0}, "out_of_range"),
    ],
)
def test_a_step_with_a_value_that_cannot_be_is_lost_alone(
    fields: dict[str, Any], reason: str
) -> None:
    """With its line; the others go on without it."""
    values = {"trace_id": "t", "span_id": "bad", "kind": "call", "model_asked": "m"} | fields
    steps = _steps()
    fault, row = _outs(steps, Span(**values), _call("good"))

    assert isinstance(fault, StepFault)
    assert (fault.fault.reason, fault.line, fault.is_record) == (reason, 1, True)
    assert isinstance(row, StepRow)
    assert steps.n_read == 1


def test_a_step_that_is_told_twice_counts_once() -> None:
    """The first record counts; the same id in another trace is another step."""
    steps = _steps()
    outs = list(_outs(steps, _call("a"), _call("a"), _call("a", trace_id="u")))
    faults = [out for out in outs if isinstance(out, StepFault)]

    assert [(out.fault.reason, out.line, out.is_record) for out in faults] == [
        ("duplicate", 2, True)
    ]
    assert (steps.n_read, len(outs)) == (2, 3)


def test_a_circle_is_told_and_loses_nothing() -> None:
    """Its steps are read; the issue is no record of its own."""
    steps = _steps()
    outs = list(
        _outs(
            steps,
            _call("a", parent_id="b", response_id="1"),
            _call("b", start=1, parent_id="a", response_id="2"),
        )
    )

    assert [
        (out.fault.reason, out.line, out.is_record) for out in outs if isinstance(out, StepFault)
    ] == [("circle", 1, False)]
    assert (steps.n_read, len(outs)) == (2, 3)


def test_scores_told_apart_come_to_their_step_or_are_counted() -> None:
    """Before the step or after it; what no step is for is left over."""
    steps = _steps()
    early = Addition(span_id="a", scores=(GOOD,))
    late = Addition(trace_id="t", span_id="b", scores=(GOOD,))
    lost = [
        Addition(span_id="x", scores=(GOOD, GOOD)),
        Addition(trace_id="other", scores=(GOOD,)),
    ]
    outs = list(_outs(steps, early, _call("a"), _call("b"), late, *lost))

    assert [out.row.y_quality for out in outs if isinstance(out, StepRow)] == [1.0, 1.0]
    assert steps.notes == {"unplaced_scores": 3}
    assert steps.n_read == 6


def test_a_trace_that_was_closed_early_is_told() -> None:
    """Its late step is a row that cannot say what came before it."""
    steps = _steps(grouper=Grouper(max_spans=1))
    early = [_call("a", session_id="s"), _call("b", trace_id="u")] * 500
    rows = {
        out.row.span_id: out.row
        for out in _outs(steps, *early, _call("c", start=9, session_id="s"))
        if isinstance(out, StepRow)
    }

    assert rows["a"].turn_index == 0
    assert rows["c"].turn_index is None
    assert steps.notes["late_steps"] == 1
