"""A damaged text of trees is an error or a sound model, never a crash."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.heads.boosters import tree_text

from tracetier.errors import ArtifactError
from tracetier.heads import _lightgbm_text
from tracetier.heads._lightgbm_text import parse_lightgbm
from tracetier.heads.trees import TreeEnsemble


def _deep(left: str, right: str) -> str:
    """Two splits and three leaves."""
    text = tree_text(leaves="1 2 3", feature="0 0", threshold="0 1", left=left, right=right)
    return text.replace("type=8", "type=8 8")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", "no line 'end of trees'", id="empty"),
        pytest.param(tree_text()[:-14], "no line 'end of trees'", id="cut short"),
        pytest.param("tree\nversion=v4\n\nend of trees\n", "0 trees", id="no trees"),
        pytest.param(tree_text().replace("v4", "v9"), "version is 'v9'", id="other version"),
        pytest.param(tree_text().replace("tree\n", "", 1), "version", id="no first line"),
        pytest.param(tree_text().replace("num_class=1", "num_class=2"), "differ", id="num_class"),
        pytest.param(
            tree_text().replace("max_feature_idx=1", ""), "max_feature_idx", id="no width"
        ),
        pytest.param(tree_text().replace("=a b", "=a"), "1 feature_names", id="too few names"),
        pytest.param(
            tree_text().replace("idx=1", "idx=" + "9" * 30), "max_feature", id="huge width"
        ),
        pytest.param(
            tree_text().replace("iteration=1", "iteration=2").replace("class=1", "class=2"),
            "1 trees do not divide into 2",
            id="outputs",
        ),
        pytest.param(tree_text().replace("Tree=0", "Tree=1"), "out of order", id="tree number"),
        pytest.param(
            tree_text().replace("num_leaves=2", "num_leaves=3"), "expected 3", id="counts"
        ),
        pytest.param(
            tree_text().replace("num_leaves=2", "num_leaves=-2"), "num_leaves", id="negative"
        ),
        pytest.param(
            tree_text().replace("num_leaves=2", ""), "num_leaves is missing", id="no leaves"
        ),
        pytest.param(tree_text().replace("left_child=-1\n", ""), "left_child", id="no children"),
        pytest.param(tree_text().replace("num_cat=0", "num_cat=1"), "categorical", id="num_cat"),
        pytest.param(tree_text(decision_type=1), "categorical", id="categorical bit"),
        pytest.param(tree_text(decision_type=12), "decision_type", id="missing type 3"),
        pytest.param(tree_text(decision_type=-2), "decision_type", id="negative bits"),
        pytest.param(tree_text(feature="2"), "column outside 0..1", id="column too large"),
        pytest.param(tree_text(feature="-1"), "column outside 0..1", id="column negative"),
        pytest.param(tree_text(threshold="nan"), "threshold is not finite", id="NaN threshold"),
        pytest.param(tree_text(threshold="-inf"), "threshold is not finite", id="-inf threshold"),
        pytest.param(tree_text(threshold="x"), "tree 0: threshold: could not", id="no number"),
        pytest.param(tree_text(leaves="1 inf"), "leaf value is not finite", id="infinite leaf"),
        pytest.param(tree_text(left="0"), "neither a later split", id="own child"),
        pytest.param(tree_text(left="1"), "neither a later split", id="split beyond the end"),
        pytest.param(tree_text(right="-3"), "neither a later split", id="leaf beyond the end"),
        pytest.param(tree_text(right="-1"), "leaf has no parent, or several", id="shared leaf"),
        pytest.param(tree_text(left="9" * 5000), "left_child", id="endless integer"),
        pytest.param(tree_text(left="9" * 12), "beyond", id="integer beyond int32"),
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
            tree_text().replace("num_cat=0", "num_cat=0\nnum_cat=0"), "written twice", id="twice"
        ),
        pytest.param(
            tree_text().replace("num_cat=0", "num_cat=0\nfuzzy=1"),
            "unknown field 'fuzzy'",
            id="field",
        ),
        pytest.param(
            tree_text().replace("num_cat=0", "num_cat=0\nis_linear=1"), "linear leaves", id="linear"
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
        parse_lightgbm(tree_text())


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
