"""Estimated propensities: smoothed, clipped, and never by a model that saw the row."""

import numpy as np
import pytest

from tracetier.train.logged.propensity import (
    MIN_PROPENSITY,
    bucket_shares,
    estimate_propensities,
)

N = 2_000


def drawn(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Two buckets and a number that decide, how much is known."""
    rng = np.random.default_rng(seed)
    bucket, x = rng.integers(0, 2, N), rng.standard_normal((N, 2))
    p_second = 0.05 + 0.9 / (1 + np.exp(-(1.5 * x[:, 0] + np.where(bucket == 1, 1.0, -1.0))))
    second = rng.random(N) < p_second
    taken = np.stack([~second, second], axis=1)
    return x, bucket, taken, np.stack([1 - p_second, p_second], axis=1)


def test_shares_are_smoothed_towards_the_overall_ones() -> None:
    """Overall 3 of 4; the second bucket has 1 of 1: (1 + 7.5) / 11."""
    taken = np.array([[True, False], [True, False], [False, True], [True, False]])

    found = bucket_shares(np.array([0, 0, 0, 1]), taken, 3)

    assert found[1, 0] == pytest.approx(8.5 / 11)
    assert found[2].tolist() == [0.75, 0.25]
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


def test_a_policy_that_hangs_on_features_is_found() -> None:
    """Within .1 on average, though each row is asked of a model that had not seen it."""
    x, bucket, taken, truth = drawn()
    folds = np.arange(N) % 5

    found = estimate_propensities(x, bucket, taken, folds, seed=0)

    assert np.abs(found - truth).mean() < 0.05
    assert found.min() >= MIN_PROPENSITY


def test_a_row_does_not_tell_its_own_propensity() -> None:
    """What was taken on the rows of one fold changes nothing of what is said of them."""
    x, bucket, taken, _ = drawn()
    folds = np.arange(N) % 5
    changed = np.where((folds == 2)[:, None], taken[:, ::-1], taken)
    here = folds == 2

    before, after = (
        estimate_propensities(x, bucket, each, folds, seed=0)[here] for each in (taken, changed)
    )

    np.testing.assert_array_equal(before, after)


def test_unknown_numbers_and_one_tier_alone_are_no_trouble() -> None:
    """What is always taken has propensity 1, the rest the least that is assumed."""
    x, taken = np.full((10, 1), np.nan), np.tile([True, False], (10, 1))

    found = estimate_propensities(x, np.zeros(10, np.intp), taken, np.arange(10) % 2, seed=0)

    np.testing.assert_allclose(found, np.tile([1.0, MIN_PROPENSITY], (10, 1)))


def test_several_tiers_seen_of_a_row_are_as_many_chances() -> None:
    """Two of two were taken everywhere: each surely."""
    taken = np.ones((20, 2), dtype=np.bool_)

    found = estimate_propensities(
        np.zeros((20, 1)), np.zeros(20, np.intp), taken, np.arange(20) % 2, seed=0
    )

    np.testing.assert_allclose(found, 1.0, atol=1e-6)
