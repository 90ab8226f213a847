"""Importance weights and what they are worth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.measures.off_policy.weights import (
    MIN_ESS,
    effective_sample_size,
    importance_weights,
)


def test_weights_on_hand_worked_rows() -> None:
    """What the policy takes surely is worth one over its propensity; clipped at 3."""
    p_new = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    tier, p_log = np.array([0, 1, 0]), np.array([0.25, 0.5, 0.9])

    assert importance_weights(p_new, tier, p_log).tolist() == [4.0, 1.0, 0.0]
    assert importance_weights(p_new, tier, p_log, max_weight=3.0).tolist() == [3.0, 1.0, 0.0]


@given(st.lists(st.floats(1e-200, 1e200), min_size=1, max_size=30))
def test_effective_sample_size_lies_between_one_and_all(weights: list[float]) -> None:
    """One row that carries all is worth one; equal weights are worth all, however small."""
    ess = effective_sample_size(np.array(weights))

    assert 1 - 1e-9 <= ess <= len(weights) + 1e-9
    assert effective_sample_size(np.full(len(weights), weights[0])) == pytest.approx(len(weights))


def test_rows_without_weight_are_worth_nothing() -> None:
    """Neither where all have none, nor where there is no row."""
    assert effective_sample_size(np.zeros(5)) == 0.0
    assert effective_sample_size(np.zeros(0)) == 0.0
    assert effective_sample_size(np.array([3.0, 0.0])) == 1.0
    assert MIN_ESS == 50
