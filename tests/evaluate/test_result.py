"""What an evaluation says in one sentence, and what becomes of undefined numbers in JSON."""

import json
import math

import msgspec
import pytest

from tracetier.evaluate.result import (
    Candidate,
    Evaluation,
    FullResult,
    LoggedResult,
    LoggedValue,
    PolicyOutcome,
)
from tracetier.measures.bootstrap import Interval


def logged_evaluation(ess: float) -> Evaluation:
    """An evaluation of a log, with an undefined interval in it."""
    known, unknown = Interval(0.8, 0.7, 0.9), Interval(0.8, math.nan, math.nan)
    value = LoggedValue(
        quality=known,
        cost_usd=Interval(0.002, 0.001, 0.003),
        reward=unknown,
        n_matched=100,
        ess=ess,
        is_supported=ess >= 50,
    )
    as_logged = msgspec.structs.replace(value, cost_usd=Interval(0.004, 0.003, 0.005))
    return Evaluation(
        artifact_id="a",
        table="t",
        tiers=("low", "high"),
        lam=0.3,
        cost_ref=1.0,
        seed=0,
        n_draws=10,
        n_tasks=100,
        n_groups=100,
        n_left_out=0,
        n_out_of_fold=0,
        n_fresh=100,
        logged=LoggedResult(
            as_logged=as_logged,
            router=value,
            fixed={"low": value, "high": value},
            gain=Interval(0.1, -0.1, 0.3),
            n_logged=100,
            n_estimated=0,
        ),
    )


def test_what_is_undefined_is_null_in_json() -> None:
    """JSON has no nan."""
    summary = logged_evaluation(80.0).summary()

    assert summary["logged"]["router"]["reward"] == {
        "estimate": 0.8,
        "low": None,
        "high": None,
    }
    assert "NaN" not in json.dumps(summary)


def test_the_headline_of_a_log_claims_no_value_on_too_few_rows() -> None:
    """Below an effective sample size of 50 it says so instead."""
    assert logged_evaluation(80.0).headline == (
        "At lambda 0.3 the router would have scored 8.00 [7.00, 9.00] of 10 at "
        "0.002 USD [0.001, 0.003] per task; the log's own choices scored 8.00 [7.00, 9.00] at "
        "0.004 USD [0.003, 0.005]."
    )
    assert "to claim a value (effective sample size 12)" in logged_evaluation(12.0).headline


def policy(quality: float, cost: float) -> PolicyOutcome:
    """Quality and cost as shares of the reference's, quality give or take .01."""
    kept = Interval(quality, quality - 0.01, quality + 0.01)
    share = Interval(cost, cost, cost)
    return PolicyOutcome(
        quality=kept,
        cost_usd=share,
        reward=kept,
        quality_kept=kept,
        cost_share=share,
        saving=share,
        share={},
    )


@pytest.mark.parametrize(
    ("mid", "is_named"),
    [
        pytest.param(policy(0.985, 0.03), True, id="as good and cheaper"),
        pytest.param(policy(0.95, 0.03), False, id="cheaper but worse"),
        pytest.param(policy(0.995, 0.5), False, id="as good but dearer"),
    ],
)
def test_the_headline_names_a_fixed_tier_that_does_as_well(
    mid: PolicyOutcome, is_named: bool
) -> None:
    """A router is worth nothing where one tier for all tasks gives the same for less."""
    nothing = Interval(0.0, 0.0, 0.0)
    found = msgspec.structs.replace(
        logged_evaluation(80.0),
        logged=None,
        full=FullResult(
            reference="high",
            fixed={"low": policy(0.7, 0.01), "mid": mid, "high": policy(1.0, 1.0)},
            router=Candidate(),
            calibrated={"quality_99": policy(0.99, 0.04)},
            controls={},
            gap_at_oracle=nothing,
            points=(),
        ),
    )

    assert ("Always mid, which needs no router, keeps" in found.headline) is is_named
    assert "Always low" not in found.headline
    assert "Always high" not in found.headline
