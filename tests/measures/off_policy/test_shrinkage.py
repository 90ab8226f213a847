"""Shrunk weights: what they are at the ends, and that the error decides between them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.measures.off_policy.estimators import (
    PolicyRows,
    direct_method,
    doubly_robust,
    shrunk_dr,
)
from tracetier.measures.off_policy.intervals import estimate_all
from tracetier.measures.off_policy.shrinkage import STRENGTHS, choose_strength, shrunk_weights


@given(st.floats(0, 100), st.floats(0.01, 1000))
def test_a_weight_never_grows_nor_passes_half_the_root(weight: float, strength: float) -> None:
    """w s / (w^2 + s) has its largest value sqrt(s) / 2 at w = sqrt(s)."""
    found = float(shrunk_weights(np.array([weight]), strength)[0])

    assert 0.0 <= found <= weight
    assert found <= strength**0.5 / 2 + 1e-9


def test_no_strength_is_the_model_and_all_of_it_is_dr() -> None:
    """Also of a weight 0, which no strength divides."""
    weight = np.array([0.0, 2.0])

    assert shrunk_weights(weight, STRENGTHS[0]).tolist() == [0.0, 0.0]
    assert shrunk_weights(weight, STRENGTHS[-1]).tolist() == [0.0, 2.0]


def test_the_least_squared_error_is_taken() -> None:
    """Bias .3, .1, 0; variance over 100 rows 0, .01, .25: .09, .02 and .25."""
    means = np.array([0.2, 0.4, 0.5])
    squares = means**2 + np.array([0.0, 1.0, 25.0])

    assert choose_strength(means, squares, 100) == 1


def rows_of(model_error: float, seed: int = 5) -> PolicyRows:
    """A uniform log of two tiers, outcomes of chance, a model that is off by so much."""
    rng = np.random.default_rng(seed)
    n = 400
    outcome = (rng.random(n) < 0.5).astype(float)
    weight = np.where(rng.random(n) < 0.5, 2.0, 0.0)
    said = np.full(n, 0.5 + model_error)
    return PolicyRows(weight, said, said, outcome)


def test_a_right_model_is_changed_less_than_by_the_whole_correction() -> None:
    """Over 100 logs, of which each errs by chance alone: at most .8 of the squared error."""
    logs = [rows_of(0.0, seed) for seed in range(100)]
    errors = np.array([[shrunk_dr(r).value, doubly_robust(r).value] for r in logs]) - 0.5
    shrunk, whole = (errors**2).mean(axis=0)

    assert shrunk < 0.8 * whole


def test_a_plainly_wrong_model_is_corrected() -> None:
    """One that says .9 of what is .5."""
    rows = rows_of(0.4)

    assert direct_method(rows).value == pytest.approx(0.9)
    assert shrunk_dr(rows).value == pytest.approx(doubly_robust(rows).value, abs=0.03)


def test_intervals_hold_the_noise_of_choosing() -> None:
    """A right and constant model has no spread of its own; 93 of 100 intervals hold the truth."""
    held = 0
    for seed in range(100):
        found = estimate_all(rows_of(0.0, seed), np.arange(400), n_draws=200).shrunk_dr
        held += found.low <= 0.5 <= found.high
        assert found.high > found.low

    assert held >= 93
