"""How clear an offset is: by hand, and its limits."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.route.james_stein import clear_mean, positive_parts


def share_of(total: float, n: float, *, sigma2: float, alpha: float, noise: float) -> float:
    """Return the share of a mean of 1, so that the mean says nothing of it."""
    return clear_mean(total, n, total, sigma2, alpha, noise)


def test_by_hand_with_a_discount() -> None:
    """Two reports of 1 at alpha = .5: sum 1.5, n 1.5, sum w^2 = 1.25; z^2 = 2.25 / 1.25 = 1.8."""
    found = share_of(1.5, 1.5, sigma2=1.0, alpha=0.5, noise=0.5)

    assert found == pytest.approx(1 - 0.5 / 1.8)


@given(st.floats(-50, 50), st.integers(1, 200), st.floats(0, 0.9), st.floats(0, 2))
def test_it_is_a_share_and_grows_with_the_sum(
    total: float, reports: int, alpha: float, noise: float
) -> None:
    """In [0, 1], the same for both signs, never less for a larger offset."""
    n = sum((1 - alpha) ** age for age in range(reports))
    share = [
        share_of(each, n, sigma2=0.1, alpha=alpha, noise=noise)
        for each in (total, -total, 2 * total)
    ]

    assert 0.0 <= share[0] == share[1] <= share[2] <= 1.0


def test_without_noise_everything_is_believed() -> None:
    """So states that were kept before go on bit for bit; an offset of 0 stays 0 either way."""
    assert share_of(1e-3, 9.0, sigma2=1.0, alpha=0.03, noise=0.0) == 1.0
    assert math.isfinite(share_of(0.0, 0.0, sigma2=1.0, alpha=0.03, noise=0.5))


@given(st.floats(-9, 9), st.integers(1, 100), st.integers(2, 5))
def test_states_that_were_merged_count_as_many_sums(total: float, reports: int, k: int) -> None:
    """The sum w^2 of k sums of full weight is k / (alpha (2 - alpha)); a share stays a share."""
    n = sum(0.9**age for age in range(reports))

    assert 0.0 <= share_of(k * total, k * n, sigma2=0.1, alpha=0.1, noise=1.0) <= 1.0
    found = share_of(k * 1.0, k * 10.0, sigma2=0.1, alpha=0.1, noise=1.0)
    assert found == pytest.approx(1 - 0.1 * k / (0.1 * 1.9) / k**2)
    assert share_of(0.0, k * 10.0, sigma2=0.1, alpha=0.1, noise=1.0) == 0.0


def test_many_at_once_are_as_one_by_one() -> None:
    """Of sums without reports too, and of more than one sum's reports."""
    total, n = np.array([[0.0, -2.0], [0.01, 5.0]]), np.array([[0.0, 4.0], [9.0, 40.0]])
    sigma2 = np.array([0.1, 0.2])

    found = positive_parts(total, n, sigma2, alpha=0.1, noise=0.7)

    for place in np.ndindex(2, 2):
        sums, of_tier = (float(total[place]), float(n[place])), float(sigma2[place[1]])
        one = share_of(*sums, sigma2=of_tier, alpha=0.1, noise=0.7)
        assert found[place] == pytest.approx(one)
