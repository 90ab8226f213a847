"""Pseudo-outcomes: worked rows, and what their mean over the log's choices is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.train.logged.pseudo_outcomes import (
    correction_share,
    gains,
    pair_differences,
    pseudo_outcomes,
)

SHARE = st.floats(0.06, 0.94)
UNIT = st.floats(0, 1)


def test_only_what_was_seen_is_corrected() -> None:
    """Predicted .5 and .25, seen 1 with propensity .5: .5 + 2 (1 - .5); the other stays."""
    found = pseudo_outcomes(
        np.array([[0.5, 0.25], [0.5, 0.25]]),
        np.array([[1.0, np.nan], [np.nan, 0.75]]),
        np.array([[0.5, 0.5], [0.2, 0.8]]),
    )

    np.testing.assert_allclose(found, [[1.5, 0.25], [0.5, 0.25 + 0.5 / 0.8]])


def test_weights_are_clipped_at_twenty() -> None:
    """A propensity of a thousandth counts as one of .05."""
    found = pseudo_outcomes(np.zeros((1, 1)), np.ones((1, 1)), np.array([[0.001]]))

    assert found.tolist() == [[20.0]]


def test_where_every_tier_ran_the_outcomes_stand_whatever_the_model() -> None:
    """So full information and logged rows may be mixed."""
    observed = np.array([[0.25, 1.0]])

    found = pseudo_outcomes(np.array([[9.0, -9.0]]), observed, np.ones((1, 2)))

    assert found.tolist() == observed.tolist()


@given(SHARE, UNIT, UNIT, st.floats(-3, 3), st.floats(-3, 3))
def test_their_mean_over_what_the_log_could_take_is_the_outcome(
    p_first: float, first: float, second: float, guess: float, other: float
) -> None:
    """Whatever the model says, if the propensities are right."""
    predicted, p = np.array([[guess, other]]), np.array([[p_first, 1 - p_first]])
    took_first = pseudo_outcomes(predicted, np.array([[first, np.nan]]), p)
    took_second = pseudo_outcomes(predicted, np.array([[np.nan, second]]), p)
    mean = p_first * took_first + (1 - p_first) * took_second

    np.testing.assert_allclose(mean, [[first, second]], atol=1e-9)


@given(st.lists(st.tuples(UNIT, SHARE), min_size=1, max_size=5))
def test_of_a_perfect_model_nothing_is_corrected(cells: list[tuple[float, float]]) -> None:
    """Whatever the propensities."""
    quality, propensity = np.array(cells).T[:, None, :]

    np.testing.assert_allclose(pseudo_outcomes(quality, quality, propensity), quality)


def test_gains_are_told_over_the_base() -> None:
    """The base gains nothing over itself."""
    assert gains(np.array([[0.25, 1.0, 0.5]]), 2).tolist() == [[-0.25, 0.5, 0.0]]


@pytest.mark.parametrize(
    ("pair", "gain", "expected"),
    [
        pytest.param([0, 1], 1.0, [1.0, -1.0, 0.0], id="the first is preferred"),
        pytest.param([0, 2], -1.0, [-1.0, 0.0, 1.0], id="the second is preferred"),
        pytest.param([1, 2], 0.0, [0.0, 0.0, 0.0], id="a tie"),
    ],
)
def test_a_battle_moves_its_two_tiers_apart(
    pair: list[int], gain: float, expected: list[float]
) -> None:
    """Three tiers that meet at random: one of three battles, each worth 3 / 3."""
    found = pair_differences(
        np.zeros((1, 3)), np.array([pair]), np.array([gain]), np.array([1 / 3])
    )

    np.testing.assert_allclose(found, [expected])


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=3), st.lists(UNIT, min_size=3, max_size=3))
def test_the_mean_over_all_battles_is_each_tiers_difference(
    guess: list[float], quality: list[float]
) -> None:
    """Every pair as likely, each telling its true gain: whatever the model says."""
    true, pairs = np.array(quality), [(0, 1), (0, 2), (1, 2)]
    found = [
        pair_differences(
            np.array([guess]), np.array([pair]), true[[pair[0]]] - true[[pair[1]]], np.ones(1) / 3
        )
        for pair in pairs
    ]

    np.testing.assert_allclose(np.mean(found, axis=0)[0], true - true.mean(), atol=1e-9)


def test_a_correction_that_is_noise_counts_half_and_a_plain_one_whole() -> None:
    """Misses of +-.5 in turn are noise; misses of .5 throughout are not."""
    took = np.arange(400) % 2 == 0
    propensity = np.full((400, 2), 0.5)
    predicted = np.full((400, 2), 0.5)
    by_turns = np.where(np.arange(400)[:, None] % 4 < 2, 1.0, 0.0) * np.ones(2)
    taken = np.stack([took, ~took], axis=1)

    noise = correction_share(predicted, np.where(taken, by_turns, np.nan), propensity)
    plain = correction_share(predicted, np.where(taken, 1.0, np.nan), propensity)

    assert noise == 0.5
    # Per tier 400 misses of 1 or 0, mean .5, variance .25: chi2 = 400 each.
    assert plain == pytest.approx(1 - 2 / 800)


@given(st.integers(0, 100))
def test_the_share_lies_between_half_and_whole(seed: int) -> None:
    """Whatever was seen."""
    rng = np.random.default_rng(seed)
    observed = np.where(rng.random((20, 3)) < 0.5, rng.random((20, 3)), np.nan)

    assert 0.5 <= correction_share(rng.random((20, 3)), observed, np.full((20, 3), 0.5)) <= 1.0
