"""Tokens, costs and times of calls, added up once and never guessed."""

from collections.abc import Callable

import pytest

from tracetier.ingest.assemble.numbers import (
    UNKNOWN_COST,
    Cost,
    cost_of,
    latency_of,
    latency_of_calls,
    total_cost,
    total_tokens,
)
from tracetier.ingest.span import Span

Step = Callable[..., Span]


def _price(call: Span) -> float | None:
    """A dollar per token, for the one model that is known."""
    if call.model_answered != "known":
        return None
    return float((call.input_tokens or 0) + (call.output_tokens or 0))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"cost_usd": 0.5}, Cost(0.5, "logged"), id="as logged, tokens or not"),
        pytest.param(
            {"cost_usd": 0.5, "input_tokens": 3, "output_tokens": 1},
            Cost(0.5, "logged"),
            id="logged before priced",
        ),
        pytest.param({"input_tokens": 3, "output_tokens": 1}, Cost(4.0, "priced"), id="priced"),
        pytest.param(
            {"cost_usd": 0.0, "input_tokens": 3, "output_tokens": 1},
            Cost(4.0, "priced"),
            id="tokens that cost 0 have an unknown price (R5)",
        ),
        pytest.param(
            {"cost_usd": 0.0, "input_tokens": 3, "output_tokens": 1, "model_answered": "?"},
            UNKNOWN_COST,
            id="and one that nobody knows",
        ),
        pytest.param(
            {"cost_usd": 0.0, "input_tokens": 0, "output_tokens": 0},
            Cost(0.0, "logged"),
            id="no tokens cost nothing",
        ),
        pytest.param({"cost_usd": 0.0}, UNKNOWN_COST, id="0 for who knows how many tokens"),
        pytest.param({"input_tokens": 3}, UNKNOWN_COST, id="half of the tokens"),
        pytest.param(
            {"input_tokens": 3, "output_tokens": 1, "price_factor": 0.5},
            Cost(2.0, "priced"),
            id="a batch at half the price",
        ),
        pytest.param(
            {"cost_usd": 0.0, "input_tokens": 3, "output_tokens": 1, "is_cached_answer": True},
            UNKNOWN_COST,
            id="an answer from a cache",
        ),
    ],
)
def test_cost_of_a_call(step: Step, fields: dict[str, object], expected: Cost) -> None:
    """Logged, else by its tokens, else unknown; never 0 for what is not known."""
    assert cost_of(step("call", "c", **{"model_answered": "known"} | fields), _price) == expected


def test_a_sum_with_one_priced_call_is_a_priced_one(step: Step) -> None:
    """The weaker of the two sources."""
    calls = [step("call", "a"), step("call", "b")]

    assert total_cost(calls, [Cost(1.0, "logged"), Cost(2.0, "priced")]) == Cost(3.0, "priced")
    assert total_cost(calls, [Cost(1.0, "logged"), Cost(2.0, "logged")]) == Cost(3.0, "logged")


def test_half_a_sum_is_unknown(step: Step) -> None:
    """But a failed call that tells nothing used nothing."""
    known = step("call", "a", input_tokens=5, output_tokens=1)
    silent, failed = step("call", "b", outcome="ok"), step("call", "b", outcome="error")

    assert total_tokens([known, silent]) == (None, None, None, None)
    assert total_tokens([known, failed]) == (5, 1, None, None)
    assert total_cost([known, silent], [Cost(1.0, "logged"), UNKNOWN_COST]) == UNKNOWN_COST
    assert total_cost([known, failed], [Cost(1.0, "logged"), UNKNOWN_COST]).usd == 1.0
    assert total_tokens([failed]) == (None, None, None, None)


def test_cached_tokens_are_parts_that_not_every_call_has(step: Step) -> None:
    """A call that tells none had none; where no call tells any, nothing is known."""
    with_cache = step("call", "a", input_tokens=9, output_tokens=1, cache_read_tokens=4)
    without = step("call", "b", input_tokens=5, output_tokens=1)

    assert total_tokens([with_cache, without]) == (14, 2, 4, None)


def test_one_answer_from_a_cache_hides_the_cost_and_the_time_of_the_whole(step: Step) -> None:
    """It would look like a cheap and quick run."""
    calls = [step("call", "a", None, 0, 1), step("call", "b", None, 1, 2, is_cached_answer=True)]

    assert total_cost(calls, [Cost(1.0, "logged"), UNKNOWN_COST]) == UNKNOWN_COST
    assert latency_of_calls(calls, [0, 1], [1, 2]) is None
    assert latency_of(calls[1]) is None


def test_latency_is_end_minus_start_else_as_stated(step: Step) -> None:
    """An end before the start is none."""
    assert latency_of(step("call", "a", None, 1, 3.5, latency_s=99.0)) == 2.5
    assert latency_of(step("call", "a", None, 5, 4, latency_s=2.0)) == 2.0
    assert latency_of(step("call", "a")) is None


def test_calls_take_from_the_first_start_to_the_last_end(step: Step) -> None:
    """Two in parallel; without times, what they took one after the other."""
    timed = [step("call", "a", None, 0, 5), step("call", "b", None, 1, 3)]
    stated = [step("call", "a", latency_s=5.0), step("call", "b", latency_s=2.0)]
    unknown = [float("inf")] * 2

    assert latency_of_calls(timed, [0, 1], [5, 3]) == 5
    assert latency_of_calls(stated, unknown, unknown) == 7.0
    assert latency_of_calls([], [], []) is None
