"""The mean of each target in each bucket."""

import numpy as np
import pytest

from tracetier.train.heads.bucket_mean import fit_bucket_means

nan = np.nan


def test_means_are_shrunk_by_ten_tasks_at_the_overall_mean() -> None:
    """Overall 2/3: (2 + 10 * 2/3) / 12 and (0 + 10 * 2/3) / 11; an empty bucket has 2/3."""
    got = fit_bucket_means(np.array([0, 0, 1]), np.array([[1.0], [1.0], [0.0]]), 3)

    assert got[:, 0] == pytest.approx([26 / 36, 20 / 33, 2 / 3])


def test_only_seen_rows_count_target_by_target() -> None:
    """The second target was seen once, the third never."""
    y = np.array([[1.0, 0.5, nan], [0.0, nan, nan]])

    got = fit_bucket_means(np.array([0, 0]), y, 1)

    assert got[0] == pytest.approx([0.5, 0.5, 0.0])


def test_a_large_bucket_is_its_own_mean() -> None:
    """10 of 100,010 tasks is all that the shrinkage weighs."""
    got = fit_bucket_means(np.repeat([0, 1], 100_000), np.repeat([0.2, 0.8], 100_000)[:, None], 2)

    assert got[:, 0] == pytest.approx([0.2, 0.8], abs=1e-4)
