"""The ridge head against scikit-learn's own, on the same matrix written out densely."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import Ridge

from tracetier.train.design import Design
from tracetier.train.heads import ridge
from tracetier.train.heads.ridge import ALPHAS, choose_alphas, fit_ridge

nan = np.nan
N, D, W, P = 40, 3, 12, 2
RISING = np.arange(N, dtype=np.float64)[:, None]


def draw_design(seed: int = 0, n: int = N) -> tuple[Design, np.ndarray]:
    """Numbers with gaps, words (the last occurs once, some rows have none), two types."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, D)) * [1.0, 10.0, 0.1]
    x[rng.random((n, D)) < 0.2] = nan
    words = (rng.random((n, W)) < 0.3).astype(float)
    words[:, -1] = 0.0
    words[0, -1] = 1.0
    words[-2:] = 0.0
    return Design(x, csr_array(words)), np.arange(n) % P


def dense_features(design: Design, place: np.ndarray) -> np.ndarray:
    """Write the features out, family by family, with the formulae of the module."""
    words = design.words.toarray()
    count = words.sum(axis=0)
    idf = np.where(count >= 2, np.log((1 + len(words)) / (1 + count)) + 1, 0.0)
    weighted = words * idf
    length = np.linalg.norm(weighted, axis=1, keepdims=True)
    text = np.divide(weighted, length, out=np.zeros_like(weighted), where=length > 0)
    mean = np.nanmean(design.x, axis=0)
    filled = np.where(np.isnan(design.x), mean, design.x)
    known = ~np.isnan(design.x)
    scale = np.sqrt(((filled - mean) ** 2).sum(axis=0) / known.sum(axis=0))
    numbers = ((filled - mean) / scale).clip(-4, 4) / D**0.5
    return np.hstack([text, numbers, np.eye(P)[place] * 5**0.5])


def test_it_is_scikit_learns_ridge_on_the_dense_equivalent() -> None:
    """Two targets, one seen on some rows only, each with its own penalty."""
    design, place = draw_design()
    rng = np.random.default_rng(1)
    y = rng.normal(size=(N, 2)) + 3.0
    y[rng.random(N) < 0.3, 1] = nan
    alphas = np.array([0.3, 10.0])
    features = dense_features(design, place)

    got = fit_ridge(design, place, y, P, alphas).predict(design, place)

    for t, alpha in enumerate(alphas):
        seen = ~np.isnan(y[:, t])
        model = Ridge(alpha=alpha, fit_intercept=False, solver="cholesky")
        mean = y[seen, t].mean()
        model.fit(features[seen], y[seen, t] - mean)
        np.testing.assert_allclose(got[:, t], model.predict(features) + mean, atol=1e-4)


def test_a_text_of_words_that_training_did_not_know_adds_nothing() -> None:
    """Its length is 0; the prediction is that of an empty text, not nan."""
    design, place = draw_design()
    weights = fit_ridge(design, place, RISING, P, np.ones(1))
    only_rare = csr_array(np.eye(W)[[-1]])
    nothing = csr_array(np.zeros((1, W)))

    rare = weights.predict(Design(design.x[:1], only_rare), place[:1])

    assert np.isfinite(rare).all()
    np.testing.assert_array_equal(rare, weights.predict(Design(design.x[:1], nothing), place[:1]))


def test_a_number_far_outside_is_taken_at_four_deviations() -> None:
    """The line is not continued beyond what training saw."""
    design, place = draw_design()
    weights = fit_ridge(design, place, RISING, P, np.ones(1))
    far, edge = design.x[:1].copy(), design.x[:1].copy()
    far[0, 1], edge[0, 1] = 1e9, weights.high[1]

    np.testing.assert_array_equal(
        weights.predict(Design(far, design.words[[0]]), place[:1]),
        weights.predict(Design(edge, design.words[[0]]), place[:1]),
    )


def test_an_unknown_number_is_the_mean_and_a_column_never_known_weighs_nothing() -> None:
    """Also where a later task knows it."""
    design, place = draw_design()
    design.x[:, 2] = nan
    weights = fit_ridge(design, place, RISING, P, np.ones(1))
    unknown, mean, known = (design.x[:1].copy() for _ in range(3))
    unknown[0, 0], mean[0, 0], known[0, 2] = nan, np.nanmean(design.x[:, 0]), 3.0

    predict = [
        weights.predict(Design(x, design.words[[0]]), place[:1])[0, 0]
        for x in (unknown, mean, design.x[:1], known)
    ]

    assert predict[0] == pytest.approx(predict[1], abs=1e-12)
    assert predict[2] == predict[3]


def test_a_target_never_seen_is_0() -> None:
    """And does not disturb the others."""
    design, place = draw_design()
    y = np.full((N, 2), nan)
    y[:, 0] = 0.5

    got = fit_ridge(design, place, y, P, np.ones(2)).predict(design, place)

    np.testing.assert_allclose(got, np.tile([0.5, 0.0], (N, 1)), atol=1e-12)


def test_noise_takes_the_largest_penalty_and_a_clear_line_a_small_one() -> None:
    """Chosen target by target; one that was never seen keeps the largest."""
    design, place = draw_design(n=300)
    filled = np.where(np.isnan(design.x), np.nanmean(design.x, axis=0), design.x)
    noise = np.random.default_rng(5).normal(size=300)
    y = np.stack([noise, filled[:, 0], np.full(300, nan)], axis=1)

    got = choose_alphas(design, place, y, seed=0)

    assert got[0] == ALPHAS[-1]
    assert got[1] == ALPHAS[0]
    assert got[2] == ALPHAS[-1]


def test_penalties_of_a_large_table_come_from_a_seeded_sample(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same seed, the same penalties; and labels outside the sample are not looked at."""
    monkeypatch.setattr(ridge, "_LOO_ROWS", 50)
    design, place = draw_design(n=300)
    y = np.random.default_rng(6).normal(size=(300, 1)) + place[:, None]
    sampled = np.random.default_rng(2).choice(np.arange(300), 50, replace=False)
    other = np.full_like(y, 1e6)
    other[sampled] = y[sampled]

    assert choose_alphas(design, place, y, 2).tolist() == choose_alphas(design, place, other, 2)


def test_one_row_is_enough_not_to_fail() -> None:
    """A fold of a tiny table may leave no more."""
    design, place = draw_design()
    one = design.take(np.array([0]))

    weights = fit_ridge(one, place[:1], np.array([[0.7]]), P, np.ones(1))

    assert weights.predict(one, place[:1])[0, 0] == pytest.approx(0.7)
    assert choose_alphas(one, place[:1], np.array([[0.7]]), 0)[0] in ALPHAS
