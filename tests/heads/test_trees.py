"""The merged tree ensemble: equal to LightGBM, safe on damaged text, the same everywhere."""

import copy
import pickle
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from tracetier.errors import ArtifactError
from tracetier.heads import _lightgbm_c, _lightgbm_text, trees
from tracetier.heads._forest import Floats, Forest
from tracetier.heads._lightgbm_text import parse_lightgbm, render_lightgbm
from tracetier.heads._numpy_walk import NumpyWalk
from tracetier.heads.trees import BackendChoice, TreeEnsemble, merge_boosters

N_FEATURES = 5
BACKENDS: tuple[BackendChoice, ...] = ("lightgbm", "numpy", "numba")
KINDS: dict[str, dict[str, object]] = {
    "plain": {},
    "extra trees": {"extra_trees": True},
    "random forest": {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6},
    "zero is missing": {"zero_as_missing": True},
    "no missing": {"use_missing": False},
}


@dataclass(frozen=True)
class Fitted:
    """A booster, its text, and rows to predict."""

    booster: lgb.Booster
    text: str

    def predict(self, rows: Floats) -> Floats:
        """What LightGBM itself says: (n,), averaged where the booster averages."""
        return np.asarray(self.booster.predict(rows), dtype=np.float64)


def _rows(n: int, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, N_FEATURES)).round(1)
    rows[rng.random(rows.shape) < 0.15] = np.nan
    return rows


def _fit(y: Floats, parameters: dict[str, object] | None = None, n_trees: int = 12) -> Fitted:
    settings = {"objective": "regression", "num_leaves": 7, "min_data_in_leaf": 5, "verbose": -1}
    settings |= {"num_threads": 1, "seed": 3, "min_data_in_bin": 1, **(parameters or {})}
    booster = lgb.train(settings, lgb.Dataset(_rows(len(y), seed=0), y), n_trees)
    return Fitted(booster, booster.model_to_string())


def _target(seed: int) -> Floats:
    x = np.nan_to_num(_rows(300, seed=0), nan=0.7)
    noise = np.random.default_rng(seed).normal(size=300)
    target: Floats = x[:, seed % N_FEATURES] ** 2 + x[:, 1] + 0.3 * noise
    return target


@pytest.fixture(scope="module")
def fitted() -> dict[str, Fitted]:
    """One booster of each kind."""
    return {
        kind: _fit(_target(seed), parameters)
        for seed, (kind, parameters) in enumerate(KINDS.items())
    }


@pytest.fixture(scope="module")
def merged(fitted: dict[str, Fitted]) -> str:
    """All kinds, one output each."""
    return merge_boosters([[(1.0, one.text)] for one in fitted.values()])


def _tree(
    *,
    decision_type: int = 8,
    threshold: str = "0.5",
    leaves: str = "1.0 2.0",
    left: str = "-1",
    right: str = "-2",
    feature: str = "0",
) -> str:
    return (
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\n"
        "max_feature_idx=1\nfeature_names=a b\nfeature_infos=none none\n\n"
        f"Tree=0\nnum_leaves={len(leaves.split())}\nnum_cat=0\nsplit_feature={feature}\n"
        f"threshold={threshold}\ndecision_type={decision_type}\nleft_child={left}\n"
        f"right_child={right}\nleaf_value={leaves}\n\n\nend of trees\n"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_merging_gives_the_weighted_sum_of_the_boosters(
    fitted: dict[str, Fitted], kind: str
) -> None:
    """Output 0 blends a kind with plain boosting, output 1 is the kind alone, twice as large."""
    one, plain = fitted[kind], fitted["plain"]
    rows = _rows(200, seed=1)
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
    constant = _fit(np.full(300, 3.5))
    assert constant.booster.num_trees() == 1

    text = merge_boosters([[(1.0, fitted["plain"].text)], [], [(2.0, constant.text)]])
    ensemble = TreeEnsemble.from_text(text)

    assert (ensemble.n_outputs, ensemble.n_features, ensemble.n_trees) == (3, N_FEATURES, 36)
    scores = ensemble.predict(_rows(50, seed=2))
    np.testing.assert_allclose(
        scores[:, 0], fitted["plain"].predict(_rows(50, seed=2)), rtol=0, atol=1e-9
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
    x = _rows(300, seed=0)
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
    ensemble = TreeEnsemble.from_text(_tree(decision_type=decision_type), backend=backend)

    assert ensemble.predict_one(np.array([value, 9.0])).tolist() == [expected]


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_infinite_threshold_parts_known_values_from_nan(backend: BackendChoice) -> None:
    """LightGBM writes it where a feature's being unknown is all that matters."""
    ensemble = TreeEnsemble.from_text(_tree(threshold="inf"), backend=backend)

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
    ensemble = _ensemble(merged, backend)
    plain = _ensemble(merged, "numpy")
    before = rows.copy()

    batch = ensemble.predict(rows)

    assert batch.shape == (len(rows), len(KINDS))
    for row, scores in zip(rows, batch, strict=True):
        assert ensemble.predict_one(row).tobytes() == scores.tobytes()
    np.testing.assert_allclose(batch, plain.predict(rows), rtol=0, atol=1e-9)
    assert rows.tobytes() == before.tobytes()


def test_a_single_output_sums_its_trees_in_the_same_order_in_a_batch() -> None:
    """With one output the partial sums lie side by side, where numpy likes to pair them up."""
    text = merge_boosters([[(1 / 3, _fit(_target(1), n_trees=150).text)]])
    rows = _rows(400, seed=5)

    plain = NumpyWalk(parse_lightgbm(text))

    one_by_one = np.array([plain.predict_one(row) for row in rows])
    assert plain.predict(rows).tobytes() == one_by_one.tobytes()
    assert TreeEnsemble.from_text(text).predict(rows).tobytes() == one_by_one.tobytes()


def test_the_numpy_walk_cuts_a_large_batch_into_chunks(
    merged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks of one and of many rows give the same bits."""
    plain = _ensemble(merged, "numpy")
    rows = _rows(30, seed=6)
    whole = plain.predict(rows)

    monkeypatch.setattr("tracetier.heads._numpy_walk._MAX_CELLS", 7 * plain.n_trees)

    assert plain.predict(rows).tobytes() == whole.tobytes()


@pytest.mark.parametrize("backend", BACKENDS)
def test_rows_of_another_shape_are_refused(merged: str, backend: BackendChoice) -> None:
    """Also where numpy would have broadcast them."""
    ensemble = _ensemble(merged, backend)

    with pytest.raises(ValueError, match=r"shape \(1,\), expected \(5,\)"):
        ensemble.predict_one(np.zeros(1))
    with pytest.raises(ValueError, match=r"shape \(2, 4\), expected \(n, 5\)"):
        ensemble.predict(np.zeros((2, 4)))


def test_results_are_fresh_arrays(merged: str) -> None:
    """A later call must not change what an earlier one returned."""
    ensemble = TreeEnsemble.from_text(merged)
    rows = _rows(2, seed=7)
    first = ensemble.predict_one(rows[0])
    kept = first.copy()

    ensemble.predict_one(rows[1])

    assert first.tobytes() == kept.tobytes()


def _deep(left: str, right: str) -> str:
    """Two splits and three leaves."""
    text = _tree(leaves="1 2 3", feature="0 0", threshold="0 1", left=left, right=right)
    return text.replace("type=8", "type=8 8")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", "no line 'end of trees'", id="empty"),
        pytest.param(_tree()[:-14], "no line 'end of trees'", id="cut short"),
        pytest.param("tree\nversion=v4\n\nend of trees\n", "0 trees", id="no trees"),
        pytest.param(_tree().replace("v4", "v9"), "version is 'v9'", id="other version"),
        pytest.param(_tree().replace("tree\n", "", 1), "version", id="no first line"),
        pytest.param(_tree().replace("num_class=1", "num_class=2"), "differ", id="num_class"),
        pytest.param(_tree().replace("max_feature_idx=1", ""), "max_feature_idx", id="no width"),
        pytest.param(_tree().replace("=a b", "=a"), "1 feature_names", id="too few names"),
        pytest.param(_tree().replace("idx=1", "idx=" + "9" * 30), "max_feature", id="huge width"),
        pytest.param(
            _tree().replace("iteration=1", "iteration=2").replace("class=1", "class=2"),
            "1 trees do not divide into 2",
            id="outputs",
        ),
        pytest.param(_tree().replace("Tree=0", "Tree=1"), "out of order", id="tree number"),
        pytest.param(_tree().replace("num_leaves=2", "num_leaves=3"), "expected 3", id="counts"),
        pytest.param(_tree().replace("num_leaves=2", "num_leaves=-2"), "num_leaves", id="negative"),
        pytest.param(_tree().replace("num_leaves=2", ""), "num_leaves is missing", id="no leaves"),
        pytest.param(_tree().replace("left_child=-1\n", ""), "left_child", id="no children"),
        pytest.param(_tree().replace("num_cat=0", "num_cat=1"), "categorical", id="num_cat"),
        pytest.param(_tree(decision_type=1), "categorical", id="categorical bit"),
        pytest.param(_tree(decision_type=12), "decision_type", id="missing type 3"),
        pytest.param(_tree(decision_type=-2), "decision_type", id="negative bits"),
        pytest.param(_tree(feature="2"), "column outside 0..1", id="column too large"),
        pytest.param(_tree(feature="-1"), "column outside 0..1", id="column negative"),
        pytest.param(_tree(threshold="nan"), "threshold is not finite", id="NaN threshold"),
        pytest.param(_tree(threshold="-inf"), "threshold is not finite", id="-inf threshold"),
        pytest.param(_tree(threshold="x"), "tree 0: threshold: could not", id="no number"),
        pytest.param(_tree(leaves="1 inf"), "leaf value is not finite", id="infinite leaf"),
        pytest.param(_tree(left="0"), "neither a later split", id="own child"),
        pytest.param(_tree(left="1"), "neither a later split", id="split beyond the end"),
        pytest.param(_tree(right="-3"), "neither a later split", id="leaf beyond the end"),
        pytest.param(_tree(right="-1"), "leaf has no parent, or several", id="shared leaf"),
        pytest.param(_tree(left="9" * 5000), "left_child", id="endless integer"),
        pytest.param(_tree(left="9" * 12), "beyond", id="integer beyond int32"),
        pytest.param(
            _deep("1 -1", "1 -2"),
            "split has no parent, or several",
            id="shared split",
        ),
        pytest.param(
            _deep("-1 -1", "-2 -3"),
            "split has no parent, or several",
            id="orphaned split",
        ),
        pytest.param(
            _tree().replace("num_cat=0", "num_cat=0\nnum_cat=0"), "written twice", id="twice"
        ),
        pytest.param(
            _tree().replace("num_cat=0", "num_cat=0\nfuzzy=1"), "unknown field 'fuzzy'", id="field"
        ),
        pytest.param(
            _tree().replace("num_cat=0", "num_cat=0\nis_linear=1"), "linear leaves", id="linear"
        ),
    ],
)
def test_a_damaged_text_is_told(text: str, words: str) -> None:
    """Before LightGBM's parser, which trusts its input, sees any of it."""
    with pytest.raises(ArtifactError, match=words):
        TreeEnsemble.from_text(text)


@pytest.mark.parametrize(
    ("bound", "limit", "words"),
    [
        ("MAX_TEXT_CHARS", 100, "characters, at most 100 are read"),
        ("MAX_TREES", 0, "1 trees, expected 1 to 0"),
        ("MAX_LEAVES", 1, "num_leaves is '2', expected 1 to 1"),
    ],
)
def test_a_text_beyond_the_bounds_is_refused(
    monkeypatch: pytest.MonkeyPatch, bound: str, limit: int, words: str
) -> None:
    """Size is looked at before any work is done."""
    monkeypatch.setattr(_lightgbm_text, bound, limit)

    with pytest.raises(ArtifactError, match=words):
        parse_lightgbm(_tree())


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_any_damage_is_an_error_or_a_sound_model(data: st.DataObject) -> None:
    """Random edits of the text either raise the one error or leave something that predicts."""
    text = _deep("1 -2", "-1 -3")
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        cut = data.draw(st.integers(0, 3))
        put = data.draw(st.text("0123456789-.e=\n abT", max_size=3))
        text = text[:at] + put + text[at + cut :]
    try:
        ensemble = TreeEnsemble.from_text(text)
    except ArtifactError:
        return

    assert ensemble.predict_one(np.zeros(ensemble.n_features)).shape == (ensemble.n_outputs,)


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


@pytest.mark.parametrize("backend", BACKENDS)
def test_copies_predict_to_the_bit(merged: str, backend: BackendChoice) -> None:
    """Pickling rebuilds with the same backend; a copy of something immutable is itself."""
    ensemble = _ensemble(merged, backend)
    rows = _rows(20, seed=8)

    rebuilt = pickle.loads(pickle.dumps(ensemble))

    assert rebuilt.backend == backend
    assert rebuilt.predict(rows).tobytes() == ensemble.predict(rows).tobytes()
    assert copy.deepcopy(ensemble) is ensemble
    assert copy.copy(ensemble) is ensemble


@pytest.mark.parametrize("backend", BACKENDS)
def test_threads_do_not_disturb_one_another(merged: str, backend: BackendChoice) -> None:
    """Four threads on different rows, switching as often as the interpreter can."""
    ensemble = _ensemble(merged, backend)
    rows = _rows(200, seed=9)
    expected = ensemble.predict(rows)
    got: dict[int, NDArray[np.float64]] = {}
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def work(first: int) -> None:
        for number in range(first, len(rows), 4):
            got[number] = ensemble.predict_one(rows[number])

    workers = [threading.Thread(target=work, args=(first,)) for first in range(4)]
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(interval_s)

    assert all(got[n].tobytes() == expected[n].tobytes() for n in range(len(rows)))


def test_every_handle_is_freed_the_booster_last(
    merged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two threads have a configuration each; a thread's goes when the thread does."""
    freed: list[str] = []
    free = _lightgbm_c._free

    def recorded(function: _lightgbm_c._Free, handle: object, *kept: object) -> None:
        freed.append(function.__name__)
        free(function, handle, *kept)  # type: ignore[arg-type]

    monkeypatch.setattr(_lightgbm_c, "_free", recorded)
    ensemble = TreeEnsemble.from_text(merged, backend="lightgbm")
    thread = threading.Thread(target=ensemble.predict_one, args=(np.zeros(N_FEATURES),))
    thread.start()
    thread.join()
    del thread
    assert freed == ["LGBM_FastConfigFree"]

    del ensemble

    assert freed == ["LGBM_FastConfigFree", "LGBM_FastConfigFree", "LGBM_BoosterFree"]


def _run(code: str, text: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PYTHONPATH": ":".join(sys.path), **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_serving_loads_the_library_but_not_the_package(merged: str) -> None:
    """A fresh interpreter predicts through LightGBM without lightgbm, pandas or scipy."""
    code = """
        import sys
        import numpy as np
        from tracetier.heads.trees import TreeEnsemble
        ensemble = TreeEnsemble.from_text(sys.stdin.read())
        ensemble.predict_one(np.zeros(5))
        heavy = {"lightgbm", "pandas", "scipy", "sklearn", "pyarrow", "joblib"}
        print(ensemble.backend, sorted(heavy & set(sys.modules)))
        """

    assert _run(code, merged).split() == ["lightgbm", "[]"]


def test_a_forked_child_predicts_and_loads_after_its_parent_trained_with_threads(
    merged: str,
) -> None:
    """OpenMP's threads do not survive a fork: whatever waited for them would hang for ever."""
    code = """
        import os, signal, sys
        import numpy as np
        import lightgbm as lgb
        from tracetier.heads.trees import TreeEnsemble
        text = sys.stdin.read()
        x = np.random.default_rng(0).normal(size=(2000, 5))
        booster = lgb.train({"num_threads": 2, "verbose": -1}, lgb.Dataset(x, x[:, 0]), 2)
        plain = TreeEnsemble.from_text(text, backend="numpy").predict(x[:10])

        def in_child(work):
            booster.predict(x, num_threads=2)
            child = os.fork()
            if child == 0:
                signal.alarm(20)
                os._exit(0 if np.abs(work() - plain).max() < 1e-9 else 1)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

        in_child(lambda: TreeEnsemble.from_text(text, backend="lightgbm").predict(x[:10]))
        ensemble = TreeEnsemble.from_text(text, backend="lightgbm")
        in_child(lambda: ensemble.predict(x[:10]))
        """

    assert _run(code, merged, OMP_NUM_THREADS="2") == "0\n0\n"


_built: dict[tuple[str, BackendChoice], TreeEnsemble] = {}


def _ensemble(text: str, backend: BackendChoice) -> TreeEnsemble:
    """Build once per module: hypothesis asks for it with every example."""
    return _built.setdefault((text, backend), TreeEnsemble.from_text(text, backend=backend))


def test_a_forest_is_a_plain_value(merged: str) -> None:
    """Parsing the same text twice gives equal arrays, none shared."""
    first, second = parse_lightgbm(merged), parse_lightgbm(merged)

    for field in Forest.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(first, field), getattr(second, field))


@pytest.mark.parametrize("backend", BACKENDS)
def test_outputs_without_trees_stay_0(backend: BackendChoice) -> None:
    """At the end, where they are left out of the walk, and before, where they are not."""
    fitted, rows = _fit(np.random.default_rng(1).normal(size=300)), _rows(20, seed=9)
    text = merge_boosters([[], [(1.0, fitted.text)], [], []])
    ensemble = TreeEnsemble.from_text(text, backend=backend)

    expected = np.zeros((20, 4))
    expected[:, 1] = fitted.predict(rows)
    np.testing.assert_allclose(ensemble.predict(rows), expected, rtol=0, atol=1e-9)
    assert ensemble.predict_one(rows[0]).shape == (4,)
