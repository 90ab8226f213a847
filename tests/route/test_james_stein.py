"""How clear an offset is: by hand, and its limits."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.route.james_stein import positive_part


def test_by_hand_with_a_discount() -> None:
    """Two reports of 1 at alpha = .5: sum 1.5, n 1.5, sum w^2 = 1.25; z^2 = 2.25 / 1.25 = 1.8."""
    found = positive_part(1.5, 1.5, sigma2=1.0, alpha=0.5, noise=0.5)

    assert found == pytest.approx(1 - 0.5 / 1.8)


@given(st.floats(-50, 50), st.integers(1, 200), st.floats(0, 0.9), st.floats(0, 2))
def test_it_is_a_share_and_grows_with_the_sum(
    total: float, reports: int, alpha: float, noise: float
) -> None:
    """In [0, 1], the same for both signs, never less for a larger offset."""
    n = sum((1 - alpha) ** age for age in range(reports))
    share = [
        positive_part(each, n, sigma2=0.1, alpha=alpha, noise=noise)
        for each in (total, -total, 2 * total)
    ]

    assert 0.0 <= share[0] == share[1] <= share[2] <= 1.0


def test_without_noise_everything_is_believed() -> None:
    """So states that were kept before go on bit for bit; an offset of 0 stays 0 either way."""
    assert positive_part(1e-3, 9.0, sigma2=1.0, alpha=0.03, noise=0.0) == 1.0
    assert math.isfinite(positive_part(0.0, 0.0, sigma2=1.0, alpha=0.03, noise=0.5))
