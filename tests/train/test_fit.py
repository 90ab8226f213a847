"""Every head on some rows, and its predictions of others."""

from collections.abc import Callable

import numpy as np
import pytest

from tracetier.features.buckets import Buckets, Split
from tracetier.features.fitted import FittedFeatures
from tracetier.features.spec import X_COLUMNS
from tracetier.train.fit import (
    HEADS,
    assign_all,
    by_type,
    fit_heads,
    n_fits,
    predict_heads,
    tree_input,
    type_encoding,
)
from tracetier.train.model import training_data
from tracetier.train.rows import TaskRows

# Two types, two leaves, the pooled bucket.
BUCKETS = Buckets(
    names=("code", "math", "short", "long", "other"),
    types={"code": 0, "math": 1},
    splits=(Split(0, 1.0, -3, -4),),
)
MEANS = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0], [4.0, 40.0], [5.0, 50.0]])
ALPHAS = np.full(5, 10.0)


def test_leaves_and_the_pooled_bucket_are_of_no_type() -> None:
    """They share the last place."""
    assert by_type(BUCKETS, np.arange(5)).tolist() == [0, 1, 2, 2, 2]


def test_what_is_of_no_type_shares_one_encoding() -> None:
    """The mean of the others' means; a type has its own."""
    got = type_encoding(BUCKETS, MEANS)

    assert got.tolist() == [[1, 10], [2, 20], [4, 40], [4, 40], [4, 40]]
    assert MEANS[4].tolist() == [5.0, 50.0]


def test_trees_see_the_numbers_and_the_encoding() -> None:
    """Side by side, row by row."""
    got = tree_input(
        np.array([[7.0], [8.0]]), BUCKETS, MEANS, np.array([1, 3]), np.array([[0.5], [0.25]])
    )

    assert got.tolist() == [[7, 2, 20, 0.5], [8, 4, 40, 0.25]]


@pytest.mark.usefixtures("few_trees")
def test_each_head_predicts_each_row_and_target(make_rows: Callable[..., TaskRows]) -> None:
    """In the order of ``HEADS``, and the progress is told as often as it was announced."""
    rows = make_rows(48)
    data = training_data(rows)
    told: list[int] = []

    heads = fit_heads(data, alphas=ALPHAS, seed=0, advance=lambda: told.append(1))
    got = predict_heads(heads, data)

    assert len(told) == n_fits() == 4
    assert got.shape == (len(HEADS), 48, 5)
    bucket = assign_all(heads.buckets, data)
    np.testing.assert_array_equal(got[HEADS.index("bucket_mean")], heads.means[bucket])
    # On average over the tasks each head predicts what was seen.
    for head in got:
        np.testing.assert_allclose(head.mean(axis=0), data.targets.mean(axis=0), atol=0.05)


def test_rows_get_the_buckets_that_live_tasks_get(make_rows: Callable[..., TaskRows]) -> None:
    """By type and by leaf, attributes included."""
    rows = make_rows(300, n_types=0, attrs=lambda i: {"size": float(i % 9)})
    rows = rows._replace(quality=rows.quality * (np.arange(300) % 9 > 4)[:, None])
    data = training_data(rows)
    heads = fit_heads(data, alphas=ALPHAS, seed=0)
    features = FittedFeatures(
        x_columns=X_COLUMNS, attrs=("size",), buckets=heads.buckets, fingerprint=""
    )

    bucket = assign_all(heads.buckets, data)

    assert bucket.tolist() == [features.encode(task).bucket for task in rows.tasks]
    assert len(set(bucket.tolist())) > 1


@pytest.mark.usefixtures("few_trees")
def test_rows_are_predicted_one_by_one_as_together(make_rows: Callable[..., TaskRows]) -> None:
    """No row's prediction hangs on its neighbours."""
    data = training_data(make_rows(30, n_types=1))
    heads = fit_heads(data, alphas=ALPHAS, seed=0)

    alone = np.concatenate(
        [predict_heads(heads, data.take(np.array([i]))) for i in range(30)], axis=1
    )

    np.testing.assert_allclose(alone, predict_heads(heads, data), rtol=0, atol=1e-12)
