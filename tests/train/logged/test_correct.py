"""From logged rows to what is learned: the log's choice corrected, full information untouched."""

from collections.abc import Callable

import numpy as np
import pytest

from tracetier.measures.folds import grouped_folds
from tracetier.train.logged.correct import correct_for_logging, find_propensities
from tracetier.train.logged.cross_fit import weighted_tier_means
from tracetier.train.logged.pairs import Pairs
from tracetier.train.model import fit_model, training_data
from tracetier.train.rows import TaskRows

MakeRows = Callable[..., TaskRows]
pytestmark = pytest.mark.usefixtures("few_trees")


def confounded(make_rows: MakeRows, n: int = 1_000) -> tuple[TaskRows, TaskRows]:
    """Full outcomes, and a log that gave the dear tier the tasks that go badly.

    On type 0 both tiers do equally well; on type 1 the dear one is .4 better.
    """
    full = make_rows(n)
    rng = np.random.default_rng(7)
    luck = rng.random(n)
    kind = np.arange(n) % 2
    cheap = (luck < np.where(kind == 0, 0.7, 0.3)).astype(float)
    dear = (luck < 0.7).astype(float)
    quality = np.stack([cheap, dear], axis=1)
    p_dear = np.where(luck > 0.5, 0.8, 0.2)
    took_dear = rng.random(n) < p_dear
    taken = np.stack([~took_dear, took_dear], axis=1)
    p_log = np.stack([1 - p_dear, p_dear], axis=1)
    full = full._replace(quality=quality)
    logged = full._replace(
        quality=np.where(taken, quality, np.nan),
        cost_usd=np.where(taken, full.cost_usd, np.nan),
        p_log=np.where(taken, p_log, np.nan),
    )
    return full, logged


def gain_by_type(quality: np.ndarray) -> list[float]:
    gain = quality[:, 1] - quality[:, 0]
    return [float(gain[kind::2].mean()) for kind in (0, 1)]


def test_a_log_that_gave_the_dear_tier_the_hard_tasks_does_not_fool(make_rows: MakeRows) -> None:
    """As logged the dear tier looks worse everywhere; it gains 0 and .4."""
    full, logged = confounded(make_rows)
    as_logged = np.nanmean(logged.quality, axis=0)
    model = fit_model(logged, n_jobs=1)

    assert as_logged[1] < as_logged[0] - 0.15
    assert gain_by_type(full.quality) == pytest.approx([0.0, 0.4], abs=0.06)
    assert gain_by_type(model.held_out.quality) == pytest.approx([0.0, 0.4], abs=0.15)
    assert model.corrected is not None
    assert model.corrected.propensities.n_estimated == 0


def test_full_information_is_learned_from_as_it_is(make_rows: MakeRows) -> None:
    """Nothing is corrected, and no overlap has to be told."""
    rows = make_rows(60)
    model = fit_model(rows, n_jobs=1)

    assert model.corrected is None
    assert model.overlap is None


def test_complete_tasks_among_logged_ones_keep_their_outcomes(make_rows: MakeRows) -> None:
    """Whatever is made of the others."""
    full, logged = confounded(make_rows, 200)
    complete = (np.arange(200) % 4 == 0)[:, None]
    mixed = logged._replace(
        quality=np.where(complete, full.quality, logged.quality),
        cost_usd=np.where(complete, full.cost_usd, logged.cost_usd),
    )
    data, folds = training_data(mixed), grouped_folds(mixed.groups, 5, 0)
    found = correct_for_logging(data, mixed, folds)

    assert found is not None
    assert found.propensities.n_logged == 150
    np.testing.assert_array_equal(found.quality[::4], full.quality[::4])
    assert np.isfinite(found.quality).all()


def test_propensities_that_the_log_withholds_are_estimated_and_counted(
    make_rows: MakeRows,
) -> None:
    """Known ones are taken at their word, but never below .05."""
    _, logged = confounded(make_rows, 100)
    taken = ~np.isnan(logged.quality)
    p_log = np.where(taken, 0.01, np.nan)
    p_log[::2] = np.nan
    found = find_propensities(
        training_data(logged), taken, p_log, grouped_folds(logged.groups, 5, 0), 0
    )

    assert (found.n_logged, found.n_estimated) == (100, 50)
    assert (found.values[1::2][taken[1::2]] == 0.05).all()
    assert ((found.values[::2] >= 0.05) & (found.values[::2] < 1)).all()


def test_battles_alone_teach_which_tier_is_better(make_rows: MakeRows) -> None:
    """Type 0 is mostly a tie, type 1 is won by the dear tier; no answer was ever graded."""
    rows = make_rows(200)
    gain = np.where(np.arange(200) % 2 == 0, 0.0, -1.0)
    pairs = Pairs(np.arange(200), np.tile([0, 1], (200, 1)), gain)
    model = fit_model(rows._replace(quality=np.full((200, 2), np.nan), pairs=pairs), n_jobs=1)
    gains = gain_by_type(model.held_out.quality)

    assert gains[0] == pytest.approx(0.0, abs=0.15)
    assert gains[1] > 0.6
    assert model.overlap is not None
    assert model.overlap.tier_n.tolist() == [200, 200]


def test_a_rare_row_counts_more_in_a_tiers_mean() -> None:
    """Weights 4 and 4/3 of outcomes 1 and 0; the tier never seen has none."""
    observed = np.array([[1.0, np.nan], [0.0, np.nan]])

    found = weighted_tier_means(observed, np.array([[0.25, 0.5], [0.75, 0.5]]))

    assert found.tolist() == [0.75, 0.0]
