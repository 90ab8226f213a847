"""A prediction out of fold owes nothing to the row's own outcome."""

from collections.abc import Callable

import numpy as np
import pytest

from tracetier.train.fit import HEADS
from tracetier.train.model import training_data
from tracetier.train.out_of_fold import out_of_fold
from tracetier.train.rows import TaskRows

nan = np.nan
MakeRows = Callable[..., TaskRows]
FOLDS = np.arange(60) % 3
ALPHAS = np.full(5, 3.0)


def predict(rows: TaskRows, folds: np.ndarray = FOLDS) -> np.ndarray:
    """Out of fold, (H, n, T), with penalties that do not hang on the labels."""
    return out_of_fold(training_data(rows), folds, alphas=ALPHAS, seed=0)


@pytest.mark.usefixtures("few_trees")
@pytest.mark.parametrize("row", [0, 7, 59])
@pytest.mark.parametrize("n_types", [2, 0])
def test_changing_one_label_leaves_its_own_fold_as_it_was(
    make_rows: MakeRows, row: int, n_types: int
) -> None:
    """To the bit, for every head; the rows of the other folds do move."""
    rows = make_rows(60, n_types=n_types)
    quality, cost_usd = rows.quality.copy(), rows.cost_usd.copy()
    quality[row], cost_usd[row] = 1.0 - quality[row], 10.0 * cost_usd[row]

    before = predict(rows)
    after = predict(rows._replace(quality=quality, cost_usd=cost_usd))

    own = FOLDS[row] == FOLDS
    np.testing.assert_array_equal(before[:, own], after[:, own])
    moved = (before[:, ~own] != after[:, ~own]).any(axis=(1, 2))
    assert moved[: HEADS.index("ridge") + 1].all()


@pytest.mark.usefixtures("few_trees")
def test_with_leaves_too_a_fold_sees_nothing_of_its_own_outcomes(make_rows: MakeRows) -> None:
    """Buckets are made from outcomes: inside the training folds only."""
    rows, folds = make_rows(240, n_types=0), np.arange(240) % 2
    turned = rows.quality.copy()
    turned[folds == 0] = 1.0 - turned[folds == 0]

    before, after = predict(rows, folds), predict(rows._replace(quality=turned), folds)

    np.testing.assert_array_equal(before[:, folds == 0], after[:, folds == 0])
    assert (before[:, folds == 1] != after[:, folds == 1]).any()


@pytest.mark.usefixtures("few_trees")
def test_a_target_of_one_fold_alone_is_predicted_by_its_mean(make_rows: MakeRows) -> None:
    """The dear tier was seen on two tasks of fold 0: nobody else can tell anything of it."""
    rows = make_rows(60)
    quality, cost_usd = rows.quality.copy(), rows.cost_usd.copy()
    unseen = np.ones(60, dtype=np.bool_)
    unseen[[0, 3]] = False
    quality[unseen, 1] = cost_usd[unseen, 1] = nan

    got = predict(rows._replace(quality=quality, cost_usd=cost_usd))

    mean = quality[[0, 3], 1].mean()
    np.testing.assert_allclose(got[:, FOLDS == 0, 1], mean)
    log_cost = np.log(cost_usd[[0, 3], 1]).mean()
    np.testing.assert_allclose(got[:, FOLDS == 0, 4], log_cost)
    assert np.isfinite(got).all()
