"""Context buckets from training rows."""

from collections.abc import Sequence

import numpy as np
import pytest

from tracetier.features.buckets import Buckets
from tracetier.train import buckets as module
from tracetier.train.buckets import MAX_LEAVES, MIN_LEAF, MIN_TASKS, difficulty, fit_buckets

nan = np.nan


def fit(task_types: Sequence[str | None]) -> Buckets:
    """Buckets of tasks that differ in type alone."""
    n = len(task_types)
    return fit_buckets(task_types, np.zeros((n, 1)), np.zeros((n, 2)), ("x_a",))


def difficult_rows(n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Numbers with gaps, and a quality that hangs on them."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(n, 4))
    x[rng.random((n, 4)) < 0.2] = nan
    lost = 0.4 * (np.nan_to_num(x[:, 0], nan=9.0) > 0.3) + 0.2 * np.isnan(x[:, 1])
    quality = np.clip(0.9 - lost[:, None] + 0.05 * rng.normal(size=(n, 2)), 0.0, 1.0)
    return x, quality


def test_difficulty_on_paper() -> None:
    """Tier means .5 and .75; a task is judged by the tiers it was seen on."""
    quality = np.array([[0.0, 0.5], [1.0, 1.0], [nan, nan], [0.5, nan]])

    np.testing.assert_array_equal(difficulty(quality), [0.375, -0.375, nan, 0.0])


def test_a_tier_that_was_never_seen_says_nothing_of_difficulty() -> None:
    """And makes no noise about an empty mean."""
    np.testing.assert_array_equal(difficulty(np.array([[0.0, nan], [1.0, nan]])), [0.5, -0.5])


def test_a_type_needs_enough_tasks() -> None:
    """20 make a bucket, 19 do not; no type is no type."""
    found = fit(["b"] * MIN_TASKS + ["a"] * (MIN_TASKS - 1) + [None] * 40)

    assert (found.names, found.types, found.splits) == (("b", "other"), {"b": 0}, ())


def test_types_stand_in_order_of_their_names_whatever_the_rows() -> None:
    """The same table in another order gives the same buckets."""
    types = ["b", "a", "c"] * MIN_TASKS

    assert fit(types).names == fit(types[::-1]).names == ("a", "b", "c", "other")


def test_of_too_many_types_the_most_frequent_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a place for two, the third falls to the rest."""
    monkeypatch.setattr(module, "MAX_TYPES", 2)

    assert fit(["a"] * 20 + ["b"] * 22 + ["c"] * 21).names == ("b", "c", "other")


def test_a_type_called_other_does_not_take_the_pooled_buckets_name() -> None:
    """State and artifact keep buckets by name: no name may occur twice."""
    assert fit(["other"] * MIN_TASKS).names == ("other", "(other)")
    assert fit(["other", "(other)"] * MIN_TASKS).names == ("(other)", "other", "((other))")


def test_a_huge_type_name_costs_no_memory_per_row() -> None:
    """A matrix of fixed-width texts would take 4 GB here."""
    assert len(fit(["x" * 1_000_000, *["y"] * 999]).names) == 2


def test_tasks_without_a_frequent_type_fall_to_the_leaves_of_sklearns_own_tree() -> None:
    """Each bucket is one leaf, unknown numbers included, and each holds enough tasks."""
    from sklearn.tree import DecisionTreeRegressor

    x, quality = difficult_rows()
    found = fit_buckets([None] * len(x), x, quality, ("x_a", "x_b", "x_c", "attr_d"))
    filled = np.where(np.isnan(x), np.finfo(np.float32).max, x)
    tree = DecisionTreeRegressor(
        max_leaf_nodes=MAX_LEAVES, min_samples_leaf=MIN_LEAF, random_state=0
    ).fit(filled, difficulty(quality))

    bucket = [found.assign(None, row) for row in x.tolist()]

    pairs = set(zip(bucket, tree.apply(filled).tolist(), strict=True))
    assert len(pairs) == tree.get_n_leaves() == len(found.names) - 1 > 2
    assert {b for b, _ in pairs} == set(range(len(found.names) - 1))
    assert np.bincount(bucket).min() >= MIN_LEAF


def test_a_leaf_is_named_by_its_path_and_unknown_is_called_so() -> None:
    """People read these names in decisions and reports."""
    x = np.repeat([[nan], [1.0]], 2 * MIN_LEAF, axis=0)
    quality = np.repeat([[0.0], [1.0]], 2 * MIN_LEAF, axis=0)

    found = fit_buckets([None] * len(x), x, quality, ("x_context_tokens",))

    assert found.names == ("context_tokens known", "context_tokens unknown", "other")
    assert [found.assign(None, row) for row in ([5.0], [nan])] == [0, 1]


def test_frequent_types_stand_before_the_leaves_of_the_rest() -> None:
    """The rest is what the tree is fitted on, and only what has an outcome."""
    x, quality = difficult_rows()
    types = ["code" if i < 150 else None if i % 2 else f"rare {i}" for i in range(300)]

    found = fit_buckets(types, x, quality, ("x_a", "x_b", "x_c", "x_d"))

    assert found.names[0] == "code"
    assert len(found.names) > 3
    assert found.assign("code", x[0].tolist()) == 0
    assert all(found.assign("rare", row) > 0 for row in x.tolist())


@pytest.mark.parametrize(
    ("n", "n_unseen"),
    [
        pytest.param(2 * MIN_LEAF - 1, 0, id="too few tasks"),
        pytest.param(2 * MIN_LEAF, 1, id="enough, but one has no outcome"),
    ],
)
def test_too_few_tasks_for_two_leaves_are_pooled(n: int, n_unseen: int) -> None:
    """One leaf would be a bucket of its own for nothing."""
    x, quality = difficult_rows()
    quality[:n_unseen] = nan

    found = fit_buckets([None] * n, x[:n], quality[:n], ("x_a", "x_b", "x_c", "x_d"))

    assert (found.names, found.splits) == (("other",), ())


def test_tasks_that_do_not_differ_are_pooled() -> None:
    """No split is possible, so there is no tree."""
    assert fit([None] * 200).names == ("other",)
