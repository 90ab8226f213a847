"""Figures of a frontier, row by row of one resampling."""

import numpy as np
import pytest

from tracetier.evaluate.figures import (
    FixedTiers,
    Resampling,
    SweepRows,
    frontier_figures,
    log_heights,
    oracle_gap,
    sweep_rows,
)
from tracetier.measures.frontier import Matrix


def rows(*values: list[float]) -> Matrix:
    """Row 0 is the estimate, the others its resamples."""
    return np.array(values)


# Two tiers at cost 1 and 5: quality .4 and .8, in the one resample .5 and .8.
FIXED = FixedTiers(rows([0.4, 0.8], [0.5, 0.8]), rows([1.0, 5.0], [1.0, 5.0]), reference=1)
# One policy at cost 2: quality .7, in the resample .5 (below the line of the tiers there).
SWEEP = SweepRows(rows([0.7], [0.5]), rows([2.0], [2.0]))


def test_figures_of_one_policy_above_the_fixed_tiers() -> None:
    """The hull (1, .4) (2, .7) (5, .8): AIQ .7 against .6; .792 at 4.76, .8 at 5."""
    heights = log_heights(FIXED)
    found = frontier_figures(SWEEP, FIXED, fixed_heights=heights, oracle_heights=heights + 0.1)

    assert found.aiq.estimate == pytest.approx(0.7)
    assert found.aiq_gain.estimate == pytest.approx(0.1)
    assert found.saving_at_99.estimate == pytest.approx(1 - 4.76 / 5)
    assert found.saving_at_100.estimate == pytest.approx(0.0)
    assert found.perf_gain.estimate == pytest.approx(0.0)


def test_a_resample_is_told_against_its_own_tiers() -> None:
    """There the policy lies below the line (1, .5) (5, .8), so nothing is gained: AIQ .65."""
    heights = log_heights(FIXED)
    found = frontier_figures(SWEEP, FIXED, fixed_heights=heights, oracle_heights=heights + 0.1)

    assert found.aiq.low == pytest.approx(0.65)
    assert found.aiq_gain.low == pytest.approx(0.0)
    assert found.gap_closed.low == pytest.approx(0.0)


def test_gap_closed_is_nought_for_no_policy_and_one_for_the_oracle() -> None:
    """An empty sweep leaves the fixed tiers; the oracle against itself is whole."""
    oracle = SweepRows(rows([0.9], [0.9]), rows([1.5], [1.5]))
    heights, best = log_heights(FIXED), log_heights(FIXED, oracle)
    empty = SweepRows(np.empty((2, 0)), np.empty((2, 0)))

    for sweep, expected in ((empty, 0.0), (oracle, 1.0)):
        found = frontier_figures(sweep, FIXED, fixed_heights=heights, oracle_heights=best)
        got = (found.gap_closed.estimate, found.gap_closed.low, found.gap_closed.high)
        assert got == pytest.approx((expected, expected, expected))


def test_gap_closed_is_unknown_where_there_is_no_gap() -> None:
    """The oracle gains nothing in any row."""
    heights = log_heights(FIXED)
    found = frontier_figures(SWEEP, FIXED, fixed_heights=heights, oracle_heights=heights)

    assert np.isnan(found.gap_closed.estimate)


def test_oracle_gap_takes_the_best_quality_of_each_row() -> None:
    """(.9 - .72) / .9 = .2 and (.8 - .8) / .8 = 0."""
    oracle = SweepRows(rows([0.5, 0.9], [0.8, 0.5]), rows([1.0, 2.0], [1.0, 2.0]))
    found = oracle_gap(oracle, np.array([0.72, 0.8]))

    assert (found.estimate, found.low) == pytest.approx((0.2, 0.0))


def test_the_reference_is_the_best_tier_of_all_tasks() -> None:
    """In a resample another may be better; the savings are still told against the named one."""
    quality = np.array([[0.0, 0.9, 1.0], [1.0, 0.9, 0.6]])
    found = FixedTiers.of(quality, np.ones((2, 3)), Resampling(np.arange(2), 50, 0))

    assert found.reference == 1
    assert found.quality.shape == (51, 3)
    assert set(found.quality[:, 2].round(9)) == {1.0, 0.8, 0.6}


def test_sweep_rows_are_the_outcomes_of_the_chosen_tiers() -> None:
    """Two tasks, three policies; row 0 is the mean over both."""
    quality, cost = np.array([[0.0, 1.0], [0.5, 0.75]]), np.array([[1.0, 3.0], [2.0, 6.0]])
    found = sweep_rows(
        quality, cost, np.array([[1, 0, 0], [1, 1, 0]]), Resampling(np.arange(2), 5, 0)
    )

    assert found.quality[0].tolist() == [0.875, 0.375, 0.25]
    assert found.cost_usd[0].tolist() == [4.5, 3.5, 1.5]
    assert found.quality.shape == (6, 3)
