"""A goal is one aim, within its range."""

from typing import Any

import pytest

from tracetier.errors import SettingsError
from tracetier.route.control.goal import Goal


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({}, "was given nothing; give exactly one of budget_usd, ", id="none"),
        pytest.param(
            {"budget_usd": 1.0, "saving": 0.5}, "was given budget_usd, saving;", id="two aims"
        ),
        pytest.param({"budget_usd": 0.0}, "budget_usd is 0.0, must be above 0", id="no budget"),
        pytest.param({"budget_usd": float("nan")}, "budget_usd is nan", id="nan"),
        pytest.param({"saving": 1.0}, "saving is 1.0, must be above 0 and below 1", id="all"),
        pytest.param({"quality_floor": 12.0}, "quality_floor is 12.0, .* below 10", id="scale"),
    ],
)
def test_a_goal_that_cannot_be_is_told(given: dict[str, Any], message: str) -> None:
    """With what was given and what is allowed."""
    with pytest.raises(SettingsError, match=message):
        Goal(**given)


@pytest.mark.parametrize(
    "given", [{"budget_usd": 0.01, "requests": 0}, {"saving": 0.5, "requests": 100}]
)
def test_a_number_of_requests_stands_beside_a_budget_per_request(given: dict[str, Any]) -> None:
    """Of at least one."""
    with pytest.raises(SettingsError, match="give a number >= 1, and budget_usd beside it"):
        Goal(**given)
