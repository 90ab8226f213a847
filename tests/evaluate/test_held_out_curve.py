"""Policies that are chosen on other tasks than they are told on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.evaluate.controls import Predictions, random_predictions
from tracetier.evaluate.curve_rows import curve_rows
from tracetier.evaluate.figures import FixedTiers
from tracetier.evaluate.fold_means import evaluation_rows, fold_means
from tracetier.evaluate.held_out_curve import held_out_curve, mixtures, policy_outcomes
from tracetier.evaluate.resampling import Resampling
from tracetier.evaluate.set_point import keep, set_point
from tracetier.measures.frontier import lam_grid, sweep_choices
from tracetier.measures.hull import mixture_at, upper_hull

COST = np.array([1.0, 3.0])


@given(st.integers(0, 10_000))
def test_mixtures_are_those_of_the_hull_at_each_cost(seed: int) -> None:
    """All costs at once give what one after the other gives."""
    rng = np.random.default_rng(seed)
    quality, cost = rng.random((2, 12))
    targets = np.append(rng.random(9) * 1.4 - 0.2, np.inf)
    found = mixtures(quality, cost, targets)

    hull = upper_hull(cost, quality)
    for target, cheap, dear, p_dear in zip(targets, *found, strict=True):
        one = mixture_at(hull, float(target))
        assert (cheap, dear) == (one.cheap, one.dear)
        assert p_dear == pytest.approx(one.p_dear)


def test_evaluation_rows_give_every_resample_another_one() -> None:
    """Row 0, over all tasks, keeps to itself; of the others each is told once."""
    rows = evaluation_rows(6)

    assert rows[0] == 0
    assert sorted(rows[1:].tolist()) == [1, 2, 3, 4, 5]
    assert all(rows[1:] != np.arange(1, 6))


def random_world(seed: int, n: int = 80) -> tuple[Predictions, np.ndarray, np.ndarray]:
    """Two tiers right on 30 and 70 % of the tasks, and predictions that know nothing of them."""
    rng = np.random.default_rng(seed)
    quality = (rng.random((n, 2)) < [0.3, 0.7]).astype(float)
    cost = np.tile(COST, (n, 1))
    return random_predictions(Predictions(quality, cost / 3.0), rng), quality, cost


def test_what_is_chosen_in_hindsight_does_not_generalise() -> None:
    """Random predictions in 30 worlds, at the cost half way between two tiers.

    Read off in hindsight they beat the even mixture of the tiers by more than .02 of quality;
    chosen on other tasks they are within .02 of it.
    """
    hindsight, held_out = [], []
    for seed in range(30):
        predictions, quality, cost = random_world(seed)
        choices = sweep_choices(*predictions, lam_grid(*predictions, 41))
        outcomes = policy_outcomes(choices, quality, cost)
        found = held_out_curve(outcomes, np.array([2.0]), groups=np.arange(80), seed=seed)
        means = [outcome.mean(axis=0) for outcome in outcomes]
        best = mixtures(means[0], means[1], np.array([2.0])).of(means[0])[0]
        line = np.interp(found.cost_usd[0] + found.unspent_usd[0], COST, quality.mean(axis=0))
        hindsight.append(best - quality.mean())
        held_out.append(found.quality[0] - line)

    assert np.mean(hindsight) > 0.02
    assert abs(np.mean(held_out)) < 0.02


@pytest.fixture
def resampled() -> tuple[np.ndarray, np.ndarray, Resampling]:
    """Forty tasks of two tiers, the dear one right on all, the cheap one on three of four."""
    quality = np.stack([1.0 - (np.arange(40) % 4 == 3), np.ones(40)], axis=1)
    return quality, np.tile([1.0, 4.0], (40, 1)), Resampling(np.arange(40), 50, 0)


def test_fold_means_add_up_to_the_means_of_each_resample(
    resampled: tuple[np.ndarray, np.ndarray, Resampling],
) -> None:
    """Over the folds: tasks to 1, outcomes to their means, tiers to their shares."""
    quality, cost, resampling = resampled
    choices = np.tile([[0, 1]], (40, 1))
    found = fold_means(choices, quality, cost, cost / 4.0, resampling)

    np.testing.assert_allclose(found.weight.sum(axis=0), 1.0)
    np.testing.assert_allclose(found.sums[0].sum(axis=0)[0], [0.75, 1.0, 0.75, 1.0])
    np.testing.assert_allclose(found.sums[1].sum(axis=0), np.tile([1.0, 4.0, 1.0, 4.0], (51, 1)))
    np.testing.assert_allclose(found.share.sum(axis=0), [[1, 0], [0, 1], [1, 0], [0, 1]])


def test_the_first_row_of_a_curve_is_the_whole_and_the_others_are_chosen_again(
    resampled: tuple[np.ndarray, np.ndarray, Resampling],
) -> None:
    """With fixed tiers alone every row lies on the line of its own tiers, at the target's cost."""
    quality, cost, resampling = resampled
    nothing = np.empty((40, 0), dtype=np.intp)
    targets = np.array([1.0, 2.5, 4.0])
    outcomes = policy_outcomes(nothing, quality, cost)
    whole = held_out_curve(outcomes, targets, groups=resampling.groups, seed=0)
    found = curve_rows(fold_means(nothing, quality, cost, cost / 4.0, resampling), targets, whole)

    np.testing.assert_allclose(found.cost_usd, np.tile(targets, (51, 1)))
    np.testing.assert_allclose(found.unspent_usd, 0.0, atol=1e-12)
    assert found.quality[0].tolist() == pytest.approx([0.75, 0.875, 1.0])
    assert len(np.unique(found.quality[1:, 1].round(6))) > 10


def test_a_set_point_keeps_what_it_is_set_to_and_varies_with_the_logs(
    resampled: tuple[np.ndarray, np.ndarray, Resampling],
) -> None:
    """.99 of 1 lies .96 of the way to the dear tier: 1 + .96 * 3 USD; in resamples elsewhere."""
    quality, cost, resampling = resampled
    nothing = np.empty((40, 0), dtype=np.intp)
    found = set_point(
        fold_means(nothing, quality, cost, cost / 4.0, resampling),
        keep(0.99, FixedTiers.of(quality, cost, resampling)),
    )

    assert found.quality[0] == pytest.approx(0.99, abs=2e-3)
    assert found.cost_usd[0] == pytest.approx(1 + 0.96 * 3, abs=0.01)
    assert found.share == pytest.approx([0.04, 0.96], abs=0.005)
    assert found.share.sum() == pytest.approx(1.0)
    assert found.cost_usd[1:].std() > 0.01
