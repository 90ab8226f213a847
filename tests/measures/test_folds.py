"""Folds by group."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.measures.folds import grouped_folds

GROUPS = st.lists(st.integers(-3, 30), min_size=1, max_size=80).map(np.array)


@given(GROUPS, st.integers(2, 7), st.integers(0, 9))
def test_a_group_is_never_parted(groups: np.ndarray, n_folds: int, seed: int) -> None:
    """Rows of one group share a fold."""
    folds = grouped_folds(groups, n_folds, seed)

    for group in np.unique(groups):
        assert len(np.unique(folds[groups == group])) == 1


@given(GROUPS, st.integers(2, 7), st.integers(0, 9))
def test_folds_are_near_equal_and_none_is_empty(
    groups: np.ndarray, n_folds: int, seed: int
) -> None:
    """No two differ by more than the largest group; fewer folds only where groups are fewer."""
    sizes = np.bincount(grouped_folds(groups, n_folds, seed))

    assert len(sizes) == min(n_folds, len(np.unique(groups)))
    assert sizes.min() > 0
    assert sizes.max() - sizes.min() <= np.unique(groups, return_counts=True)[1].max()


def test_single_rows_are_dealt_out_evenly() -> None:
    """10 groups of one row, 5 folds: two each."""
    assert np.bincount(grouped_folds(np.arange(10), 5, seed=0)).tolist() == [2] * 5


@pytest.mark.parametrize("seed", range(8))
def test_large_groups_go_first(seed: int) -> None:
    """One of three rows and three of one: 3 and 3, whatever the draw."""
    folds = grouped_folds(np.array([0, 1, 2, 3, 3, 3]), 2, seed)

    assert np.bincount(folds).tolist() == [3, 3]


def test_a_seed_gives_its_folds() -> None:
    """The same twice, others for another seed."""
    groups = np.arange(40)

    first = grouped_folds(groups, 5, seed=1)

    np.testing.assert_array_equal(first, grouped_folds(groups, 5, seed=1))
    assert (first != grouped_folds(groups, 5, seed=2)).any()


@pytest.mark.parametrize("shift", [7, -100])
def test_only_who_shares_a_group_counts_not_its_number(shift: int) -> None:
    """Groups are names."""
    groups = np.array([0, 0, 1, 2, 3, 3, 4])

    np.testing.assert_array_equal(
        grouped_folds(groups, 3, seed=0), grouped_folds(groups + shift, 3, seed=0)
    )
