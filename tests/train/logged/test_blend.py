"""The blend of heads on logged rows."""

import pytest

from tracetier.train.logged.blend import logged_blend

BLEND = (0.4, 0.3, 0.3)


def test_few_rows_trust_the_bucket_means_and_many_the_blend() -> None:
    """Half way at 3,000 logged rows."""
    assert logged_blend(BLEND, 0, has_types=True) == (1.0, 0.0, 0.0)
    assert logged_blend(BLEND, 3_000, has_types=True) == pytest.approx((0.7, 0.15, 0.15))
    assert logged_blend(BLEND, 10**9, has_types=True) == pytest.approx(BLEND, abs=1e-5)


def test_without_types_there_are_no_buckets_to_trust() -> None:
    """They would be leaves made from the outcomes."""
    assert logged_blend(BLEND, 0, has_types=False) == BLEND
