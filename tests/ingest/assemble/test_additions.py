"""What is told of steps apart from them comes to them."""

from collections.abc import Callable

from tracetier.ingest.assemble.additions import add_to_spans
from tracetier.ingest.span import Addition, Score, Span

Step = Callable[..., Span]
GOOD, BAD = Score(name="s", value=1), Score(name="s", value=0)


def test_a_score_comes_to_the_step_that_is_named(step: Step) -> None:
    """By its id with or without its trace, or by the id of its answer."""
    call = step("call", "c", response_id="r", scores=(GOOD,))
    for addition in (
        Addition(trace_id="t", span_id="c", scores=(BAD,)),
        Addition(span_id="c", scores=(BAD,)),
        Addition(response_id="r", scores=(BAD,)),
    ):
        added = add_to_spans([step("agent", "a"), call], [addition])

        assert added.spans[1].scores == (GOOD, BAD)
        assert (added.left, added.spans[0].scores) == ([], ())


def test_a_text_kept_elsewhere_fills_what_the_step_lacks(step: Step) -> None:
    """And overwrites nothing; of a whole trace it is the root's."""
    spans = [step("call", "c", "a"), step("agent", "a", text="own")]
    told = Addition(trace_id="t", span_id="c", text="told", tools=["bash"])
    of_trace = Addition(trace_id="t", text="told", tools=["edit"])
    call, root = add_to_spans(spans, [told, of_trace]).spans

    assert (call.text, call.tools) == ("told", ["bash"])
    assert (root.text, root.tools) == ("own", ["edit"])


def test_a_score_of_a_trace_or_session_is_kept_apart(step: Step) -> None:
    """Which of its rows it counts for is another question."""
    added = add_to_spans(
        [step("call", "c", session_id="s")],
        [Addition(trace_id="t", scores=(GOOD,)), Addition(session_id="s", scores=(BAD,))],
    )

    assert dict(added.of_traces) == {"t": [GOOD]}
    assert dict(added.of_sessions) == {"s": [BAD]}


def test_what_is_about_other_steps_is_given_back(step: Step) -> None:
    """Nothing vanishes."""
    others = [
        Addition(trace_id="other", span_id="c", scores=(GOOD,)),
        Addition(trace_id="other", scores=(GOOD,)),
        Addition(response_id="r", scores=(GOOD,)),
        Addition(session_id="s", scores=(GOOD,)),
    ]

    assert add_to_spans([step("call", "c")], others).left == others
