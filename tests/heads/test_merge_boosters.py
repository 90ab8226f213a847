"""Boosters are merged into one text that gives their weighted sums; what cannot be is refused."""

import lightgbm as lgb
import numpy as np
import pytest
from tests.heads.boosters import BACKENDS, KINDS, N_FEATURES, Fitted, fit_booster, rows_with_gaps

from tracetier.errors import ArtifactError
from tracetier.heads._lightgbm_text import parse_lightgbm, render_lightgbm
from tracetier.heads.trees import TreeEnsemble, merge_boosters


@pytest.mark.parametrize("kind", KINDS)
def test_merging_gives_the_weighted_sum_of_the_boosters(
    fitted: dict[str, Fitted], kind: str
) -> None:
    """Output 0 blends a kind with plain boosting, output 1 is the kind alone, twice as large."""
    one, plain = fitted[kind], fitted["plain"]
    rows = rows_with_gaps(200, seed=1)
    expected = np.column_stack(
        [0.25 * one.predict(rows) + 0.75 * plain.predict(rows), 2.0 * one.predict(rows)]
    )

    text = merge_boosters([[(0.25, one.text), (0.75, plain.text)], [(2.0, one.text)]])

    by_lightgbm = lgb.Booster(model_str=text).predict(rows, raw_score=True)
    np.testing.assert_allclose(by_lightgbm, expected, rtol=0, atol=1e-9)
    for backend in BACKENDS:
        ours = TreeEnsemble.from_text(text, backend=backend).predict(rows)
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-9, err_msg=backend)


def test_outputs_of_unequal_length_and_without_boosters_are_filled_with_zero_trees(
    fitted: dict[str, Fitted],
) -> None:
    """Twelve trees, none, and a constant model, whose single tree is one leaf."""
    constant = fit_booster(np.full(300, 3.5))
    assert constant.booster.num_trees() == 1

    text = merge_boosters([[(1.0, fitted["plain"].text)], [], [(2.0, constant.text)]])
    ensemble = TreeEnsemble.from_text(text)

    assert (ensemble.n_outputs, ensemble.n_features, ensemble.n_trees) == (3, N_FEATURES, 36)
    scores = ensemble.predict(rows_with_gaps(50, seed=2))
    np.testing.assert_allclose(
        scores[:, 0], fitted["plain"].predict(rows_with_gaps(50, seed=2)), rtol=0, atol=1e-9
    )
    assert set(scores[:, 1]) == {0.0}
    assert set(scores[:, 2]) == {7.0}


def test_a_weight_of_zero_drops_the_trees(fitted: dict[str, Fitted]) -> None:
    """What counts for nothing is not walked."""
    plain, extra = fitted["plain"].text, fitted["extra trees"].text

    text = merge_boosters([[(1.0, plain), (0.0, extra)]])

    assert text == merge_boosters([[(1.0, plain)]])


def test_tree_sizes_point_at_each_tree(merged: str) -> None:
    """LightGBM jumps by these byte counts: each jump must land on the next tree."""
    head, _, body = merged.partition("\n\n")
    sizes = [
        int(size)
        for line in head.splitlines()
        if line.startswith("tree_sizes=")
        for size in line.removeprefix("tree_sizes=").split()
    ]
    assert len(sizes) == 12 * len(KINDS)

    position = 0
    for number, size in enumerate(sizes):
        assert body.startswith(f"Tree={number}\n", position)
        position += size
    assert body.startswith("end of trees", position)


def test_text_survives_parsing_and_rendering(merged: str) -> None:
    """Rendering the parsed forest gives the same text, so every number kept its bits."""
    assert render_lightgbm(parse_lightgbm(merged)) == merged


def test_merging_refuses_boosters_on_other_columns(fitted: dict[str, Fitted]) -> None:
    """Columns of other names would be read in the wrong order."""
    plain = fitted["plain"].text
    other = plain.replace("Column_1", "length")

    with pytest.raises(ArtifactError, match=r"different columns.*Column_1.*length.*same order"):
        merge_boosters([[(1.0, plain)], [(1.0, other)]])


def test_merging_refuses_a_booster_of_several_outputs(merged: str) -> None:
    """Its weights would be ambiguous."""
    with pytest.raises(ArtifactError, match="5 outputs; train one per output"):
        merge_boosters([[(1.0, merged)]])


@pytest.mark.parametrize("weight", [float("nan"), float("inf")])
def test_merging_refuses_a_weight_that_is_not_finite(
    fitted: dict[str, Fitted], weight: float
) -> None:
    """A broken blend is told when it is made, not when it is served."""
    with pytest.raises(ArtifactError, match="weights must be finite"):
        merge_boosters([[(weight, fitted["plain"].text)]])


@pytest.mark.parametrize("outputs", [[], [[], []]])
def test_merging_nothing_is_refused(outputs: list[list[tuple[float, str]]]) -> None:
    """Without any booster the columns are unknown."""
    with pytest.raises(ArtifactError, match="no tree model to merge"):
        merge_boosters(outputs)


def test_categorical_splits_and_linear_leaves_are_refused_with_the_mend() -> None:
    """Neither is walked by the numpy backend, so neither may pass."""
    x = rows_with_gaps(300, seed=0)
    codes = np.arange(300) % 4
    x[:, 0] = codes
    quiet = {"verbose": -1, "num_threads": 1, "min_data_per_group": 1, "num_leaves": 4}
    y = np.array([0.0, 2.0, 1.0, 3.0])[codes]
    categorical = lgb.train(quiet, lgb.Dataset(x, y, categorical_feature=[0]), 2)
    numeric = np.nan_to_num(x)
    dataset = lgb.Dataset(numeric, numeric[:, 1], params={"linear_tree": True, "verbose": -1})
    linear = lgb.train({**quiet, "linear_tree": True}, dataset, 2)

    with pytest.raises(ArtifactError, match=r"categorical splits .* train without"):
        merge_boosters([[(1.0, categorical.model_to_string())]])
    with pytest.raises(ArtifactError, match=r"linear leaves .* linear_tree=False"):
        merge_boosters([[(1.0, linear.model_to_string())]])
