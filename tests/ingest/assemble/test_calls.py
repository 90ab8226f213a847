"""Each model call once, however many tell of it."""

from collections.abc import Callable

from tracetier.ingest.assemble.calls import Calls, distinct_calls
from tracetier.ingest.assemble.tree import build_tree
from tracetier.ingest.span import Span

Step = Callable[..., Span]
TOKENS = {"input_tokens": 2324, "output_tokens": 65}


def _calls(spans: list[Span]) -> tuple[list[str], Calls]:
    tree = build_tree(spans)
    calls = distinct_calls(tree)
    return [tree.spans[i].span_id for i in calls.places], calls


def test_three_reporters_tell_of_one_call(step: Step) -> None:
    """As kagent logs it; the innermost that knows the answer's id stands for it."""
    ids, calls = _calls(
        [
            step("call", "call_llm", None, 0, 9, **TOKENS, text="hi", cost_usd=0.01),
            step("call", "generate_content", "call_llm", 1, 8, **TOKENS, response_id="r"),
            step("call", "openai.chat", "generate_content", 2, 7, **TOKENS, model_asked="gpt"),
        ]
    )
    (facts,) = calls.facts.values()

    assert ids == ["generate_content"]
    assert calls.n_retold == 2
    assert (facts.text, facts.cost_usd, facts.model_asked) == ("hi", 0.01, "gpt")
    assert facts.input_tokens == 2324


def test_the_innermost_stands_for_a_call_without_id(step: Step) -> None:
    """With a group between them."""
    ids, _ = _calls(
        [
            step("call", "outer", None, 0, 9, **TOKENS),
            step("group", "http", "outer", 1, 8),
            step("call", "inner", "http", 2, 7, **TOKENS),
        ]
    )

    assert ids == ["inner"]


def test_what_is_first_known_of_a_call_is_what_its_first_reporter_tells(step: Step) -> None:
    """For what later steps knew: the inner span ends first."""
    tree = build_tree(
        [
            step("call", "outer", None, 0, 9, **TOKENS, response_id="r"),
            step("call", "inner", "outer", 2, 7, **TOKENS),
        ]
    )
    (first,) = distinct_calls(tree).first_told.values()

    assert tree.spans[first].span_id == "inner"


def test_equal_tokens_outside_of_the_parent_s_time_are_another_call(step: Step) -> None:
    """A callback that calls again after its parent has ended."""
    ids, _ = _calls(
        [
            step("call", "outer", None, 0, 4, **TOKENS),
            step("call", "late", "outer", 5, 6, **TOKENS),
        ]
    )

    assert ids == ["outer", "late"]


def test_two_answers_are_two_calls(step: Step) -> None:
    """However alike their tokens are."""
    ids, _ = _calls(
        [
            step("call", "outer", None, 0, 9, **TOKENS, response_id="a"),
            step("call", "inner", "outer", 1, 8, **TOKENS, response_id="b"),
        ]
    )

    assert ids == ["outer", "inner"]


def test_a_failed_try_and_its_fallback_are_two_calls(step: Step) -> None:
    """A wrapper that tells of both is the one that succeeded (R13)."""
    ids, calls = _calls(
        [
            step("call", "wrapper", None, 0, 9, **TOKENS),
            step("call", "failed", "wrapper", 1, 2, outcome="error", model_asked="opus"),
            step("call", "fallback", "wrapper", 3, 8, **TOKENS, model_asked="sonnet"),
        ]
    )

    assert ids == ["failed", "fallback"]
    assert calls.n_retold == 1


def test_a_wrapper_that_counts_nothing_is_no_call(step: Step) -> None:
    """And its cost may be that of all calls in it, so no call gets it."""
    ids, calls = _calls(
        [
            step("call", "wrapper", None, 0, 9, cost_usd=0.5),
            step("call", "one", "wrapper", 1, 2, input_tokens=5, output_tokens=1),
            step("call", "two", "wrapper", 3, 4, input_tokens=7, output_tokens=1),
        ]
    )

    assert ids == ["one", "two"]
    assert [facts.cost_usd for facts in calls.facts.values()] == [None, None]


def test_an_inner_reporter_that_counts_nothing_is_no_call(step: Step) -> None:
    """Streaming: only the wrapper sees the usage. An error inside is a call of its own."""
    counting = step("call", "outer", None, 0, 9, **TOKENS)
    silent, _ = _calls([counting, step("call", "stream", "outer", 1, 8)])
    failed, _ = _calls([counting, step("call", "try", "outer", 1, 8, outcome="error")])

    assert silent == ["outer"]
    assert failed == ["outer", "try"]


def test_calls_side_by_side_with_one_answer_are_one(step: Step) -> None:
    """Two tracers that know nothing of each other; the same id an hour later is a mock's."""
    ids, _ = _calls(
        [
            step("call", "a", None, 0, 5, response_id="r"),
            step("call", "b", None, 1, 4, response_id="r", **TOKENS),
            step("call", "c", None, 3600, 3601, response_id="r"),
        ]
    )

    assert ids == ["b", "c"]


def test_a_sub_agent_s_call_is_never_its_parent_s(step: Step) -> None:
    """Even with equal tokens inside the parent's time: a tool lies between."""
    ids, _ = _calls(
        [
            step("call", "outer", None, 0, 9, **TOKENS),
            step("tool", "task", "outer", 1, 8),
            step("agent", "sub", "task", 2, 7),
            step("call", "inner", "sub", 3, 6, **TOKENS),
        ]
    )

    assert ids == ["outer", "inner"]


def test_a_long_chain_of_reporters_is_one_call(step: Step) -> None:
    """In time that grows with the chain, not with its square."""
    spans = [step("call", str(i), str(i - 1) if i else None, 0, 9, **TOKENS) for i in range(20_000)]
    ids, calls = _calls(spans)

    assert ids == ["19999"]
    assert calls.n_retold == 19_999
