"""Spans in any order → whole groups, within bounds."""

from collections.abc import Callable, Iterator
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from tracetier.ingest.assemble.group import Batch, Grouper
from tracetier.ingest.span import Addition, Score, Span

Step = Callable[..., Span]


def _ids(batches: Iterator[Batch[int]]) -> list[str]:
    return [f"{span.trace_id}{span.span_id}" for batch in batches for span in batch.spans]


def _fed(grouper: Grouper[int], spans: list[Span]) -> Grouper[int]:
    for line, span in enumerate(spans, start=1):
        grouper.add(span, line)
    return grouper


def test_a_trace_that_is_spread_over_the_file_comes_together(step: Step) -> None:
    """In the order in which the traces came; each span with where it was read."""
    spans = [
        step("call", "1", trace_id="b"),
        step("call", "2", trace_id="a"),
        step("call", "3", trace_id="b"),
    ]
    (batch,) = _fed(Grouper(), spans).finish()

    assert [span.span_id for span in batch.spans] == ["1", "3", "2"]
    assert batch.origins == [1, 3, 2]


def test_traces_of_one_session_come_together(step: Step) -> None:
    """Also where a later span tells that two traces belong together."""
    grouper: Grouper[int] = Grouper(max_spans=3)
    _fed(
        grouper,
        [
            step("call", "1", trace_id="a"),
            step("call", "2", trace_id="b", session_id="s"),
            step("call", "3", trace_id="c"),
            step("call", "4", trace_id="a", session_id="s"),
        ],
    )

    assert _ids(grouper.overflow()) == ["c3", "a1", "b2", "a4"]


def test_the_longest_untouched_group_is_closed_first(step: Step) -> None:
    """No more than what is too many."""
    grouper: Grouper[int] = Grouper(max_spans=10)
    _fed(grouper, [step("call", str(i), trace_id="old" if i < 3 else f"t{i}") for i in range(10)])
    assert _ids(grouper.overflow()) == []

    _fed(grouper, [step("call", "x", trace_id="t3")])
    assert _ids(grouper.overflow()) == ["old0", "old1", "old2"]
    assert len(_ids(grouper.finish())) == 8


def test_long_texts_close_groups_too(step: Step) -> None:
    """The bound is on memory, not on numbers."""
    grouper: Grouper[int] = Grouper(max_chars=1_000)
    _fed(
        grouper,
        [step("call", "1", text="x" * 600, trace_id="a"), step("call", "2", text="x" * 600)],
    )

    assert _ids(grouper.overflow()) == ["a1"]


def test_a_late_span_starts_a_part_that_says_so(step: Step) -> None:
    """Of its trace, or of its session: then nothing is late, but what came before is unknown."""
    grouper: Grouper[int] = Grouper(max_spans=1)
    _fed(grouper, [step("call", "1", session_id="s"), step("call", "2", trace_id="b")])
    assert _ids(grouper.overflow()) == ["t1", "b2"]

    _fed(grouper, [step("call", "3"), step("call", "4", trace_id="c", session_id="s")])
    (batch,) = grouper.overflow()

    assert batch.parts == {"t", "c"}
    assert grouper.n_late == 1


def test_what_is_told_of_a_trace_comes_with_it(step: Step) -> None:
    """Before or after its spans; of a session likewise."""
    grouper: Grouper[int] = Grouper()
    of_trace, of_session = Addition(trace_id="t"), Addition(session_id="s")
    grouper.add_addition(of_trace)
    _fed(grouper, [step("call", "1", session_id="s")])
    grouper.add_addition(of_session)
    (batch,) = grouper.finish()

    assert batch.additions == [of_trace, of_session]


def test_what_names_only_a_step_goes_with_each_batch_until_it_is_placed(step: Step) -> None:
    """And is left over where no batch holds the step."""
    grouper: Grouper[int] = Grouper()
    loose = Addition(span_id="x", scores=(Score(name="s", value=1),))
    grouper.add_addition(loose)
    _fed(grouper, [step("call", str(i), trace_id=str(i)) for i in range(4_000)])
    batches = grouper.finish()

    assert next(batches).additions == [loose]
    assert grouper.put_back([loose]) == []
    assert next(batches).additions == [loose]
    assert list(batches) == []
    assert grouper.loose == []


@given(
    traces=st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from([None, "s", "u"]))),
    max_spans=st.integers(1, 6),
)
def test_no_span_is_lost_or_told_twice_and_few_are_held(
    traces: list[tuple[str, str | None]], max_spans: int
) -> None:
    """Whatever the order and the bound; a trace that was never closed is in one batch."""
    grouper: Grouper[int] = Grouper(max_spans=max_spans)
    out: list[Batch[int]] = []
    n_in = 0
    for n_in, (trace, session) in enumerate(traces, start=1):
        span = Span(trace_id=trace, span_id=str(n_in), kind="call", session_id=session)
        grouper.add(span, n_in)
        out += grouper.overflow()
        assert n_in - sum(len(batch.spans) for batch in out) <= max_spans
    out += grouper.finish()

    assert sorted(chain.from_iterable(batch.origins for batch in out)) == list(range(1, n_in + 1))
    for batch in out:
        assert [span.span_id for span in batch.spans] == list(map(str, batch.origins))
