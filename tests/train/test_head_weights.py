"""Which weights the heads get, from what they said of tasks that they had not seen."""

import numpy as np
import pytest

from tracetier.train.blend import (
    LEVEL_AND_COST_WITH_TYPES,
    LEVEL_AND_COST_WITHOUT_TYPES,
    WITH_TYPES,
    WITHOUT_TYPES,
)
from tracetier.train.fit import HEADS
from tracetier.train.head_weights import MIN_FULL_TASKS, HeadWeights, choose_weights
from tracetier.train.targets import stack_targets

RNG = np.random.default_rng(0)
N = 400
SPREAD = RNG.random(N)
COST_USD = np.stack([np.full(N, 0.1), 0.5 + SPREAD], axis=1)
FOLDS = np.arange(N) % 5


def outcomes(*, gain_follows_cost: bool) -> np.ndarray:
    """Quality of two tiers; the gain of the dear one rises with its cost, or falls."""
    gain = SPREAD**3 if gain_follows_cost else 1.0 - SPREAD
    return np.stack([np.full(N, 0.3), 0.3 + 0.5 * gain], axis=1)


def heads_that_see_costs_alone(quality: np.ndarray) -> np.ndarray:
    """Every head knows the mean gain; the ridge knows each cost, the bucket mean their mean."""
    told = stack_targets(quality, COST_USD)
    blunt = np.broadcast_to(told.mean(axis=0), told.shape)
    predicted = np.stack([blunt] * len(HEADS)).copy()
    predicted[:, :, :2] += 0.01 * RNG.normal(size=(len(HEADS), N, 2))
    predicted[HEADS.index("ridge"), :, 3:] = told[:, 3:]
    return predicted


def choose(quality: np.ndarray, predicted: np.ndarray, *, has_types: bool = True) -> HeadWeights:
    """Choose on the outcomes given."""
    return choose_weights(predicted, (quality, COST_USD), FOLDS, 1.0, has_types=has_types)


@pytest.mark.parametrize(
    ("gain_follows_cost", "expected"), [(True, "bucket means"), (False, "default")]
)
def test_costs_are_as_sharp_as_the_choice_can_use(gain_follows_cost: bool, expected: str) -> None:
    """A cost that hides a gain is better not known task by task."""
    quality = outcomes(gain_follows_cost=gain_follows_cost)

    found = choose(quality, heads_that_see_costs_alone(quality))

    assert found.blend == "default"
    assert found.cost.tolist() == list(LEVEL_AND_COST_WITH_TYPES[expected])
    assert found.level.tolist() == list(LEVEL_AND_COST_WITH_TYPES["default"])


def test_few_complete_tasks_leave_the_defaults() -> None:
    """Though the rest of the rows, each of one tier, would say otherwise."""
    quality = outcomes(gain_follows_cost=True)
    predicted = heads_that_see_costs_alone(quality)
    quality[MIN_FULL_TASKS - 1 :, 0] = np.nan

    found = choose(quality, predicted)

    assert found.cost.tolist() == list(LEVEL_AND_COST_WITH_TYPES["default"])
    assert found.quality.tolist() == list(WITH_TYPES["default"])


def test_without_types_bucket_means_have_no_weight() -> None:
    """Such buckets are made from the outcomes."""
    quality = outcomes(gain_follows_cost=True)

    found = choose(quality, heads_that_see_costs_alone(quality), has_types=False)

    assert found.quality.tolist() == list(WITHOUT_TYPES["default"])
    assert found.cost.tolist() == list(LEVEL_AND_COST_WITHOUT_TYPES["default"])


def test_differences_level_and_costs_have_weights_of_their_own() -> None:
    """Two tiers: two differences, then level and two log costs."""
    found = HeadWeights("default", np.array([0.25, 0.75]), np.array([0.5, 0.5]), np.array([1, 0]))

    assert found.per_target(2).tolist() == [[0.25, 0.25, 0.5, 1, 1], [0.75, 0.75, 0.5, 0, 0]]
