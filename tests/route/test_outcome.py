"""Reports are checked before they teach anything."""

import math

import numpy as np
import pytest

from tracetier.errors import FeedbackError
from tracetier.records import Feedback
from tracetier.route.event import Reported
from tracetier.route.outcome import check_outcome, reward_cost


@pytest.mark.parametrize(
    ("quality", "cost_usd", "message"),
    [
        pytest.param(None, None, "has neither quality nor cost_usd", id="nothing"),
        pytest.param(math.nan, None, r"quality is nan, must be in \[0, 10\]", id="NaN"),
        pytest.param(10.5, None, "quality is 10.5, must be.*a 0-1 score times 10", id="too high"),
        pytest.param(-1, None, "quality is -1", id="negative quality"),
        pytest.param(True, None, "quality is True", id="bool"),
        pytest.param("8", None, "quality is '8'", id="string"),
        pytest.param(
            None, math.nan, "cost_usd is nan, must be a finite number >= 0", id="NaN cost"
        ),
        pytest.param(5.0, -0.01, "cost_usd is -0.01", id="negative cost"),
        pytest.param(5.0, math.inf, "cost_usd is inf", id="infinite cost"),
    ],
)
def test_values_out_of_range_are_refused(
    quality: float | None, cost_usd: float | None, message: str
) -> None:
    """The message names the decision, the value and the range."""
    with pytest.raises(FeedbackError, match=f"feedback for 'd1'.*{message}"):
        check_outcome("d1", quality, cost_usd)


def test_the_ends_of_the_range_and_numpy_numbers_are_good() -> None:
    """They become plain floats."""
    assert check_outcome("d", 0, 0) == Reported("d", 0.0, 0.0, 0.0)
    outcome = check_outcome("d", np.float32(10), np.int64(3))  # type: ignore[arg-type]

    assert outcome == Reported("d", 10.0, 3.0, 0.0)
    assert type(outcome.quality_10) is type(outcome.cost_usd) is float


def test_a_whole_report_is_accepted_alone() -> None:
    """Beside it no value may be given."""
    report = Feedback(decision_id="d", cost_usd=0.5)

    assert check_outcome(report) == Reported("d", None, 0.5, 0.0)
    with pytest.raises(FeedbackError, match="give the Feedback alone"):
        check_outcome(report, quality=3.0)


@pytest.mark.parametrize(
    ("cost_usd", "cost_ref_usd", "expected"),
    [
        (0.005, 0.02, 0.25),
        (0.02, 0.02, 1.0),
        (7.0, 0.02, 1.0),
        (0.0, 0.02, 0.0),
        (0.0, 0.0, 0.0),
        (0.1, 0.0, 1.0),
    ],
)
def test_reward_cost_is_the_clipped_share_of_the_reference(
    cost_usd: float, cost_ref_usd: float, expected: float
) -> None:
    """min(1, cost_usd / cost_ref); free tiers make any cost the full one."""
    assert reward_cost(cost_usd, cost_ref_usd) == expected
