"""Estimators of a policy's value: worked rows, and the algebra that each must obey."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tracetier.measures.off_policy.estimators import (
    ESTIMATORS,
    Estimate,
    PolicyRows,
    direct_method,
    doubly_robust,
    ips,
    self_normalized_dr,
    snips,
    switch_dr,
)

Estimator = Callable[[PolicyRows], Estimate]
WORKED = PolicyRows(
    weight=np.array([2.0, 4.0, 1.0, 0.0]),
    direct=np.array([0.5, 0.25, 0.5, 0.75]),
    predicted=np.array([0.5, 0.5, 0.5, 0.5]),
    outcome=np.array([1.0, 0.0, 0.5, 1.0]),
)


@st.composite
def policy_rows(draw: st.DrawFn) -> PolicyRows:
    """Draw 2-20 rows, at least one of them with weight."""
    n = draw(st.integers(2, 20))
    unit = st.lists(st.floats(0, 1), min_size=n, max_size=n)
    weight = draw(st.lists(st.floats(0, 50), min_size=n - 1, max_size=n - 1))
    columns = [[*weight, draw(st.floats(0.01, 50))], draw(unit), draw(unit), draw(unit)]
    return PolicyRows(*np.array(columns))


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        pytest.param(direct_method, 2.0 / 4, id="DM: mean of direct"),
        pytest.param(ips, 2.5 / 4, id="IPS: (2 + 0 + .5 + 0) / 4"),
        pytest.param(snips, 2.5 / 7, id="SNIPS: the same over the sum of weights"),
        pytest.param(doubly_robust, 0.5 + (1.0 - 2.0) / 4, id="DR: misses .5, -.5, 0"),
        pytest.param(self_normalized_dr, 0.5 - 1.0 / 7, id="SNDR: misses over the weights"),
        pytest.param(lambda rows: switch_dr(rows, 2.0), 0.5 + 1.0 / 4, id="switch drops w = 4"),
    ],
)
def test_estimates_on_hand_worked_rows(estimator: Estimator, expected: float) -> None:
    """Four rows whose estimates can be done on paper."""
    assert estimator(WORKED).value == pytest.approx(expected)


@given(policy_rows())
def test_the_mean_of_the_influences_is_the_estimate(rows: PolicyRows) -> None:
    """For every estimator, the ratios included."""
    for estimator in ESTIMATORS.values():
        found = estimator(rows)
        assert found.influence.mean() == pytest.approx(found.value, abs=1e-9)


@given(policy_rows())
def test_of_the_logging_policy_itself_weights_give_the_plain_mean(rows: PolicyRows) -> None:
    """All weights are 1, and DR corrects the model by exactly what it missed."""
    same = rows._replace(weight=np.ones(len(rows.weight)), direct=rows.predicted)

    for estimator in (ips, snips, doubly_robust, self_normalized_dr, switch_dr):
        assert estimator(same).value == pytest.approx(rows.outcome.mean())


@given(policy_rows())
def test_with_a_perfect_model_corrections_add_neither_bias_nor_variance(rows: PolicyRows) -> None:
    """The weights, right or wrong, have nothing left to weigh."""
    perfect = rows._replace(outcome=rows.predicted)

    for estimator in (doubly_robust, self_normalized_dr, switch_dr):
        np.testing.assert_allclose(estimator(perfect).influence, rows.direct, atol=1e-9)


@given(policy_rows(), st.floats(-5, 5))
def test_a_constant_added_to_all_outcomes_is_added_to_the_estimate(
    rows: PolicyRows, shift: float
) -> None:
    """Of SNIPS whatever the model; of the others if the model moves with it. IPS has it not."""
    outcome = rows.outcome + shift
    moved = rows._replace(
        outcome=outcome, direct=rows.direct + shift, predicted=rows.predicted + shift
    )

    assert snips(rows._replace(outcome=outcome)).value == pytest.approx(
        snips(rows).value + shift, abs=1e-6
    )
    for estimator in (direct_method, doubly_robust, self_normalized_dr, switch_dr):
        assert estimator(moved).value == pytest.approx(estimator(rows).value + shift, abs=1e-6)


@given(policy_rows())
def test_self_normalised_dr_ignores_the_scale_of_weights(rows: PolicyRows) -> None:
    """A propensity that is wrong by one factor everywhere does no harm; SNIPS likewise."""
    scaled = rows._replace(weight=3.0 * rows.weight)

    for estimator in (snips, self_normalized_dr):
        assert estimator(scaled).value == pytest.approx(estimator(rows).value, abs=1e-6)


@given(policy_rows(), st.floats(0, 60))
def test_switch_dr_lies_between_the_model_and_dr(rows: PolicyRows, switch_at: float) -> None:
    """Each row's influence is DM's or DR's, and the ends are the two estimators."""
    found = switch_dr(rows, switch_at).influence
    corrected = rows.weight <= switch_at

    np.testing.assert_allclose(found[corrected], doubly_robust(rows).influence[corrected])
    np.testing.assert_allclose(found[~corrected], rows.direct[~corrected])
    assert switch_dr(rows, np.inf).value == doubly_robust(rows).value
    assert switch_dr(rows, -1.0).value == direct_method(rows).value


@given(
    st.lists(st.floats(0.05, 0.95), min_size=2, max_size=6),
    st.lists(st.floats(0, 1), min_size=6, max_size=6),
    st.lists(st.floats(-3, 3), min_size=6, max_size=6),
)
def test_with_the_right_propensities_dr_is_unbiased_whatever_the_model(
    p_first: list[float], wins: list[float], model: list[float]
) -> None:
    """Two tiers: the mean over what the log could have taken is the truth, row by row, exactly."""
    n = len(p_first)
    p_log = np.stack([p_first, 1 - np.array(p_first)], axis=1)
    quality = np.stack([wins[:n], wins[:n][::-1]], axis=1)
    q_hat = np.stack([model[:n], model[:n][::-1]], axis=1)
    p_new = np.stack([wins[:n], 1 - np.array(wins[:n])], axis=1)
    truth = (p_new * quality).sum(axis=1)
    expected = np.zeros(n)
    for tier in (0, 1):
        took = np.full(n, tier)
        rows = PolicyRows.of(p_new, q_hat, took, p_log[:, tier], quality[:, tier])
        expected += p_log[:, tier] * doubly_robust(rows).influence

    np.testing.assert_allclose(expected, truth, atol=1e-9)


@pytest.mark.parametrize("estimator", [snips, self_normalized_dr])
def test_without_any_weight_only_the_model_is_left(estimator: Estimator) -> None:
    """SNIPS has none, and is undefined."""
    none = WORKED._replace(weight=np.zeros(4))
    expected = 0.5 if estimator is self_normalized_dr else np.nan

    np.testing.assert_equal(estimator(none).value, expected)


def test_standard_error_is_the_spread_of_the_influences() -> None:
    """Influences 0 and 1 over four rows: .5 / sqrt(4)."""
    influence: NDArray[np.float64] = np.array([0.0, 1.0, 0.0, 1.0])

    assert Estimate(0.5, influence).standard_error == 0.25
