"""Which row a score counts for."""

from collections.abc import Callable
from typing import Any

import pytest

from tracetier.ingest.assemble.assemble import assemble
from tracetier.ingest.span import Addition, Score, Span

Step = Callable[..., Span]


def _score(value: float, **fields: Any) -> tuple[Score, ...]:
    return (Score(name="reward", value=value, low=0, high=1, better="high", **fields),)


def _told(spans: list[Span], level: Any, *additions: Addition) -> tuple[dict[str, Any], int]:
    found = assemble(spans, level, additions=additions)
    qualities = {row.span_id or "": row.y_quality for row in found.rows}
    return qualities, found.counts["unplaced_scores"]


@pytest.fixture
def trace(step: Step) -> Callable[..., list[Span]]:
    """A chain with an agent of two calls and a sub-agent; scores by span id."""

    def build(**scores: tuple[Score, ...]) -> list[Span]:
        model = {"model_asked": "m"}
        spans = [
            step("group", "root", None, 0, 20),
            step("agent", "run", "root", 1, 19),
            step("call", "c1", "run", 2, 3, **model),
            step("tool", "task", "c1", 4, 10),
            step("agent", "sub", "task", 5, 9),
            step("call", "s1", "sub", 6, 7, **model),
            step("call", "c2", "run", 11, 12, **model),
        ]
        return [
            step(
                span.kind,
                span.span_id,
                span.parent_id,
                scores=scores.get(span.span_id, ()),
                start=i,
                end=20 - i,
                model_asked=span.model_asked,
            )
            for i, span in enumerate(spans)
        ]

    return build


def test_a_score_counts_for_the_run_that_it_is_on(trace: Callable[..., list[Span]]) -> None:
    """And for no other."""
    spans = trace(run=_score(0.5), sub=_score(0.25))

    assert _told(spans, "agent_run") == ({"run": 0.5, "sub": 0.25}, 0)


def test_a_call_s_score_counts_for_its_run_where_that_has_none(
    trace: Callable[..., list[Span]],
) -> None:
    """The run's own goes first; the sub-agent's call says nothing of the parent."""
    assert _told(trace(c2=_score(1)), "agent_run")[0] == {"run": 1.0, "sub": None}
    assert _told(trace(c2=_score(1), run=_score(0)), "agent_run")[0]["run"] == 0.0
    assert _told(trace(s1=_score(1)), "agent_run")[0] == {"run": None, "sub": 1.0}


def test_a_trace_s_score_counts_for_its_one_run(trace: Callable[..., list[Span]]) -> None:
    """On the chain around it, or told of the trace; at the level of tasks it is the row's own."""
    of_trace = Addition(trace_id="t", scores=_score(1))

    assert _told(trace(root=_score(1)), "agent_run") == ({"run": 1.0, "sub": None}, 0)
    assert _told(trace(), "agent_run", of_trace) == ({"run": 1.0, "sub": None}, 0)
    assert _told(trace(root=_score(1)), "task") == ({"root": 1.0}, 0)
    assert _told(trace(), "task", of_trace) == ({"root": 1.0}, 0)


def test_a_score_of_several_calls_counts_for_none(trace: Callable[..., list[Span]]) -> None:
    """Nobody knows which of them earned it; it is counted, not lost."""
    qualities, n_unplaced = _told(trace(run=_score(1)), "call")

    assert qualities == {"c1": None, "s1": None, "c2": None}
    assert n_unplaced == 1


def test_a_run_of_one_call_hands_its_score_to_it(step: Step) -> None:
    """There is nothing else that it could mean."""
    spans = [
        step("agent", "run", None, 0, 9, scores=_score(1)),
        step("call", "c", "run", 1, 2, model_asked="m"),
    ]

    assert _told(spans, "call") == ({"c": 1.0}, 0)


def test_a_run_goes_before_a_call_beside_it(step: Step) -> None:
    """A title made on the way does not part the trace's score from the agent."""
    spans = [
        step("group", "root", None, 0, 9, scores=_score(1)),
        step("call", "title", "root", 1, 2, model_asked="m"),
        step("agent", "run", "root", 3, 8),
        step("call", "c", "run", 4, 5, model_asked="m"),
    ]

    assert _told(spans, "agent_run") == ({"title": None, "run": 1.0}, 0)


def test_a_session_s_score_counts_for_its_one_run(step: Step) -> None:
    """Of two turns it counts for none."""
    turns = [
        step(
            "agent",
            "run",
            None,
            10 * i,
            10 * i + 9,
            trace_id=str(i),
            session_id="s",
            model_asked="m",
        )
        for i in range(2)
    ]
    of_session = Addition(session_id="s", scores=_score(1))

    assert _told(turns[:1], "agent_run", of_session) == ({"run": 1.0}, 0)
    assert _told(turns, "agent_run", of_session) == ({"run": None}, 1)


def test_an_infrastructure_failure_has_no_quality(step: Step) -> None:
    """Whatever a judge made of it (R7)."""
    failed = {"outcome": "error", "is_infrastructure_error": True, "model_asked": "m"}
    spans = [step("call", "c", None, 0, 1, scores=_score(0), **failed)]

    assert _told(spans, "call") == ({"c": None}, 0)
