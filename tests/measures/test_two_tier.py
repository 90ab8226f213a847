"""RouteLLM's figures on ten tasks that can be counted by hand."""

import numpy as np
import pytest

from tracetier.measures.two_tier import Curve, apgr, cpt, pgr, threshold_curve

# The strong tier is right on all ten, the weak one on the five with the lowest scores.
SCORE = np.arange(10.0)
STRONG = np.ones(10)
WEAK = (SCORE < 5).astype(float)


def test_pgr_is_zero_for_the_weak_and_one_for_the_strong_tier() -> None:
    """Linear between, and unknown where the two do not differ."""
    assert pgr(0.5, weak=0.5, strong=1.0) == 0.0
    assert pgr(1.0, weak=0.5, strong=1.0) == 1.0
    assert pgr(0.4, weak=0.5, strong=1.0) == pytest.approx(-0.2)
    assert np.isnan(pgr(0.5, weak=0.5, strong=0.5))


def test_thresholds_lie_at_the_edges_of_the_quantile_bins() -> None:
    """Five bins of 0..9 have edges 0, 1.8, 3.6, 5.4, 7.2, 9: shares 0, .2, .4, .6, .8, 1."""
    curve = threshold_curve(SCORE, WEAK, STRONG, n_bins=5)

    assert curve.share == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert curve.quality == pytest.approx([0.5, 0.7, 0.9, 1.0, 1.0, 1.0])


def test_apgr_is_the_area_above_the_weak_tier() -> None:
    """PGR 0, .4, .8, 1, 1, 1 at steps of .2: .2 (0/2 + .4 + .8 + 1 + 1 + 1/2) = .74."""
    curve = threshold_curve(SCORE, WEAK, STRONG, n_bins=5)

    assert apgr(curve, 0.5, 1.0) == pytest.approx(0.74)


def test_a_useless_score_has_apgr_one_half() -> None:
    """A score that alternates between tasks that need the strong tier and those that do not."""
    weak = np.tile([0.0, 1.0], 500)
    curve = threshold_curve(np.arange(1000.0), weak, np.ones(1000))

    assert apgr(curve, 0.5, 1.0) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        pytest.param(0.0, 0.0, id="nothing needs no call"),
        pytest.param(0.4, 0.2, id="at a point"),
        pytest.param(0.5, 0.25, id="between two points"),
        pytest.param(0.8, 0.4, id="the second point"),
        pytest.param(1.0, 0.6, id="all of it, where first reached"),
    ],
)
def test_cpt_is_the_smallest_share_that_recovers_p(p: float, expected: float) -> None:
    """Read off PGR 0, .4, .8, 1 at shares 0, .2, .4, .6."""
    curve = threshold_curve(SCORE, WEAK, STRONG, n_bins=5)

    assert cpt(curve, 0.5, 1.0, p=p) == pytest.approx(expected)


def test_cpt_reads_the_running_maximum() -> None:
    """PGR .6 is reached at .3, though the curve dips below it afterwards."""
    dips = Curve(np.array([0.0, 0.3, 0.6, 1.0]), np.array([0.0, 0.6, 0.4, 1.0]))

    assert cpt(dips, 0.0, 1.0, p=0.6) == pytest.approx(0.3)
    assert cpt(dips, 0.0, 1.0, p=0.8) == pytest.approx(0.8)


def test_cpt_is_unknown_where_it_is_never_reached() -> None:
    """A strong tier that is no better, and a curve that stays below."""
    low = Curve(np.array([0.0, 1.0]), np.array([0.0, 0.5]))

    assert np.isnan(cpt(low, 0.0, 1.0, p=0.6))
    assert np.isnan(cpt(low, 0.5, 0.5, p=0.6))
    assert np.isnan(apgr(low, 0.5, 0.5))


def test_one_score_for_all_tasks_leaves_all_or_none() -> None:
    """The curve is the straight line between the tiers, so APGR is one half."""
    curve = threshold_curve(np.zeros(10), WEAK, STRONG)

    assert curve.share.tolist() == [0.0, 1.0]
    assert apgr(curve, 0.5, 1.0) == pytest.approx(0.5)


def test_ties_in_the_score_move_together() -> None:
    """Two values, three tasks at the larger: shares 0, .3, 1 whatever the bins."""
    score = np.array([1.0] * 3 + [0.0] * 7)
    curve = threshold_curve(score, np.zeros(10), score)

    assert set(np.round(curve.share, 9)) == {0.0, 0.3, 1.0}
    assert set(np.round(curve.quality, 9)) == {0.0, 0.3}


def test_a_tie_at_the_top_is_a_point_of_its_own() -> None:
    """Half of the tasks share the largest score: shares 0, .5, 1, and nothing is skipped."""
    score = np.repeat([0.0, 1.0], 5)
    curve = threshold_curve(score, np.zeros(10), score)

    assert sorted(set(curve.share.tolist())) == [0.0, 0.5, 1.0]
    assert curve.quality.tolist() == [0.5 if share else 0.0 for share in curve.share]
