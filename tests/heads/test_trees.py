"""The merged tree ensemble predicts as LightGBM does, by every backend and in every shape."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.heads.boosters import (
    BACKENDS,
    KINDS,
    N_FEATURES,
    ensemble_of,
    fit_booster,
    rows_with_gaps,
    target_of,
    tree_text,
)

from tracetier.errors import ArtifactError
from tracetier.heads import _lightgbm_c, trees
from tracetier.heads._forest import Floats, Forest
from tracetier.heads._lightgbm_text import parse_lightgbm
from tracetier.heads._numpy_walk import NumpyWalk
from tracetier.heads.trees import BackendChoice, TreeEnsemble, merge_boosters


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("decision_type", "value", "expected"),
    [
        pytest.param(8, 0.5, 1.0, id="at the threshold is left"),
        pytest.param(8, np.nextafter(0.5, 1.0), 2.0, id="just above is right"),
        pytest.param(8, np.nan, 2.0, id="NaN known, default right"),
        pytest.param(10, np.nan, 1.0, id="NaN known, default left"),
        pytest.param(0, np.nan, 1.0, id="NaN unknown reads as zero, below .5"),
        pytest.param(2, np.nan, 1.0, id="NaN unknown, default is not asked"),
        pytest.param(4, 0.0, 2.0, id="zero missing, default right"),
        pytest.param(6, 0.0, 1.0, id="zero missing, default left"),
        pytest.param(4, np.nan, 2.0, id="zero missing, NaN reads as zero"),
        pytest.param(4, 1e-36, 2.0, id="zero missing, a tiny value is zero"),
        pytest.param(8, -np.inf, 1.0, id="minus infinity is left"),
        pytest.param(8, np.inf, 2.0, id="infinity is right"),
    ],
)
def test_one_split_by_hand(
    backend: BackendChoice, decision_type: int, value: float, expected: float
) -> None:
    """Threshold .5, left leaf 1, right leaf 2."""
    ensemble = TreeEnsemble.from_text(tree_text(decision_type=decision_type), backend=backend)

    assert ensemble.predict_one(np.array([value, 9.0])).tolist() == [expected]


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_infinite_threshold_parts_known_values_from_nan(backend: BackendChoice) -> None:
    """LightGBM writes it where a feature's being unknown is all that matters."""
    ensemble = TreeEnsemble.from_text(tree_text(threshold="inf"), backend=backend)

    got = ensemble.predict(np.array([[-1e9, 0.0], [1e300, 0.0], [np.nan, 0.0]]))

    assert got.ravel().tolist() == [1.0, 1.0, 2.0]


@pytest.mark.parametrize("backend", BACKENDS)
@settings(deadline=None, max_examples=50)
@given(
    rows=hnp.arrays(
        np.float64,
        st.tuples(st.integers(0, 9), st.just(N_FEATURES)),
        elements=st.floats(-3, 3, width=16) | st.floats(allow_nan=True),
    )
)
def test_a_batch_equals_its_rows_to_the_bit(
    merged: str, backend: BackendChoice, rows: Floats
) -> None:
    """Whatever the rows hold, and both walks agree."""
    ensemble = ensemble_of(merged, backend)
    plain = ensemble_of(merged, "numpy")
    before = rows.copy()

    batch = ensemble.predict(rows)

    assert batch.shape == (len(rows), len(KINDS))
    for row, scores in zip(rows, batch, strict=True):
        assert ensemble.predict_one(row).tobytes() == scores.tobytes()
    np.testing.assert_allclose(batch, plain.predict(rows), rtol=0, atol=1e-9)
    assert rows.tobytes() == before.tobytes()


def test_a_single_output_sums_its_trees_in_the_same_order_in_a_batch() -> None:
    """With one output the partial sums lie side by side, where numpy likes to pair them up."""
    text = merge_boosters([[(1 / 3, fit_booster(target_of(1), n_trees=150).text)]])
    rows = rows_with_gaps(400, seed=5)

    plain = NumpyWalk(parse_lightgbm(text))

    one_by_one = np.array([plain.predict_one(row) for row in rows])
    assert plain.predict(rows).tobytes() == one_by_one.tobytes()
    assert TreeEnsemble.from_text(text).predict(rows).tobytes() == one_by_one.tobytes()


def test_the_numpy_walk_cuts_a_large_batch_into_chunks(
    merged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks of one and of many rows give the same bits."""
    plain = ensemble_of(merged, "numpy")
    rows = rows_with_gaps(30, seed=6)
    whole = plain.predict(rows)

    monkeypatch.setattr("tracetier.heads._numpy_walk._MAX_CELLS", 7 * plain.n_trees)

    assert plain.predict(rows).tobytes() == whole.tobytes()


@pytest.mark.parametrize("backend", BACKENDS)
def test_rows_of_another_shape_are_refused(merged: str, backend: BackendChoice) -> None:
    """Also where numpy would have broadcast them."""
    ensemble = ensemble_of(merged, backend)

    with pytest.raises(ValueError, match=r"shape \(1,\), expected \(5,\)"):
        ensemble.predict_one(np.zeros(1))
    with pytest.raises(ValueError, match=r"shape \(2, 4\), expected \(n, 5\)"):
        ensemble.predict(np.zeros((2, 4)))


def test_results_are_fresh_arrays(merged: str) -> None:
    """A later call must not change what an earlier one returned."""
    ensemble = TreeEnsemble.from_text(merged)
    rows = rows_with_gaps(2, seed=7)
    first = ensemble.predict_one(rows[0])
    kept = first.copy()

    ensemble.predict_one(rows[1])

    assert first.tobytes() == kept.tobytes()


def test_a_backend_that_disagrees_is_refused(merged: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that computes something else must not serve."""

    class Liar(NumpyWalk):
        name = "liar"

        def predict(self, rows: Floats) -> Floats:
            return super().predict(rows) + 1e-6

    monkeypatch.setitem(trees._BACKENDS, "lightgbm", Liar)

    with pytest.raises(ArtifactError, match="'liar' and 'numpy' differ by 1e-06"):
        TreeEnsemble.from_text(merged)


def test_probe_rows_reach_both_sides_of_most_splits(merged: str) -> None:
    """Rows that all fall into the same leaves would compare nothing."""
    forest = parse_lightgbm(merged)
    leaves = NumpyWalk(forest)._walk(trees._probe_rows(forest))

    assert all(len(np.unique(leaves[:, tree])) >= 2 for tree in range(forest.n_trees))
    assert len(np.unique(leaves)) > 0.5 * len(forest.leaf_value)


def test_without_the_library_numpy_serves(merged: str, no_library: None) -> None:
    """It is slower and says so by its name; asking for the library by name is an error."""
    ensemble = TreeEnsemble.from_text(merged)

    assert ensemble.backend == "numpy"
    with pytest.raises(ArtifactError, match="pip install lightgbm"):
        TreeEnsemble.from_text(merged, backend="lightgbm")


def test_an_unknown_backend_lists_the_known(merged: str) -> None:
    """A typo is told."""
    with pytest.raises(ValueError, match="'onnx'; known: auto, lightgbm, numpy, numba"):
        TreeEnsemble.from_text(merged, backend="onnx")  # type: ignore[arg-type]


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As on a machine without the lightgbm distribution."""
    _lightgbm_c.lightgbm_library.cache_clear()
    monkeypatch.setattr(_lightgbm_c, "find_spec", lambda _name: None)
    yield
    _lightgbm_c.lightgbm_library.cache_clear()


def test_a_forest_is_a_plain_value(merged: str) -> None:
    """Parsing the same text twice gives equal arrays, none shared."""
    first, second = parse_lightgbm(merged), parse_lightgbm(merged)

    for field in Forest.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(first, field), getattr(second, field))


@pytest.mark.parametrize("backend", BACKENDS)
def test_outputs_without_trees_stay_0(backend: BackendChoice) -> None:
    """At the end, where they are left out of the walk, and before, where they are not."""
    fitted, rows = (
        fit_booster(np.random.default_rng(1).normal(size=300)),
        rows_with_gaps(20, seed=9),
    )
    text = merge_boosters([[], [(1.0, fitted.text)], [], []])
    ensemble = TreeEnsemble.from_text(text, backend=backend)

    expected = np.zeros((20, 4))
    expected[:, 1] = fitted.predict(rows)
    np.testing.assert_allclose(ensemble.predict(rows), expected, rtol=0, atol=1e-9)
    assert ensemble.predict_one(rows[0]).shape == (4,)
