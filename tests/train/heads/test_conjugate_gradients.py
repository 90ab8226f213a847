"""Ridge weights of several targets at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.linear_model import Ridge

from tracetier.train.heads.conjugate_gradients import solve_ridge


@given(
    n=st.integers(1, 30), d=st.integers(1, 20), n_targets=st.integers(1, 5), seed=st.integers(0, 99)
)
def test_weights_are_those_of_the_closed_form(n: int, d: int, n_targets: int, seed: int) -> None:
    """Each target has its own penalty, wide and long matrices alike."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) * (rng.random((n, d)) < 0.5)
    y, alphas = rng.normal(size=(n, n_targets)), rng.uniform(0.3, 100.0, n_targets)
    exact = Ridge(alpha=alphas, fit_intercept=False, solver="cholesky").fit(x, y).coef_
    found = solve_ridge(csr_array(x), y, alphas, 1e-10)
    np.testing.assert_allclose(found, exact.reshape(n_targets, d).T, atol=1e-8)


def test_target_of_zeros_has_no_weight_beside_others() -> None:
    """A target that is done from the start does not divide by its residual of nothing."""
    x = csr_array(np.eye(3))
    found = solve_ridge(x, np.array([[0.0, 1.0]] * 3), np.array([1.0, 1.0]), 1e-9)
    np.testing.assert_allclose(found, [[0.0, 0.5]] * 3)


def test_targets_that_need_few_steps_wait_unchanged_for_the_others() -> None:
    """What is solved side by side is what each would be alone."""
    rng = np.random.default_rng(3)
    x = csr_array(rng.normal(size=(40, 12)))
    y, alphas = rng.normal(size=(40, 2)), np.array([1e6, 0.3])
    both = solve_ridge(x, y, alphas, 1e-6)
    for t in range(2):
        alone = solve_ridge(x, y[:, [t]], alphas[[t]], 1e-6)
        assert both[:, t] == pytest.approx(alone[:, 0], rel=1e-12)


def test_what_is_no_number_is_refused() -> None:
    """One nan would make a whole target's weights nan."""
    with pytest.raises(ValueError, match="finite"):
        solve_ridge(csr_array(np.eye(2)), np.array([[np.nan], [1.0]]), np.array([1.0]), 1e-6)


def test_target_that_is_not_done_in_time_is_told() -> None:
    """Columns from 1e-8 to 1e8 with next to no penalty are more than 1,000 steps can do."""
    rng = np.random.default_rng(0)
    x = csr_array(rng.normal(size=(300, 200)) * np.logspace(-8, 8, 200))
    with pytest.warns(RuntimeWarning, match="was asked for"):
        solve_ridge(x, rng.normal(size=(300, 1)), np.array([1e-9]), 1e-9)
