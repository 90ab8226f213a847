"""Fused weights say what the heads say together."""

from collections.abc import Callable

import numpy as np
import pytest

from tracetier.features.fitted import FittedFeatures
from tracetier.features.spec import X_COLUMNS
from tracetier.heads.predictor import TierPredictor
from tracetier.heads.trees import TreeEnsemble
from tracetier.records import Task
from tracetier.train.fit import FittedHeads, TrainingData, fit_heads, predict_heads
from tracetier.train.fuse import fuse_heads, fuse_trees
from tracetier.train.model import training_data
from tracetier.train.rows import TaskRows

N_HEADS, T, K = 6, 5, 2
INTERCEPT = np.array([0.01, -0.02, 0.03, -0.4, 0.5])
SCALES = np.array([0.5, 1.5])
COST_REF = 0.02


@pytest.fixture(name="fitted", scope="module", params=[2, 0], ids=["types", "leaves"])
def _fitted(
    request: pytest.FixtureRequest, make_rows: Callable[..., TaskRows]
) -> tuple[TaskRows, TrainingData, FittedHeads]:
    rows = make_rows(240, n_types=request.param, attrs=lambda i: {"size": i / 50, "team": "b"})
    data = training_data(rows)
    return rows, data, fit_heads(data, alphas=np.full(T, 3.0), seed=0)


def predictor(heads: FittedHeads, weights: np.ndarray) -> TierPredictor:
    """Serve the fused heads."""
    trees = fuse_trees(heads, weights)
    return TierPredictor(
        FittedFeatures(x_columns=X_COLUMNS, attrs=("size",), buckets=heads.buckets, fingerprint=""),
        fuse_heads(heads, weights, INTERCEPT, SCALES),
        None if trees is None else TreeEnsemble.from_text(trees),
        COST_REF,
    )


@pytest.mark.parametrize(
    "weights",
    [
        pytest.param(np.random.default_rng(0).normal(size=(N_HEADS, T)) / 3, id="any"),
        *(
            pytest.param(np.eye(N_HEADS)[[h]].T * np.ones(T), id=f"head {h} alone")
            for h in range(N_HEADS)
        ),
    ],
)
def test_the_predictor_says_the_weighted_sum_of_the_heads(
    fitted: tuple[TaskRows, TrainingData, FittedHeads], weights: np.ndarray
) -> None:
    """To 1e-9 on every training task, by way of features, buckets, words and trees."""
    rows, data, heads = fitted
    fused = predictor(heads, weights)

    expected = (weights[:, None] * predict_heads(heads, data)).sum(axis=0) + INTERCEPT

    got = [fused.predict(task) for task in rows.tasks]
    quality = (expected[:, :K] + expected[:, [K]]).clip(0, 1)
    cost_usd = np.exp(expected[:, K + 1 :])
    np.testing.assert_allclose([p.quality for p in got], quality, rtol=0, atol=1e-9)
    np.testing.assert_allclose([p.cost_usd for p in got], cost_usd, rtol=1e-9)
    np.testing.assert_allclose(
        [p.cost for p in got], np.minimum(1.0, cost_usd * SCALES / COST_REF), rtol=1e-9
    )


def test_one_by_one_as_together_and_in_any_order(
    fitted: tuple[TaskRows, TrainingData, FittedHeads],
) -> None:
    """A prediction leaves nothing behind in the predictor."""
    rows, _, heads = fitted
    fused = predictor(heads, np.full((N_HEADS, T), 1 / N_HEADS))

    forth = [fused.predict(task) for task in rows.tasks]
    back = [fused.predict(task) for task in rows.tasks[::-1]]

    assert forth == back[::-1]


def test_without_weight_on_trees_there_is_no_ensemble(
    fitted: tuple[TaskRows, TrainingData, FittedHeads],
) -> None:
    """The artifact then has no ``trees.txt``; a weight on one target is enough for one."""
    *_, heads = fitted
    weights = np.zeros((N_HEADS, T))
    weights[:2] = 0.5
    assert fuse_trees(heads, weights) is None

    weights[3, 1] = 0.5

    text = fuse_trees(heads, weights)
    assert text is not None
    trees = TreeEnsemble.from_text(text)
    n_concepts = heads.concepts.words.shape[1]
    assert (trees.n_outputs, trees.n_features) == (T, len(X_COLUMNS) + 1 + T + n_concepts)
    row = np.zeros(trees.n_features)
    assert np.flatnonzero(trees.predict_one(row)).tolist() == [1]


def test_words_that_training_did_not_know_change_nothing(
    fitted: tuple[TaskRows, TrainingData, FittedHeads],
) -> None:
    """Finite predictions for a text in an unknown language; warnings are errors here."""
    *_, heads = fitted
    only_ridge = np.zeros((N_HEADS, T))
    only_ridge[1] = 1.0
    fused = predictor(heads, only_ridge)

    for text in ("xyzzy", "日本語", "q w e r t z"):
        got = fused.predict(Task(text=text))
        assert np.isfinite([*got.quality, *got.cost_usd, *got.cost]).all()
