"""What displays ask of a learner: the spread of Q, and a copy of the money by day."""

import math

import numpy as np
import pytest

from tracetier.heads.prior import PriorStats
from tracetier.route.insight import ledger_since, q_sds
from tracetier.route.residual import ResidualParams
from tracetier.route.savings import SavingsBook, Sums
from tracetier.route.strategy import start_strategy


def prior() -> PriorStats:
    """Two buckets, two tiers; sigma^2 .04 and .02 of quality, 0 of cost; tau^2 as sigma^2."""
    rows = np.array([[0.6, 0.9], [0.5, 0.8]])
    return PriorStats(
        buckets=("edit", "other"),
        n=np.array([50.0, 50.0]),
        quality_mean=rows,
        cost_mean=rows,
        quality_var=np.array([0.04, 0.02]),
        cost_var=np.array([0.0, 0.0]),
        quality_tau2=np.array([0.04, 0.02]),
        cost_tau2=np.array([0.0, 0.0]),
    )


def test_the_spread_is_that_of_the_formula() -> None:
    """No report: n0 = 1 and n0g = 9, so var = sigma^2 (1 + 1/18), of which sd is ten times."""
    strategy = start_strategy("residual", prior(), params=ResidualParams(), lam=0.0)

    sds = q_sds(strategy, ["edit", "other"], ["low", "high"], 0.0)

    assert list(sds) == ["edit", "other"]
    for tiers in sds.values():
        assert tiers["low"] == pytest.approx(10.0 * math.sqrt(0.04 * (1.0 + 1.0 / 18.0)))
        assert tiers["high"] == pytest.approx(10.0 * math.sqrt(0.02 * (1.0 + 1.0 / 18.0)))


@pytest.mark.parametrize("name", ["seed", "greedy"])
def test_a_strategy_that_keeps_none_has_none(name: str) -> None:
    """0 throughout."""
    strategy = start_strategy(name, prior(), params=None, lam=0.3)

    sds = q_sds(strategy, ["edit", "other"], ["low", "high"], 0.3)

    assert {sd for row in sds.values() for sd in row.values()} == {0.0}


def test_the_ledger_is_a_copy_from_a_day_on() -> None:
    """What is done to it is not done to the state; the row of earlier days is not of any day."""
    days = {day: {"low": Sums(decisions=1)} for day in ("(earlier)", "2026-01-01", "2026-01-02")}
    book = SavingsBook(days=days)

    found = ledger_since(book, "2026-01-02")
    found["2026-01-02"]["low"].decisions = 9

    assert list(found) == ["2026-01-02"]
    assert book.days["2026-01-02"]["low"].decisions == 1
    assert list(ledger_since(book, "")) == ["(earlier)", "2026-01-01", "2026-01-02"]
