"""What a budget costs on tasks that it was not set on."""

import numpy as np
import pytest

from tracetier.errors import SettingsError
from tracetier.measures.operating_point import Calibration
from tracetier.measures.spending import overspending, point_within

RNG = np.random.default_rng(0)
N = 4_000
FOLDS = np.arange(N) % 5
QUALITY = np.stack([RNG.random(N), np.full(N, 0.9)], axis=1)
HEAVY = np.stack([np.full(N, 0.1), RNG.lognormal(sigma=1.5, size=N)], axis=1)
NOISE = RNG.random((N, 2))


def test_a_constant_cost_is_spent_to_the_cent() -> None:
    """Mixing two fixed tiers costs the same on every fold."""
    cost = np.tile([0.1, 1.0], (N, 1))

    got = overspending(np.tile([0.5, 0.9], (N, 1)), cost, QUALITY, cost, FOLDS, 0.4)

    assert got == pytest.approx(1.0)


def test_a_fold_that_is_dearer_than_the_others_shows() -> None:
    """Two folds, in one the dear tier costs twice: set on one, told on the other, averaged."""
    folds = np.arange(N) % 2
    cost = np.stack([np.zeros(N), np.where(folds == 0, 1.0, 2.0)], axis=1)
    flat = np.tile([0.0, 1.0], (N, 1))

    got = overspending(flat, flat, np.tile([0.0, 1.0], (N, 1)), cost, folds, 0.5)

    # Set on the cheap fold half of the tasks are sent, which costs 1 on the dear one; set on
    # the dear fold a quarter is, which costs a quarter: (1 + .25) / 2 for .5.
    assert got == pytest.approx(1.25)


def test_a_budget_that_no_fold_can_set_is_taken_at_its_word() -> None:
    """Below the cheapest, or above the dearest policy."""
    cost = np.tile([0.1, 1.0], (N, 1))
    for budget in (0.01, 9.0):
        assert overspending(NOISE, cost, QUALITY, cost, FOLDS, budget) == 1.0


def test_the_budget_is_cut_by_what_is_overspent_and_never_raised() -> None:
    """The point expects budget / overspending on the tasks that it was set on."""
    calibration = Calibration.fit(NOISE, HEAVY, QUALITY, HEAVY)
    over = overspending(NOISE, HEAVY, QUALITY, HEAVY, FOLDS, 0.8)

    point = point_within(calibration, NOISE, HEAVY, QUALITY, HEAVY, FOLDS, 0.8)

    assert point.cost_usd == pytest.approx(0.8 / max(over, 1.0))


def test_a_budget_below_the_cheapest_policy_is_refused() -> None:
    """However little is overspent."""
    calibration = Calibration.fit(NOISE, HEAVY, QUALITY, HEAVY)

    with pytest.raises(SettingsError, match="raise the budget"):
        point_within(calibration, NOISE, HEAVY, QUALITY, HEAVY, FOLDS, 0.01)
