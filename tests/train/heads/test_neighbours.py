"""Which neighbours are asked, and what they say."""

import numpy as np
import pytest

from tracetier.train.heads import neighbours
from tracetier.train.heads.neighbours import N_NEAR, fit_neighbours, place
from tracetier.train.heads.ridge import Scaling

RNG = np.random.default_rng(0)
N = 300
X = RNG.uniform(-1, 1, size=(N, 2))
KIND = np.arange(N) % 2
STEP = np.where(X[:, :1] > 0, 1.0, 0.0)


def test_a_step_is_found_by_few_neighbours_and_noise_by_many() -> None:
    """Leave-one-out asks few where the outcome follows the place, many where it does not."""
    zeros = np.zeros((N, 1))
    noise = RNG.normal(size=(N, 1))

    near = fit_neighbours(X, KIND, STEP, zeros, 2, seed=0)
    far = fit_neighbours(X, KIND, noise, zeros, 2, seed=0)

    assert near.n_near == N_NEAR[0]
    assert far.n_near > near.n_near
    got = near.predict(np.array([[0.8, 0.0], [-0.8, 0.0]]), np.array([0, 0]), 2)
    np.testing.assert_allclose(got, [[1.0], [0.0]], atol=1e-12)


def test_a_target_that_was_not_seen_takes_the_fallback() -> None:
    """Half of the rows show nothing; their stand-ins count as values."""
    y = np.where(np.arange(N)[:, None] % 3 > 0, np.nan, 1.0)

    got = fit_neighbours(X, KIND, y, np.full((N, 1), 0.25), 2, seed=0)

    assert set(np.unique(got.values)) == {0.25, 1.0}


@pytest.mark.parametrize("n", [1, 2, 5, 17])
def test_few_rows_are_all_asked(n: int) -> None:
    """No count is fitted where there are not enough rows to leave one out."""
    got = fit_neighbours(X[:n], KIND[:n], STEP[:n], np.zeros((n, 1)), 2, seed=0)

    found = got.predict(X[:n], KIND[:n], 2)

    assert np.isfinite(found).all()
    assert found.min() >= STEP[:n].min()
    assert found.max() <= STEP[:n].max()


def test_many_rows_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Serving looks at every point, so there is a bound; a seed gives its sample."""
    monkeypatch.setattr(neighbours, "MAX_POINTS", 50)
    zeros = np.zeros((N, 1))

    first, again = (fit_neighbours(X, KIND, STEP, zeros, 2, seed=3) for _ in range(2))

    assert len(first.points) == 50
    np.testing.assert_array_equal(first.points, again.points)


def test_numbers_are_standardised_and_the_unknown_is_typical() -> None:
    """One number with mean 2 and deviation 4: 6 lies 1 above, unknown lies at 0."""
    scaling = Scaling(idf=np.zeros(1), center=np.array([2.0]), scale=np.array([4.0]))

    got = place(np.array([[6.0], [np.nan], [1e9]]), np.array([[3.0]] * 3), scaling, 0.5)

    np.testing.assert_allclose(got, [[1.0, 1.5], [0.0, 1.5], [4.0, 1.5]])
