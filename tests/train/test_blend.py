"""Which blend, and what a blend is worth."""

import numpy as np
import pytest

from tracetier.train.blend import (
    LEVEL_AND_COST_WITH_TYPES,
    LEVEL_AND_COST_WITHOUT_TYPES,
    WITH_TYPES,
    WITHOUT_TYPES,
    choose_blend,
    choose_cost,
    decision_value,
)
from tracetier.train.fit import HEADS

RNG = np.random.default_rng(0)
N = 400
QUALITY = np.stack([RNG.random(N), np.full(N, 0.6)], axis=1)
COST_USD = np.tile([0.1, 1.0], (N, 1))
NOISE = RNG.random((N, 2))
FOLDS = np.arange(N) % 5
CANDIDATES = {"default": (1.0, 0.0), "second": (0.0, 1.0)}


def choose(first: np.ndarray, second: np.ndarray, folds: np.ndarray = FOLDS) -> str:
    """Choose between two heads."""
    heads = np.stack([first, second])
    return choose_blend(CANDIDATES, heads, COST_USD, (QUALITY, COST_USD), folds)


def test_knowing_the_outcome_closes_the_gap() -> None:
    """The oracle's own predictions are worth 1."""
    assert decision_value(QUALITY, COST_USD, QUALITY, COST_USD) == pytest.approx(1.0)


def test_knowing_the_means_alone_is_worth_nothing() -> None:
    """Constant predictions give the fixed tiers, which anyone can have."""
    constant = np.broadcast_to(QUALITY.mean(axis=0), QUALITY.shape)

    assert decision_value(constant, COST_USD, QUALITY, COST_USD) == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("quality", "cost_usd"),
    [
        pytest.param(np.ones((N, 2)), COST_USD, id="every tier is perfect"),
        pytest.param(QUALITY[:, :1], COST_USD[:, :1], id="one tier"),
        pytest.param(np.ones((N, 2)), np.zeros((N, 2)), id="perfect and free"),
    ],
)
def test_where_nothing_can_be_gained_the_value_is_0(
    quality: np.ndarray, cost_usd: np.ndarray
) -> None:
    """And no division by zero."""
    assert decision_value(quality, cost_usd, quality, cost_usd) == 0.0


def test_a_free_pair_of_tiers_still_has_a_value() -> None:
    """Without costs the best tier of each task is the oracle's."""
    free = np.zeros((N, 2))

    assert decision_value(QUALITY, free, QUALITY, free) == pytest.approx(1.0)


def test_clear_evidence_takes_another_blend() -> None:
    """The truth against noise, in every fold."""
    assert choose(NOISE, QUALITY) == "second"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(QUALITY, NOISE, id="the default is better"),
        pytest.param(NOISE, NOISE, id="both are the same"),
        pytest.param(NOISE, np.roll(NOISE, 7, axis=0), id="both are noise"),
    ],
)
def test_the_default_stays_without_evidence(first: np.ndarray, second: np.ndarray) -> None:
    """A better mean alone is not enough."""
    assert choose(first, second) == "default"


def test_one_fold_is_no_evidence() -> None:
    """There is no standard error over folds."""
    assert choose(NOISE, QUALITY, np.zeros(N, dtype=np.int64)) == "default"


def test_a_fold_without_complete_tasks_is_left_out() -> None:
    """Complete tasks may lie in some folds only."""
    assert choose(NOISE, QUALITY, np.array([1, 3, 4])[np.arange(N) % 3]) == "second"


SHARP = np.stack([np.full(N, 0.1), 0.2 + 0.8 * RNG.random(N)], axis=1)
BLUNT = np.tile([0.1, 0.5], (N, 1))


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        pytest.param(
            np.stack([np.full(N, 0.4), 0.4 + 0.5 * NOISE[:, 0]], axis=1),
            "sharp",
            id="what costs more gains no more",
        ),
        pytest.param(
            np.stack([np.full(N, 0.4), 0.4 + 0.5 * SHARP[:, 1] ** 3], axis=1),
            "blunt",
            id="what costs more gains more, hardly seen by the quality",
        ),
    ],
)
def test_costs_are_blended_for_the_choice_not_for_their_own_error(
    outcome: np.ndarray, expected: str
) -> None:
    """In the second case the dear tier gains most where it costs most; a sharp cost avoids it."""
    mean = outcome.mean(axis=0)
    costs = {"blunt": BLUNT, "sharp": SHARP}

    assert choose_cost(costs, mean + 0.05 * (outcome - mean), (outcome, SHARP)) == expected


def test_of_equal_costs_the_first_is_taken() -> None:
    """A candidate must be better to replace the default."""
    costs = {"default": COST_USD, "other": COST_USD.copy()}

    assert choose_cost(costs, QUALITY, (QUALITY, COST_USD)) == "default"


def test_blends_are_weights_of_all_heads_and_sum_to_1() -> None:
    """Each family has a default, and without types no bucket means of types."""
    with_types = (WITH_TYPES, LEVEL_AND_COST_WITH_TYPES)
    without = (WITHOUT_TYPES, LEVEL_AND_COST_WITHOUT_TYPES)
    families = (*with_types, *without)
    blends = [weights for family in families for weights in family.values()]

    assert {len(weights) for weights in blends} == {len(HEADS)}
    assert [sum(weights) for weights in blends] == pytest.approx([1.0] * len(blends))
    assert [next(iter(family)) for family in families] == ["default"] * len(families)
    assert {weights[0] for family in without for weights in family.values()} == {0.0}
