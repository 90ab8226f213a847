"""One booster per target and kind."""

import numpy as np
import pytest

from tracetier.train.heads.boosting import (
    KINDS,
    SMALL_TABLE,
    Kind,
    fit_booster,
    n_trees,
    parameters,
    predict_booster,
)

nan = np.nan
X = np.random.default_rng(0).normal(size=(400, 3))
X[::7, 2] = nan
Y = np.where(X[:, 0] > 0, 1.0, 0.0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_is_learned(kind: Kind) -> None:
    """Half of the variance at least, with three columns and sixty trees."""
    got = predict_booster(fit_booster(X, Y, kind, seed=0), X)

    assert np.mean((got - Y) ** 2) < 0.5 * Y.var()


def test_the_kinds_differ() -> None:
    """Thresholds drawn at random make another model."""
    assert fit_booster(X, Y, "plain", seed=0) != fit_booster(X, Y, "extra", seed=0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_gives_its_model(kind: Kind) -> None:
    """To the last character; a seed beyond 32 bits is a seed too."""
    assert fit_booster(X, Y, kind, seed=3) == fit_booster(X, Y, kind, seed=3)
    assert fit_booster(X, Y, kind, seed=3) != fit_booster(X, Y, kind, seed=4)
    assert fit_booster(X, Y, kind, seed=2**40 + 3) == fit_booster(X, Y, kind, seed=3)


def test_rows_without_the_target_teach_nothing() -> None:
    """Unseen rows may hold anything."""
    y = np.where(np.arange(400) < 300, Y, nan)

    assert fit_booster(X, y, "plain", seed=0) == fit_booster(X[:300], Y[:300], "plain", seed=0)


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        pytest.param([nan, nan, nan], 0.0, id="never seen"),
        pytest.param([nan, 0.75, nan], 0.75, id="seen once"),
        pytest.param([0.25, 0.75, nan], 0.5, id="seen twice"),
        pytest.param([0.25, 0.25, 0.25], 0.25, id="constant"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_too_few_rows_for_a_split_give_their_mean(
    kind: Kind, y: list[float], expected: float
) -> None:
    """Never an error."""
    got = predict_booster(fit_booster(X[:3], np.array(y), kind, seed=0), X[:5])

    assert got == pytest.approx([expected] * 5, abs=1e-7)


def test_large_tables_get_more_and_larger_trees() -> None:
    """Small ones are strongly regularised."""
    assert n_trees(SMALL_TABLE) > n_trees(SMALL_TABLE - 1)
    for kind in KINDS:
        small, large = parameters(kind, SMALL_TABLE - 1, 0), parameters(kind, SMALL_TABLE, 0)
        assert large["num_leaves"] > small["num_leaves"]  # type: ignore[operator]
