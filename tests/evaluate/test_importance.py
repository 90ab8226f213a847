"""Values from logged rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.evaluate.figures import Resampling
from tracetier.evaluate.importance import MIN_ESS, effective_sample_size, logged_value

FOUR = Resampling(np.arange(4), n_draws=200, seed=0)


@pytest.mark.parametrize(
    ("p_new", "snips", "ips"),
    [
        # weights 2, 4, 1, 0 on qualities 1, 0, .5, 1
        pytest.param([1.0, 1.0, 0.5, 0.0], 2.5 / 7, 2.5 / 4, id="weights of the policy"),
        # weights 1, 1, 1, 1: the logging policy itself
        pytest.param([0.5, 0.25, 0.5, 0.125], 0.625, 0.625, id="same policy is the plain mean"),
        pytest.param([0.0, 0.0, 1.0, 0.0], 0.5, 0.25, id="only one row counts"),
    ],
)
def test_snips_and_ips_on_hand_worked_rows(p_new: list[float], snips: float, ips: float) -> None:
    """Four logged rows whose estimates can be done on paper; cost is twice the quality."""
    quality, p_log = np.array([1.0, 0.0, 0.5, 1.0]), np.array([0.5, 0.25, 0.5, 0.125])
    found = logged_value(np.array(p_new), p_log, quality, 2 * quality, FOUR)

    assert found.quality.estimate == pytest.approx(snips)
    assert found.quality_ips.estimate == pytest.approx(ips)
    assert found.cost_usd.estimate == pytest.approx(2 * snips)
    assert found.cost_usd_ips.estimate == pytest.approx(2 * ips)
    assert found.n_matched == sum(p > 0 for p in p_new)


def test_a_policy_that_never_takes_a_logged_tier_has_no_value() -> None:
    """Not 0: unknown, and not claimed."""
    none, ones = np.zeros(4), np.ones(4)
    found = logged_value(none, ones, ones, ones, FOUR)

    assert np.isnan(found.quality.estimate)
    assert (found.ess, found.n_matched, found.is_supported) == (0.0, 0, False)


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=30))
def test_effective_sample_size_lies_between_one_and_all(weights: list[float]) -> None:
    """One row that carries all is worth one; equal weights are worth all."""
    ess = effective_sample_size(np.array(weights))

    assert 1 - 1e-9 <= ess <= len(weights) + 1e-9
    assert effective_sample_size(np.full(len(weights), weights[0])) == pytest.approx(len(weights))


def test_a_value_is_claimed_from_fifty_effective_rows_on() -> None:
    """49 equally weighted rows are too few, 50 are enough."""
    for n_rows, expected in ((49, False), (50, True)):
        ones = np.ones(n_rows)
        found = logged_value(ones, ones, ones, ones, Resampling(np.arange(n_rows), 10, 0))
        assert found.ess == pytest.approx(n_rows)
        assert found.is_supported is expected
    assert MIN_ESS == 50


def test_snips_finds_the_truth_of_a_policy_that_was_not_logged() -> None:
    """4,000 rows, tier taken with probability .2 or .8: always tier 1 is worth .7, not .5."""
    rng = np.random.default_rng(2)
    p_one = np.where(rng.random(4000) < 0.5, 0.2, 0.8)
    took_one = rng.random(4000) < p_one
    # Tier 1 is worth .9 where it was rarely taken and .5 where it was often taken.
    mean = np.where(took_one, np.where(p_one < 0.5, 0.9, 0.5), 0.1)
    quality = (rng.random(4000) < mean).astype(float)
    p_log = np.where(took_one, p_one, 1 - p_one)
    found = logged_value(
        took_one.astype(float), p_log, quality, quality, Resampling(np.arange(4000), 500, 0)
    )

    assert quality[took_one].mean() == pytest.approx(0.58, abs=0.03)
    assert found.quality.estimate == pytest.approx(0.7, abs=0.03)
    assert found.quality.low < 0.7 < found.quality.high
