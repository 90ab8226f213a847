"""Reasons are sentences made of what decided."""

from typing import Any

import pytest
from msgspec.structs import replace

from tracetier.heads.prior import Prediction
from tracetier.route.choice import Choice
from tracetier.route.reasons import explain

TIERS = ("low", "mid", "high")
PREDICTION = Prediction([0.6, 0.7, 0.9], [0.0004, 0.002, 0.011], [0.05, 0.2, 1.0], 0)
PLAIN = Choice(
    tier=2,
    greedy=2,
    near_tie_with=-1,
    explored=False,
    epsilon=0.05,
    propensities=[0.02, 0.02, 0.96],
    quality=[0.6, 0.7, 0.9],
    cost=[0.05, 0.2, 1.0],
    reward=[5.98, 6.94, 8.7],
    sd=[0.4, 0.4, 0.5],
    prior_reward=[5.98, 6.94, 8.7],
    n_reports=[0, 0, 0],
)


def _explain(
    choice: Choice, *, allowed: tuple[int, ...] = (0, 1, 2), strategy: str = "residual"
) -> list[str]:
    return explain(
        choice,
        PREDICTION,
        tiers=TIERS,
        bucket="edit",
        lam=0.3,
        allowed=allowed,
        strategy=strategy,
    )


EXPECTS = (
    "the model expects low 6.0 of 10 at $0.0004, mid 7.0 of 10 at $0.002, high 9.0 of 10 at $0.011"
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, ["high scores best: 8.70 +/- 0.50 at lambda 0.3"], id="the prior alone"),
        pytest.param(
            {"reward": [5.98, 6.94, 8.06], "n_reports": [0, 3, 1]},
            [
                "feedback moved, in bucket edit, high by -0.64 (1 report here)",
                "high scores best: 8.06 +/- 0.50 at lambda 0.3",
            ],
            id="one report moved one tier",
        ),
        pytest.param(
            {"reward": [5.98, 6.94, 8.06], "n_reports": [0, 3, 12]},
            [
                "feedback moved, in bucket edit, high by -0.64 (12 reports here)",
                "high scores best: 8.06 +/- 0.50 at lambda 0.3",
            ],
            id="feedback moved one tier",
        ),
        pytest.param(
            {"greedy": 1, "tier": 1, "near_tie_with": 2},
            [
                "mid (6.94 +/- 0.40 at lambda 0.3) and high (8.70 +/- 0.50) are a near-tie, "
                "so the cheaper one is preferred"
            ],
            id="a near-tie",
        ),
        pytest.param(
            {"tier": 0, "explored": True},
            [
                "high scores best: 8.70 +/- 0.50 at lambda 0.3",
                "low was drawn at random, to learn; it is taken with probability 0.02",
            ],
            id="exploring",
        ),
    ],
)
def test_what_decided_is_said(changes: dict[str, Any], expected: list[str]) -> None:
    """After what the model expects, which is always said first."""
    assert _explain(replace(PLAIN, **changes)) == [EXPECTS, *expected]


def test_a_restriction_is_said() -> None:
    """By name; with one tier left there is nothing to compare."""
    two = _explain(PLAIN, allowed=(0, 2))
    one = _explain(replace(PLAIN, tier=0, greedy=0), allowed=(0,))

    assert two[1:] == [
        "only low, high allowed",
        "high scores best: 8.70 +/- 0.50 at lambda 0.3",
    ]
    assert one[1:] == ["only low allowed", "low is the only choice"]


def test_the_published_rule_tells_its_running_means() -> None:
    """They decide, whatever the model expects."""
    choice = replace(
        PLAIN, reward=[7.5, 6.0, 0.0], sd=[0.0] * 3, n_reports=[40, 2, 0], greedy=0, tier=0
    )

    assert _explain(choice, strategy="seed")[1:] == [
        "mean rewards so far in bucket edit: "
        "low 7.50 (40 reports), mid 6.00 (2 reports), high 0.00 (0 reports)",
        "low scores best: 7.50 at lambda 0.3",
    ]
