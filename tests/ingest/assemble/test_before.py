"""What was known before an invocation, and that nothing later can be seen in it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.ingest.assemble.assemble import assemble
from tracetier.ingest.span import Span
from tracetier.records import Invocation

Step = Callable[..., Span]
STATE = (
    "turn_index",
    "n_prior_errors",
    "n_prior_retries",
    "n_files_touched",
    "context_tokens",
    "idle_s",
    "last_tier",
    "last_failed",
)


def _rows(spans: list[Span], level: Any = "call", **options: Any) -> dict[str, Invocation]:
    rows = (row for row in assemble(spans, level, **options).rows)
    return {f"{row.trace_id}/{row.span_id}": row for row in rows}


@pytest.fixture
def run(step: Step) -> list[Span]:
    """An agent that edits a file in two tries and then answers.

    c1 1-2 s, edit fails 3-4 s, c2 5-6 s, edit works 7-8 s, c3 fails 9-10 s, c4 12-13 s.
    """
    calls = {"model_asked": "m", "outcome": "ok", "text": "Fix it."}
    return [
        step("agent", "run", None, 0, 20, session_id="s", text="Fix it."),
        step("call", "c1", "run", 1, 2, input_tokens=100, output_tokens=10, **calls),
        step("tool", "e1", "c1", 3, 4, name="edit", outcome="error", files=("a.py",)),
        step("call", "c2", "run", 5, 6, input_tokens=150, output_tokens=20, **calls),
        step("tool", "e2", "c2", 7, 8, name="edit", outcome="ok", files=("a.py", "b.py")),
        step("call", "c3", "run", 9, 10, **calls | {"outcome": "error", "model_asked": "big"}),
        step("call", "c4", "run", 12, 13, input_tokens=200, output_tokens=5, **calls),
    ]


def test_the_state_before_each_call(run: list[Span]) -> None:
    """Worked by hand; c4 is a second try of the failed c3, but that is no news to itself."""
    rows = _rows(run)
    states = {key: tuple(getattr(row, name) for name in STATE) for key, row in rows.items()}

    assert states == {
        "t/c1": (0, 0, 0, None, None, None, None, None),
        "t/c2": (1, 1, 0, 1, 110, 1.0, "m", False),
        "t/c3": (2, 1, 1, 2, 170, 1.0, "m", False),
        "t/c4": (3, 2, 1, 2, 170, 2.0, "big", True),
    }


def test_a_retry_counts_once_it_has_ended(run: list[Span], step: Step) -> None:
    """Two failures and two second tries: the edit, and the call after the failed one."""
    row = _rows([*run, step("call", "c5", "run", 14, 15, model_asked="m")])["t/c5"]

    assert (row.n_prior_errors, row.n_prior_retries) == (2, 2)


def test_what_runs_at_the_same_time_is_not_known(step: Step) -> None:
    """Two sub-agents in parallel, and a third when one has failed."""
    rows = _rows(
        [
            step("agent", "main", None, 0, 99, session_id="s"),
            step("call", "c", "main", 0, 1, model_asked="m"),
            *(step("tool", f"t{i}", "c", 2, 30, name="task") for i in "abc"),
            step("agent", "a", "ta", 3, 10, model_asked="small", outcome="error"),
            step("agent", "b", "tb", 4, 20, model_asked="large"),
            step("agent", "c3", "tc", 11, 30, model_asked="large"),
        ],
        "agent_run",
    )

    assert [rows[key].turn_index for key in ("t/a", "t/b", "t/c3")] == [0, 0, 1]
    assert [rows[key].last_tier for key in ("t/a", "t/b", "t/c3")] == [None, None, "small"]
    assert rows["t/c3"].last_failed is True


def test_a_turn_s_context_is_that_of_the_last_call_and_its_own_text(step: Step) -> None:
    """Not of the sub-agent that ran in between; twelve bytes of text are three tokens."""
    tokens = {"model_asked": "m", "input_tokens": 1000, "output_tokens": 50}
    rows = _rows(
        [
            step("agent", "main", None, 0, 99),
            step("turn", "1", "main", 0, 9, text="first"),
            step("call", "c1", "1", 1, 2, **tokens),
            step("tool", "task", "c1", 3, 8),
            step("agent", "sub", "task", 3, 8, text="sub"),
            step("call", "s1", "sub", 4, 5, **tokens | {"input_tokens": 7}),
            step("turn", "2", "main", 20, 29, text="and now this"),
            step("call", "c2", "2", 21, 22, **tokens),
        ],
        "agent_run",
    )

    assert rows["t/2"].context_tokens == 1053
    assert rows["t/sub"].context_tokens is None
    assert rows["t/2"].idle_s == 11.0


def test_a_session_goes_on_over_its_traces(step: Step) -> None:
    """Gateway rows of one session, an error in each; the session's second call is turn 1."""
    rows = _rows(
        [
            step("call", "c", None, 10 * i, 10 * i + 1, trace_id=str(i), session_id="s")
            for i in range(3)
        ]
    )

    assert [row.turn_index for row in rows.values()] == [0, 1, 2]


def test_a_lone_call_and_one_without_a_time_know_nothing(step: Step) -> None:
    """Unknown is not zero."""
    rows = _rows(
        [
            step("call", "a", None, 0, 1, trace_id="1"),
            step("call", "b", None, trace_id="2", session_id="s"),
        ]
    )

    assert {(row.turn_index, row.n_prior_errors, row.idle_s) for row in rows.values()} == {
        (None, None, None)
    }


def test_what_cannot_be_counted_is_unknown(run: list[Span]) -> None:
    """Earlier parts of the trace were read before; what was last is still last."""
    row = _rows(run, parts={"t"})["t/c4"]

    assert (row.turn_index, row.n_prior_errors, row.n_files_touched) == (None, None, None)
    assert (row.idle_s, row.last_tier, row.last_failed) == (2.0, "big", True)


_START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
_RESULTS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "outcome": st.sampled_from([None, "ok", "error", "cancelled"]),
        "input_tokens": st.sampled_from([None, 0, 5]),
        "output_tokens": st.sampled_from([None, 5]),
        "cost_usd": st.sampled_from([None, 0.1]),
        "response_id": st.sampled_from([None, None, "r"]),
        "files": st.sampled_from([(), ("a",), ("b", "c")]),
    }
)
"""What is known of a step only when it has ended."""


@st.composite
def _sessions(draw: st.DrawFn, *, has_one_root: bool) -> list[Span]:
    """Two traces of one session: steps of any kind within one another, in parallel or not."""
    spans: list[Span] = []
    for number in range(draw(st.integers(2, 12))):
        trace = draw(st.sampled_from("12"))
        same = [span for span in spans if span.trace_id == trace]
        any_parent = st.sampled_from(same) if has_one_root else st.none() | st.sampled_from(same)
        parent = draw(any_parent) if same else None
        first, last = (_second(parent.start), _second(parent.end)) if parent else (0, 30)
        if last - first < 2:
            continue
        start = draw(st.integers(first, last - 1))
        spans.append(
            Span(
                trace_id=trace,
                span_id=f"{number:02}",
                parent_id=parent.span_id if parent else None,
                session_id="s",
                kind=draw(st.sampled_from(["call", "call", "tool", "agent", "turn", "group"])),
                name=draw(st.sampled_from("xy")),
                start=_at(start),
                end=_at(draw(st.integers(start + 1, min(last, start + 9)))),
                text=draw(st.sampled_from(["a", "nine byte"])),  # else its own calls tell it
                model_asked=draw(st.sampled_from(["m", "n"])),
                **draw(_RESULTS),
            )
        )
    return spans


def _at(second: int) -> datetime:
    return _START + timedelta(seconds=second)


def _second(time: datetime | None) -> int:
    assert time is not None
    return int((time - _START).total_seconds())


def _had_ended(span: Span, time: datetime) -> bool:
    return span.start < time and span.end <= time  # type: ignore[operator]


def _states(spans: list[Span], level: str) -> dict[str, tuple[object, ...]]:
    return {
        key: tuple(getattr(row, name) for name in STATE) for key, row in _rows(spans, level).items()
    }


@pytest.mark.parametrize("level", ["call", "agent_run", "task"])
@given(data=st.data())
def test_nothing_that_ends_later_changes_the_state_before(level: str, data: st.DataObject) -> None:
    """What still ran may end in any way, at any time; what was to come, or ran with nothing in it,
    may be missing. Only that a step around this one had begun is known."""
    spans = data.draw(_sessions(has_one_root=level == "task"))
    states = _states(spans, level)
    ids = {f"{span.trace_id}/{span.span_id}": span for span in spans}
    key = data.draw(st.sampled_from(sorted(states) or [""]))
    if not key:
        return
    time = ids[key].start
    assert time is not None
    around = _around(ids, key)
    with_steps = {f"{span.trace_id}/{span.parent_id}" for span in spans}
    others = []
    for id_, span in ids.items():
        if id_ != key and not _had_ended(span, time):
            is_free = id_ not in around and (_second(span.start) >= _second(time))
            if (is_free or id_ not in with_steps) and data.draw(st.booleans()):
                continue
            end = data.draw(st.none() | st.integers(_second(time) + 1, 60))
            results = data.draw(_RESULTS) | {"end": end if end is None else _at(end)}
            span = msgspec.structs.replace(span, **results)
        others.append(span)
    changed = _states(others, level)

    assert changed.get(key, states[key]) == states[key]


def _around(ids: dict[str, Span], key: str) -> set[str]:
    found = set()
    while key in ids:
        found.add(key)
        key = f"{ids[key].trace_id}/{ids[key].parent_id}"
    return found
