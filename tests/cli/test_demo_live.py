"""The live half of the demo: from which lambda on which tier is best."""

from types import SimpleNamespace
from typing import Any

import pytest

from tracetier.cli.demo_live import tiers_by_lam
from tracetier.heads.prior import Prediction
from tracetier.records import Task
from tracetier.tiers import Tier, TierSet


def _artifact(quality: list[float], cost: list[float]) -> Any:  # Any: a stand-in
    prediction = Prediction(quality, cost, cost, 0)
    return SimpleNamespace(
        tiers=TierSet((Tier(name="low"), Tier(name="mid"), Tier(name="high"))),
        predictor=SimpleNamespace(predict=lambda task: prediction),
    )


@pytest.mark.parametrize(
    ("quality", "cost", "expected"),
    [
        # high gives up .1 of quality (1 of 10) for .5 of cost at 2; mid gives up .2 for .1 at 20.
        pytest.param(
            [0.5, 0.7, 0.8],
            [0.0, 0.1, 0.6],
            [(0.0, "high"), (2.0, "mid"), (20.0, "low")],
            id="every tier has its range",
        ),
        pytest.param([0.9, 0.7, 0.8], [0.0, 0.1, 0.6], [(0.0, "low")], id="the cheapest is best"),
        # From high to low: .2 of quality for .6 of cost at 2 / .6; mid is never ahead.
        pytest.param(
            [0.6, 0.5, 0.8], [0.0, 0.1, 0.6], [(0.0, "high"), (3.333, "low")], id="one is skipped"
        ),
    ],
)
def test_each_tier_is_best_from_its_own_lambda_on(
    quality: list[float], cost: list[float], expected: list[tuple[float, str]]
) -> None:
    """Worked by hand on three tiers."""
    found = tiers_by_lam(_artifact(quality, cost), Task(text="any"))

    assert [name for _, name in found] == [name for _, name in expected]
    assert [lam for lam, _ in found] == pytest.approx([lam for lam, _ in expected], abs=1e-3)
