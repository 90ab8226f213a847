"""What a row says of its unit."""

from collections.abc import Callable
from typing import Any

import pytest

from tracetier.ingest.assemble.assemble import assemble
from tracetier.ingest.identity import task_id_of
from tracetier.ingest.span import Span
from tracetier.records import Invocation

Step = Callable[..., Span]
MODEL = {"model_asked": "m"}


def _rows(spans: list[Span], level: Any = "agent_run") -> dict[str, Invocation]:
    return {row.span_id or "": row for row in assemble(spans, level).rows}


@pytest.mark.parametrize(
    ("run", "call", "expected"),
    [("own", "its call's", "own"), ("", "its call's", "its call's"), ("", "", "")],
)
def test_a_run_s_text_is_its_own_else_its_first_call_s(
    step: Step, run: str, call: str, expected: str
) -> None:
    """Not a later call's, which may hold what the agent did."""
    spans = [
        step("agent", "run", None, 0, 9, text=run),
        step("call", "a", "run", 1, 2, text=call, **MODEL),
        step("call", "b", "run", 3, 4, text="later", **MODEL),
    ]

    assert _rows(spans)["run"].task_text == expected


def test_a_call_without_text_has_that_of_its_run(step: Step) -> None:
    """Content is logged where the user spoke."""
    spans = [
        step("agent", "run", None, 0, 9, text="Fix it."),
        step("call", "a", "run", 1, 2, **MODEL),
    ]

    assert _rows(spans, "call")["a"].task_text == "Fix it."


def test_tools_are_those_offered_at_the_start(step: Step) -> None:
    """Of the first call, else of the agent; none told is unknown, none offered is none."""
    spans = [
        step("agent", "run", None, 0, 9, tools=["bash"]),
        step("call", "a", "run", 1, 2, tools=["bash", "edit"], **MODEL),
        step("call", "b", "run", 3, 4, tools=[], **MODEL),
        step("agent", "bare", None, 10, 19, tools=["bash"], **MODEL),
    ]
    runs, calls = _rows(spans), _rows(spans, "call")

    assert (runs["run"].tools, runs["run"].n_tools) == (["bash", "edit"], 2)
    assert runs["bare"].tools == ["bash"]
    assert calls["b"].n_tools == 0


def test_names_and_values_of_what_is_around_are_taken_over(step: Step) -> None:
    """The nearest wins; the user's own values are put together."""
    spans = [
        step("group", "root", None, 0, 9, task_type="nightly", attrs={"team": "a", "size": 1.0}),
        step("agent", "run", "root", 1, 8, name="coder", attrs={"size": 2.0}),
        step("call", "a", "run", 2, 3, name="chat", **MODEL),
    ]
    (row,) = _rows(spans, "call").values()

    assert (row.task_type, row.agent_name) == ("nightly", "coder")
    assert row.attrs == {"team": "a", "size": 2.0}


def test_a_task_goes_by_its_id_else_by_its_text(step: Step) -> None:
    """The same benchmark item or prompt on two models is one task."""
    spans = [
        step("agent", "1", trace_id="a", task_id="item-7", text="x", **MODEL),
        step("agent", "1", trace_id="b", text="What is 2 + 2?", **MODEL),
    ]
    rows = assemble(spans, "agent_run").rows

    assert [row.task_id for row in rows] == ["item-7", task_id_of("What is 2 + 2?")]


def test_the_same_words_later_in_a_conversation_are_another_task(step: Step) -> None:
    """``continue`` means what came before it; a benchmark's later step says which it is."""
    turns = [
        step("turn", str(i), None, 10 * i, 10 * i + 5, session_id="s", text="continue", **MODEL)
        for i in range(3)
    ]
    steps = [
        step("agent", "run", None, 0, 9, task_id="item-7"),
        step("call", "a", "run", 1, 2, **MODEL),
        step("call", "b", "run", 3, 4, **MODEL),
    ]
    ids = [row.task_id for row in assemble(turns, "agent_run").rows]

    assert ids[0] == task_id_of("continue")
    assert len(set(ids)) == 3
    assert [row.task_id for row in _rows(steps, "call").values()] == ["item-7", "item-7#1"]


def test_a_sub_agent_s_task_is_not_its_parent_s(step: Step) -> None:
    """The item is what the whole run was given."""
    spans = [
        step("agent", "run", None, 0, 9, task_id="item-7", **MODEL),
        step("tool", "task", "run", 1, 8),
        step("agent", "sub", "task", 2, 7, text="Look around", **MODEL),
    ]

    assert _rows(spans)["sub"].task_id == task_id_of("Look around")


def test_totals_of_a_run_count_only_where_its_calls_tell_nothing(step: Step) -> None:
    """SWE-agent sums up; an agent's own sum over its calls is left alone (R1)."""
    totals = {"input_tokens": 900, "output_tokens": 90, "cost_usd": 0.9}
    told = {"input_tokens": 5, "output_tokens": 1, "cost_usd": 0.01}
    silent = _rows([step("agent", "r", **totals), step("call", "c", "r", **MODEL)])["r"]
    telling = _rows([step("agent", "r", **totals), step("call", "c", "r", **told, **MODEL)])["r"]

    assert (silent.y_input_tokens, silent.y_output_tokens, silent.y_cost_usd) == (900, 90, 0.9)
    assert (telling.y_input_tokens, telling.y_output_tokens, telling.y_cost_usd) == (5, 1, 0.01)


def test_totals_that_hold_a_sub_agent_s_are_not_the_run_s(step: Step) -> None:
    """They would be counted twice, since the sub-agent is a row too."""
    spans = [
        step("agent", "r", None, 0, 9, input_tokens=900, output_tokens=90, cost_usd=0.9),
        step("call", "c", "r", 1, 2, **MODEL),
        step("tool", "t", "c", 3, 8),
        step("agent", "sub", "t", 4, 7),
        step("call", "s", "sub", 5, 6, input_tokens=1, output_tokens=1, cost_usd=0.1, **MODEL),
    ]
    rows = _rows(spans)

    assert (rows["r"].y_input_tokens, rows["r"].y_cost_usd) == (None, None)
    assert (rows["sub"].y_input_tokens, rows["sub"].y_cost_usd) == (1, 0.1)


def test_a_run_takes_its_own_time_else_that_of_its_calls(step: Step) -> None:
    """Tools included: it is what the user waits for."""
    calls = [step("call", "a", "r", 2, 3, **MODEL), step("call", "b", "r", 5, 8, **MODEL)]

    assert _rows([step("agent", "r", None, 0, 10), *calls])["r"].y_latency_s == 10.0
    assert _rows([step("agent", "r"), *calls])["r"].y_latency_s == 6.0
    assert _rows([step("agent", "r"), *calls])["r"].timestamp == calls[0].start


def test_a_row_is_linked_to_the_run_that_started_it(step: Step) -> None:
    """A parent that is not in the log keeps its name; what is no run is none."""
    spans = [
        step("agent", "r", "lost", 0, 20, **MODEL),
        step("call", "a", "r", 1, 2, **MODEL),
        step("tool", "t", "a", 3, 9),
        step("agent", "sub", "t", 4, 8, **MODEL),
        step("call", "s", "sub", 5, 6, **MODEL),
        step("group", "g", None, 0, 1, trace_id="u"),
        step("call", "lone", "g", 0, 1, trace_id="u", **MODEL),
    ]
    parents = {
        level: {k: r.parent_id for k, r in _rows(spans, level).items()}
        for level in ("call", "agent_run")
    }

    assert parents["call"] == {"a": "r", "s": "sub", "lone": None}
    assert parents["agent_run"] == {"r": "lost", "sub": "r", "g": None}


def test_what_a_grader_calls_is_not_the_agent_s(step: Step) -> None:
    """Neither a row, nor in anyone's sum, nor before anything."""
    tokens = {"input_tokens": 5, "output_tokens": 1, **MODEL}
    spans = [
        step("agent", "r", None, 0, 20),
        step("call", "a", "r", 1, 2, **tokens),
        step("agent", "grader", "r", 3, 9, is_judge=True, **tokens),
        step("call", "g", "grader", 4, 5, outcome="error", **tokens),
        step("call", "b", "r", 10, 11, **tokens),
    ]
    calls = _rows(spans, "call")

    assert list(calls) == ["a", "b"]
    assert (calls["b"].turn_index, calls["b"].n_prior_errors, calls["b"].idle_s) == (1, 0, 8.0)
    assert {
        level: [r.y_input_tokens for r in _rows(spans, level).values()]
        for level in ("agent_run", "task")
    } == {
        "agent_run": [10],
        "task": [10],
    }
