"""Controls: what must not win, and what cannot lose."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.evaluate.controls import (
    Predictions,
    bucket_mean_predictions,
    majority_tier,
    oracle_choice,
    random_predictions,
    shuffle_predictions,
)
from tracetier.measures.frontier import choose_tiers

QUALITY = np.array([[1.0, 1.0, 1.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
COST = np.tile([0.0, 0.2, 1.0], (4, 1))


@pytest.mark.parametrize(
    ("lam", "expected"),
    [
        pytest.param(0.0, [0, 1, 2, 0], id="the cheapest of the equally good"),
        pytest.param(9.9, [0, 1, 2, 0], id="10 - 9.9 is still worth it"),
        pytest.param(10.0, [0, 1, 0, 0], id="10 - 10 against 0: the cheapest"),
        pytest.param(50.0, [0, 0, 0, 0], id="10 - 10 against 0 for the middle one too"),
    ],
)
def test_the_oracle_takes_the_best_reward_in_hindsight(lam: float, expected: list[int]) -> None:
    """Four tasks that need the first, second, third and no tier."""
    assert oracle_choice(QUALITY, COST, lam).tolist() == expected


@given(st.integers(0, 10_000), st.floats(0, 100))
def test_no_choice_has_a_better_reward_than_the_oracle(seed: int, lam: float) -> None:
    """Any other predictions, any lambda."""
    rng = np.random.default_rng(seed)
    quality, cost, q_hat, c_hat = rng.random((4, 15, 3))
    reward = 10 * quality - lam * cost
    rows = np.arange(15)
    best, other = oracle_choice(quality, cost, lam), choose_tiers(q_hat, c_hat, lam)

    assert (reward[rows, best] >= reward[rows, other]).all()


def test_the_majority_tier_is_the_most_frequent_oracle_choice() -> None:
    """Choices 0, 1, 2, 0; without the first and last task a draw between 1 and 2: the cheaper."""
    assert majority_tier(QUALITY, COST, 0.3) == 0
    assert majority_tier(QUALITY[1:3], COST[1:3], 0.3) == 1


def test_bucket_means_see_only_the_other_folds() -> None:
    """Bucket 0 holds qualities 0, 1 | 1 in folds 0 | 1; bucket 1 is seen in fold 0 alone."""
    quality = np.array([[0.0], [1.0], [1.0], [0.5]])
    buckets, folds = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 0])
    found = bucket_mean_predictions(Predictions(quality, 2 * quality), buckets, folds, shrink=1.0)

    # Fold 1 from fold 0: overall (0 + 1 + .5) / 3 = .5, bucket (0 + 1 + .5) / (2 + 1) = .5.
    # Fold 0 from fold 1: overall 1, bucket 0 (1 + 1) / (1 + 1) = 1, bucket 1 unseen: overall.
    assert found.quality.ravel().tolist() == [1.0, 1.0, 0.5, 1.0]
    assert found.cost.ravel().tolist() == [2.0, 2.0, 1.0, 2.0]


def test_bucket_means_do_not_know_the_task_itself() -> None:
    """Changing a task's outcome leaves its own prediction as it was."""
    rng = np.random.default_rng(0)
    quality, buckets, folds = rng.random((40, 2)), np.arange(40) % 3, np.arange(40) % 5
    changed = quality.copy()
    changed[7] += 1.0

    before, after = (
        bucket_mean_predictions(Predictions(q, q), buckets, folds).quality
        for q in (quality, changed)
    )
    assert (before[7] == after[7]).all()
    assert (before != after).any()


def test_bucket_means_need_two_folds() -> None:
    """With one there is nothing out of fold."""
    one = np.zeros(3, dtype=np.int64)
    with pytest.raises(ValueError, match="at least two folds"):
        bucket_mean_predictions(Predictions(np.ones((3, 1)), np.ones((3, 1))), one, one)


def test_shuffling_moves_whole_rows() -> None:
    """The same rows in another order, quality and cost of a row together."""
    given_rows = Predictions(np.arange(20.0).reshape(10, 2), 100 + np.arange(20.0).reshape(10, 2))
    found = shuffle_predictions(given_rows, np.random.default_rng(0))

    assert sorted(found.quality[:, 0]) == given_rows.quality[:, 0].tolist()
    assert (found.quality != given_rows.quality).any()
    assert (found.cost - found.quality == 100).all()


def test_random_predictions_keep_the_means_and_spreads_of_the_tiers() -> None:
    """5,000 tasks: means within five standard errors; no tie to the task is left."""
    rng = np.random.default_rng(0)
    quality = np.array([0.5, 0.8]) + np.array([0.2, 0.1]) * rng.standard_normal((5000, 2))
    found = random_predictions(Predictions(quality, rng.random((5000, 2))), rng)

    np.testing.assert_allclose(found.quality.mean(axis=0), [0.5, 0.8], atol=0.02)
    np.testing.assert_allclose(found.quality.std(axis=0), [0.2, 0.1], rtol=0.05)
    assert abs(np.corrcoef(found.quality[:, 0], quality[:, 0])[0, 1]) < 0.07
    assert (found.cost == found.cost[0]).all()
