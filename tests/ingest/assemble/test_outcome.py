"""How invocations ended, and which model they are credited to."""

from collections.abc import Callable

import pytest

from tracetier.ingest.assemble.numbers import UNKNOWN_COST, Cost
from tracetier.ingest.assemble.outcome import End, end_of, model_of
from tracetier.ingest.span import Span

Step = Callable[..., Span]


def test_what_a_run_says_of_itself_comes_first(step: Step) -> None:
    """Its last call failed, and it recovered."""
    run = step("agent", "r", outcome="ok")

    assert end_of(run, [step("call", "c", outcome="error")]) == End("ok", None, False)


def test_else_it_ended_as_its_last_call_did(step: Step) -> None:
    """The failure in between is past."""
    calls = [
        step("call", "a", outcome="error", error_type="bad_request"),
        step("call", "b", outcome="error", error_type="timeout"),
    ]

    assert end_of(step("agent", "r"), calls) == End("error", "timeout", False)
    assert end_of(step("agent", "r"), [*calls, step("call", "c", outcome="ok")]).failed is False
    assert end_of(step("agent", "r"), []).failed is None


def test_a_run_with_a_start_and_no_end_is_not_known_to_be_good(step: Step) -> None:
    """Its last call may not have been its last; a failure is one all the same."""
    run, good = step("agent", "r", start=0.0), step("call", "c", outcome="ok")

    assert end_of(run, [good]).outcome is None
    assert end_of(step("agent", "r", start=0.0, latency_s=2.0), [good]).outcome == "ok"
    assert end_of(run, [step("call", "c", outcome="error")]).outcome == "error"


def test_a_run_that_failed_by_its_last_call_failed_by_what_failed_that(step: Step) -> None:
    """A rate limit says nothing of the tier; one that was overcome says nothing at all (R7)."""
    limited = step("call", "c", outcome="error", is_infrastructure_error=True)

    assert end_of(step("agent", "r", outcome="error"), [limited]).is_infrastructure_error
    assert not end_of(step("agent", "r", outcome="ok"), [limited]).is_infrastructure_error


def test_the_model_asked_for_is_the_action(step: Step) -> None:
    """Not the dated name that answered (R12)."""
    call = step("call", "c", model_asked="sonnet", model_answered="sonnet-20250101")

    assert model_of(call, [call], [UNKNOWN_COST]) == ("sonnet", False)
    assert model_of(step("agent", "r", model_answered="opus"), [], []) == ("opus", False)


@pytest.mark.parametrize(
    ("costs", "tokens", "expected"),
    [
        pytest.param((9.0, 1.0, 1.0), (1, 50, 50), "large", id="by cost"),
        pytest.param((9.0, None, 1.0), (1, 50, 50), "small", id="else by tokens"),
        pytest.param((9.0, None, 1.0), (1, None, 50), "small", id="else by calls"),
    ],
)
def test_of_several_models_the_most_used_counts(
    step: Step,
    costs: tuple[float | None, ...],
    tokens: tuple[int | None, ...],
    expected: str,
) -> None:
    """One call of the large model, two of the small one."""
    calls = [
        step("call", str(i), model_asked=model, input_tokens=n, output_tokens=0)
        for i, (model, n) in enumerate(zip(("large", "small", "small"), tokens, strict=True))
    ]
    told = [UNKNOWN_COST if usd is None else Cost(usd, "logged") for usd in costs]

    assert model_of(step("agent", "r"), calls, told) == (expected, True)


def test_a_failed_call_without_a_cost_does_not_hide_the_others(step: Step) -> None:
    """It counts for nothing."""
    calls = [
        step("call", "a", model_asked="large"),
        step("call", "b", model_asked="small", outcome="error"),
        step("call", "c", model_asked="small"),
    ]
    costs = [Cost(9.0, "logged"), UNKNOWN_COST, Cost(1.0, "logged")]

    assert model_of(step("agent", "r"), calls, costs) == ("large", True)
