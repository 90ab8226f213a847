"""Figures of a frontier, row by row of one resampling."""

import numpy as np
import pytest

from tracetier.evaluate.figures import (
    N_EVEN_TARGETS,
    N_LOG_TARGETS,
    CurveRows,
    FixedTiers,
    FrontierFigures,
    SweepRows,
    held_out_figures,
    hull_figures,
    log_heights,
    oracle_gap,
    published_figures,
    sweep_rows,
)
from tracetier.evaluate.resampling import Resampling, recentred
from tracetier.measures.frontier import Matrix


def rows(*values: list[float]) -> Matrix:
    """Row 0 is the estimate, the others its resamples."""
    return np.array(values)


# Two tiers at cost 1 and 5: quality .4 and .8, in the one resample .5 and .8.
FIXED = FixedTiers(rows([0.4, 0.8], [0.5, 0.8]), rows([1.0, 5.0], [1.0, 5.0]), reference=1)
# One policy at cost 2: quality .7, in the resample .5 (below the line of the tiers there).
SWEEP = SweepRows(rows([0.7], [0.5]), rows([2.0], [2.0]))


def hindsight(sweep: SweepRows, above: float = 0.1) -> FrontierFigures:
    """Figures whose oracle is so far above the fixed tiers."""
    heights = log_heights(FIXED)
    return hull_figures(
        sweep, FIXED, fixed_heights=heights, oracle_heights=heights + above
    ).figures()


def test_figures_of_one_policy_above_the_fixed_tiers() -> None:
    """The hull (1, .4) (2, .7) (5, .8): AIQ .7 against .6; .792 at 4.76, .8 at 5."""
    found = hindsight(SWEEP)

    assert found.aiq.estimate == pytest.approx(0.7)
    assert found.aiq_gain.estimate == pytest.approx(0.1)
    assert found.saving_at_99.estimate == pytest.approx(1 - 4.76 / 5)
    assert found.saving_at_100.estimate == pytest.approx(0.0)
    assert found.perf_gain.estimate == pytest.approx(0.0)


def test_a_resample_is_told_against_its_own_tiers() -> None:
    """There the policy lies below the line (1, .5) (5, .8), so nothing is gained: AIQ .65."""
    found = hindsight(SWEEP)

    assert found.aiq.low == pytest.approx(0.65)
    assert found.aiq_gain.low == pytest.approx(0.0)
    assert found.gap_closed.low == pytest.approx(0.0)


def test_gap_closed_is_nought_for_no_policy_and_one_for_the_oracle() -> None:
    """An empty sweep leaves the fixed tiers; the oracle against itself is whole."""
    oracle = SweepRows(rows([0.9], [0.9]), rows([1.5], [1.5]))
    heights, best = log_heights(FIXED), log_heights(FIXED, oracle)
    empty = SweepRows(np.empty((2, 0)), np.empty((2, 0)))

    for sweep, expected in ((empty, 0.0), (oracle, 1.0)):
        found = hull_figures(sweep, FIXED, fixed_heights=heights, oracle_heights=best).figures()
        got = (found.gap_closed.estimate, found.gap_closed.low, found.gap_closed.high)
        assert got == pytest.approx((expected, expected, expected))


def test_gap_closed_is_unknown_where_there_is_no_gap() -> None:
    """The oracle gains nothing in any row."""
    assert np.isnan(hindsight(SWEEP, above=0.0).gap_closed.estimate)


def flat_curve(quality: float, cost: float, left: float) -> CurveRows:
    """The same policy for every target, in the estimate and in one resample."""
    shape = (2, N_LOG_TARGETS + N_EVEN_TARGETS + 1)
    return CurveRows(np.full(shape, quality), np.full(shape, cost), np.full(shape, left))


def told(curve: CurveRows) -> FrontierFigures:
    heights = log_heights(FIXED)
    return held_out_figures(
        curve, FIXED, fixed_heights=heights, oracle_heights=heights + 0.4
    ).figures()


def test_a_held_out_policy_is_told_against_the_tiers_of_its_own_cost() -> None:
    """Quality .7 at cost 2, where mixed tiers give .5: a gain of .2 of .4 to the oracle."""
    found = told(flat_curve(0.7, 2.0, 0.0))

    assert found.aiq_gain.estimate == pytest.approx(0.2)
    assert found.gap_closed.estimate == pytest.approx(0.5)
    assert found.aiq.estimate == pytest.approx(0.6 + 0.2)
    assert found.perf_gain.estimate == pytest.approx(0.7 / 0.8 - 1)


def test_money_that_buys_nothing_counts_as_spent() -> None:
    """With 2 left unspent the same policy is told against the tiers at 4, which give .7."""
    assert told(flat_curve(0.7, 2.0, 2.0)).aiq_gain.estimate == pytest.approx(0.0)


def test_a_saving_is_where_the_curve_first_reaches_the_quality() -> None:
    """A curve at .8 from cost 1.5 on reaches all of it there: 1 - 1.5 / 5."""
    found = told(flat_curve(0.8, 1.5, 0.0))

    assert found.saving_at_100.estimate == pytest.approx(0.7)
    # One that never comes near it is mixed with the reference tier itself: .792 of .6 to .8.
    near = told(flat_curve(0.6, 1.0, 0.0))
    assert near.saving_at_99.estimate == pytest.approx(1 - (1.0 + 0.96 * 4.0) / 5)
    assert near.saving_at_100.estimate == pytest.approx(0.0)


def test_the_published_figures_are_those_of_all_tasks() -> None:
    """Row 0 of the figures in hindsight, without any resample."""
    heights = log_heights(FIXED)
    found = published_figures(SWEEP, FIXED, fixed_heights=heights, oracle_heights=heights + 0.1)

    assert found.aiq == pytest.approx(0.7)
    assert found.gap_closed == pytest.approx(hindsight(SWEEP).gap_closed.estimate)


def test_draws_are_moved_around_the_estimate() -> None:
    """Their spread stays, their median becomes the estimate; what is undefined stays so."""
    found = recentred(np.array([1.0, 2.0, np.nan, 4.0]))

    assert found[[0, 1, 3]].tolist() == [1.0, 0.0, 2.0]
    assert np.isnan(found[2])
    assert recentred(np.array([1.0, np.nan])).tolist()[0] == 1.0


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
