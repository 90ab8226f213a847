"""Paired bootstrap over groups."""

import numpy as np
import pytest

from tracetier.measures import bootstrap
from tracetier.measures.bootstrap import (
    Interval,
    bootstrap_means,
    column_interval,
    difference_interval,
    group_sums,
    percentile_interval,
    ratio_interval,
    statistic_intervals,
)


def test_groups_are_summed_in_the_order_of_their_label() -> None:
    """Three tasks in two groups, two columns."""
    sums, sizes = group_sums(np.array([[1.0, 1.0], [2.0, 1.0], [4.0, 1.0]]), np.array([9, 3, 9]))

    assert sums.tolist() == [[2.0, 1.0], [5.0, 2.0]]
    assert sizes.tolist() == [1.0, 2.0]


def test_tasks_of_one_group_are_drawn_together() -> None:
    """Groups {0, 1} and {2}: a resample has mean 1/2 of the first, 0 of the second, or (1+0)/3."""
    found = bootstrap_means(np.array([[0.0], [1.0], [0.0]]), np.array([0, 0, 1]), n_draws=400)

    assert set(np.round(found.draws[:, 0], 9)) == {0.0, 0.5, round(1 / 3, 9)}
    assert found.means.tolist() == [pytest.approx(1 / 3)]


def test_a_large_group_weighs_by_its_tasks() -> None:
    """The mean is over tasks: group sizes 2 and 1 drawn together weigh 2 and 1."""
    found = bootstrap_means(np.array([[1.0], [1.0], [0.0]]), np.array([0, 0, 1]), n_draws=400)

    assert set(np.round(found.draws[:, 0], 9)) == {0.0, 1.0, round(2 / 3, 9)}


def test_every_column_is_averaged_over_the_same_draw() -> None:
    """A column that is another plus .25 stays so in every resample: the difference has no width."""
    column = np.random.default_rng(0).random(100)
    found = bootstrap_means(np.stack([column + 0.25, column], axis=1), np.arange(100), n_draws=200)
    got = difference_interval(found, 0, 1)

    assert (got.estimate, got.low, got.high) == pytest.approx((0.25, 0.25, 0.25))
    assert column_interval(found, 1).high - column_interval(found, 1).low > 0.05


def test_the_interval_of_a_mean_is_near_the_normal_one() -> None:
    """1,000 standard normal draws: 1.96 s / sqrt(n) = .062 to either side, within a tenth."""
    values = np.random.default_rng(1).standard_normal((1000, 1))
    got = column_interval(bootstrap_means(values, np.arange(1000), seed=3), 0)
    half = 1.96 * values.std() / np.sqrt(1000)

    assert got.estimate == pytest.approx(values.mean())
    assert got.high - got.estimate == pytest.approx(half, rel=0.1)
    assert got.estimate - got.low == pytest.approx(half, rel=0.1)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    """200 samples of 50 groups of 2 equal tasks: 95 % +- 5 (three standard errors) cover 0."""
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(200):
        values = np.repeat(rng.standard_normal(50), 2)[:, None]
        got = column_interval(bootstrap_means(values, np.repeat(np.arange(50), 2), n_draws=400), 0)
        covered += got.low <= 0.0 <= got.high

    assert covered / 200 == pytest.approx(0.95, abs=0.05)


def test_the_same_seed_gives_the_same_draws_and_another_does_not() -> None:
    """Bit for bit."""
    values, groups = np.random.default_rng(0).random((30, 2)), np.arange(30) // 2

    first, again, other = (bootstrap_means(values, groups, n_draws=50, seed=s) for s in (1, 1, 2))
    assert (first.draws == again.draws).all()
    assert (first.draws != other.draws).any()


def test_a_column_does_not_change_the_draws_of_another() -> None:
    """The groups that are drawn depend on the seed and their number alone."""
    values, groups = np.random.default_rng(0).random((30, 2)), np.arange(30)
    both = bootstrap_means(values, groups, n_draws=50)
    alone = bootstrap_means(values[:, 1:], groups, n_draws=50)

    np.testing.assert_allclose(both.draws[:, 1], alone.draws[:, 0])


def test_drawing_in_blocks_fills_every_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of three draws: seven draws come in three blocks, none left empty."""
    monkeypatch.setattr(bootstrap, "_BLOCK", 30)
    found = bootstrap_means(np.ones((10, 1)), np.arange(10), n_draws=7)

    assert found.draws[:, 0].tolist() == [1.0] * 7


def test_a_ratio_of_paired_means() -> None:
    """Twice the other column in every draw; over a column of zeros it is unknown."""
    column = np.random.default_rng(0).random(40) + 0.5
    rows = np.stack([2 * column, column, np.zeros(40)], axis=1)
    found = bootstrap_means(rows, np.arange(40), n_draws=100)
    got = ratio_interval(found, 0, 1)

    assert (got.estimate, got.low, got.high) == pytest.approx((2.0, 2.0, 2.0))
    assert np.isnan(ratio_interval(found, 2, 2).low)


def test_draws_where_a_statistic_is_undefined_are_left_out() -> None:
    """nan and inf are no values; with none left the ends are unknown."""
    draws = np.array([0.0, np.nan, 1.0, np.inf])

    assert percentile_interval(0.5, draws, level=0.5) == Interval(0.5, 0.25, 0.75)
    assert np.isnan(percentile_interval(0.5, np.array([np.nan])).low)


def test_statistics_of_a_row_of_means_come_together() -> None:
    """The larger of two means, and their sum."""
    values = np.array([[0.0, 1.0], [1.0, 0.0]])
    found = bootstrap_means(values, np.arange(2), n_draws=300)
    largest, total = statistic_intervals(found, lambda row: np.array([row.max(), row.sum()]))

    assert largest == Interval(0.5, 0.5, 1.0)
    assert total == Interval(1.0, 1.0, 1.0)


def test_no_task_at_all_is_refused() -> None:
    """There is nothing to draw."""
    with pytest.raises(ValueError, match="at least one task"):
        bootstrap_means(np.empty((0, 1)), np.empty(0, dtype=np.int64))
