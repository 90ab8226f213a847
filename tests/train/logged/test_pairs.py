"""Battles: joined, taken, and turned into differences."""

import numpy as np
import pytest

from tracetier.train.logged.pairs import (
    Pairs,
    compared,
    fill_residuals,
    gather_pairs,
    preferred_quality,
)


def test_rows_of_one_trace_are_one_battle() -> None:
    """The gain is told of the smaller tier number, whichever row comes first."""
    found = gather_pairs(
        ["x", "y", "x", "y"],
        np.array([0, 1, 0, 1]),
        np.array([2, 0, 1, 1]),
        np.array([1.0, 0.5, 0.0, 0.5]),
    )

    assert found.row.tolist() == [0, 1]
    assert found.tiers.tolist() == [[1, 2], [0, 1]]
    assert found.gain.tolist() == [-1.0, 0.0]


@pytest.mark.parametrize(
    ("traces", "tiers"),
    [
        pytest.param(["x", "y"], [0, 1], id="the other row is missing"),
        pytest.param(["x", "x"], [1, 1], id="two models of one tier"),
    ],
)
def test_what_compares_no_two_tiers_is_left_out(traces: list[str], tiers: list[int]) -> None:
    """It says nothing of the choice between tiers."""
    found = gather_pairs(traces, np.zeros(2, np.intp), np.array(tiers), np.array([1.0, 0.0]))

    assert len(found.row) == 0
    assert found.tiers.shape == (0, 2)


def test_taking_rows_takes_their_battles() -> None:
    """Numbered by the new order; battles of other tasks are gone."""
    pairs = Pairs(np.array([0, 1, 1]), np.array([[0, 1]] * 3), np.array([1.0, 0.0, -1.0]))

    found = pairs.take(np.array([2, 1]))

    assert (found.row.tolist(), found.gain.tolist()) == ([1, 1], [0.0, -1.0])


def test_battles_fill_only_what_was_not_seen() -> None:
    """Two tiers: half of the gain either way; a known residual stays."""
    pairs = Pairs(np.array([0, 1]), np.array([[0, 1], [0, 1]]), np.array([1.0, -1.0]))
    residual = np.array([[np.nan, np.nan], [0.25, np.nan], [np.nan, 0.5]])

    found = fill_residuals(residual, pairs)

    np.testing.assert_equal(found, [[0.5, -0.5], [0.25, 0.5], [np.nan, 0.5]])
    assert compared(pairs, 3, 2).tolist() == [[True, True], [True, True], [False, False]]


def test_battles_of_two_tiers_are_their_differences_exactly() -> None:
    """There is one pair, so nothing is left to chance, and several of a task are averaged."""
    pairs = Pairs(np.array([0, 0, 2]), np.array([[0, 1]] * 3), np.array([1.0, 0.0, -1.0]))
    predicted = np.array([[0.25, 0.75], [0.5, 0.5], [0.75, 0.75]])

    quality, propensity = preferred_quality(
        predicted, pairs, np.zeros((3, 1)), np.zeros(3, np.intp), np.array([0, 1, 1]), seed=0
    )

    np.testing.assert_allclose(quality[:, 0] - quality[:, 1], [0.5, np.nan, -1.0])
    np.testing.assert_allclose(quality[[0, 2]].mean(axis=1), [0.5, 0.75])
    assert propensity.tolist() == [[1.0, 1.0]] * 3
