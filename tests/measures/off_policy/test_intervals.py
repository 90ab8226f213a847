"""All estimators with their intervals from one resampling."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.measures.off_policy.estimators import ESTIMATORS, PolicyRows
from tracetier.measures.off_policy.intervals import Estimates, estimate_all, estimate_draws


@given(st.integers(0, 1000))
def test_intervals_are_told_of_the_estimators_themselves(seed: int) -> None:
    """Two paths to one number: the means of columns, and the per-row functions."""
    rng = np.random.default_rng(seed)
    rows = PolicyRows(rng.exponential(5.0, 12), rng.random(12), rng.random(12), rng.random(12))
    found = estimate_all(rows, np.arange(12), n_draws=5)

    assert set(ESTIMATORS) == set(Estimates.__struct_fields__)
    for name, estimator in ESTIMATORS.items():
        assert getattr(found, name).estimate == pytest.approx(estimator(rows).value)


def test_without_weights_the_ratio_is_undefined_and_the_rest_is_the_model() -> None:
    """A policy that never takes a logged tier: no warning, SNIPS unknown."""
    rows = PolicyRows(np.zeros(4), np.full(4, 0.5), np.zeros(4), np.ones(4))
    found = estimate_all(rows, np.arange(4), n_draws=10)

    assert np.isnan(found.snips.estimate)
    assert found.ips.estimate == 0.0
    assert (found.dr.estimate, found.sndr.estimate, found.switch_dr.estimate) == (0.5, 0.5, 0.5)


def test_two_policies_are_compared_on_the_same_resamples() -> None:
    """One that always gets .25 more than another does so in every resample."""
    rng = np.random.default_rng(0)
    rows = PolicyRows(np.ones(30), rng.random(30), rng.random(30), rng.random(30))
    better = rows._replace(outcome=rows.outcome + 0.25)
    groups = np.arange(30) // 3
    gain = estimate_draws(better, groups, seed=1)["dr"].minus(
        estimate_draws(rows, groups, seed=1)["dr"]
    )

    assert gain.interval().estimate == pytest.approx(0.25)
    assert gain.interval().low == pytest.approx(0.25)
    assert gain.interval().high == pytest.approx(0.25)


@pytest.mark.slow
def test_doubly_robust_intervals_cover_the_truth() -> None:
    """200 logs of 400 rows with a biased model: at least 93 % of the 95 % intervals."""
    rng = np.random.default_rng(3)
    covered = 0
    for log in range(200):
        hard = rng.random(400)
        p_dear = 0.1 + 0.8 * hard
        dear = rng.random(400) < p_dear
        mean = np.stack([0.9 - 0.7 * hard, 0.9 - 0.1 * hard], axis=1)
        outcome = (rng.random(400) < mean[np.arange(400), dear.astype(int)]).astype(float)
        p_new = np.stack([hard < 0.5, hard >= 0.5], axis=1).astype(float)
        p_log = np.where(dear, p_dear, 1 - p_dear)
        rows = PolicyRows.of(p_new, 0.8 * mean, dear.astype(int), p_log, outcome)
        found = estimate_all(rows, np.arange(400), n_draws=400, seed=log).dr
        # E of .9 - .7 h below .5, of .9 - .1 h above: .5 (.725) + .5 (.825).
        covered += found.low <= 0.775 <= found.high

    assert covered >= 186
