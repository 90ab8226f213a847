"""LightGBM's native model text, read with care and written plainly.

LightGBM's own parser trusts its input: a damaged text can make it read out of bounds. So no
foreign text reaches it. Here the text is parsed and audited, and what LightGBM later gets is
rendered anew from the audited arrays.
"""

from collections.abc import Iterable

import numpy as np

from tracetier.errors import ArtifactError
from tracetier.heads._forest import Floats, Forest, Ints, audit_forest

MAX_TEXT_CHARS = 512 * 2**20
MAX_TREES = 200_000
MAX_LEAVES = 131_072  # LightGBM's own bound for num_leaves
MAX_OUTPUTS = 1_000
MAX_FEATURES = 1_000_000

_SPLIT_FIELDS = ("split_feature", "threshold", "decision_type", "left_child", "right_child")
# Fields that LightGBM writes and that do not change a prediction.
_IDLE_FIELDS = frozenset(
    {"split_gain", "leaf_weight", "leaf_count", "shrinkage", "cat_boundaries", "cat_threshold"}
    | {"internal_value", "internal_weight", "internal_count"}
)
_KNOWN_FIELDS = _IDLE_FIELDS | {"num_leaves", "num_cat", "leaf_value", "is_linear", *_SPLIT_FIELDS}


def parse_lightgbm(text: str) -> Forest:
    """Return the forest of a LightGBM model text (version v4), audited.

    The outputs are raw scores: an objective's transformation (sigmoid, exp) is not applied.
    The averaging of random-forest mode is, by dividing the leaf values. An infinite threshold
    becomes the largest float.

    Raises
    ------
    ArtifactError
        If the text is cut short, damaged, too large, of another version, or uses
        categorical splits or linear leaves.
    """
    if len(text) > MAX_TEXT_CHARS:
        raise _bad(f"{len(text)} characters, at most {MAX_TEXT_CHARS} are read")
    body, end, _ = text.partition("\nend of trees")
    if not end:
        raise _bad("no line 'end of trees': the text is cut short or is no LightGBM model")
    n_trees = body.count("\nTree=")
    if not 1 <= n_trees <= MAX_TREES:
        raise _bad(f"{n_trees} trees, expected 1 to {MAX_TREES}")
    head, *blocks = body.split("\nTree=")
    header = _fields(head, "header")
    names = _feature_names(header)
    n_outputs = _n_outputs(header)
    forest = _forest(blocks, names, n_outputs, is_averaged="average_output" in header)
    audit_forest(forest)
    return forest


def render_lightgbm(forest: Forest, *, with_tree_sizes: bool = True) -> str:
    """Return the forest as LightGBM model text; numbers survive to the bit.

    Parameters
    ----------
    forest : Forest
        Sound by ``audit_forest``.
    with_tree_sizes : bool, default True
        Whether to write the header's byte size per tree. LightGBM parses the trees in an
        OpenMP region if it is there, and in a plain loop if it is not; the latter is what a
        forked process needs.
    """
    blocks = [_tree_block(number, tree) for number, tree in enumerate(_trees(forest))]
    header = [
        "tree",
        "version=v4",
        f"num_class={forest.n_outputs}",
        f"num_tree_per_iteration={forest.n_outputs}",
        "label_index=0",
        f"max_feature_idx={forest.n_features - 1}",
        f"feature_names={' '.join(forest.feature_names)}",
        f"feature_infos={' '.join(['none'] * forest.n_features)}",
    ]
    if with_tree_sizes:
        header.append(f"tree_sizes={_joined(map(len, blocks))}")
    return "\n".join(header) + "\n\n" + "".join(blocks) + "end of trees\n"


def _bad(what: str) -> ArtifactError:
    return ArtifactError(f"tree model text: {what}")


def _fields(block: str, where: str) -> dict[str, str]:
    pairs = [line.partition("=")[::2] for line in block.splitlines() if line]
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise _bad(f"{where}: a field is written twice")
    return fields


def _int(fields: dict[str, str], key: str, low: int, high: int, where: str) -> int:
    given = fields.get(key)
    try:
        value = int(given or "")
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise _bad(f"{where}: {key} is {_shown(given)}, expected {low} to {high}")
    return value


def _shown(given: str | None) -> str:
    if given is None:
        return "missing"
    return repr(given if len(given) <= 40 else given[:40] + "…")


def _n_outputs(header: dict[str, str]) -> int:
    if "tree" not in header or header.get("version") != "v4":
        raise _bad(f"header: version is {_shown(header.get('version'))}, expected 'v4'")
    n_outputs = _int(header, "num_tree_per_iteration", 1, MAX_OUTPUTS, "header")
    if _int(header, "num_class", 1, MAX_OUTPUTS, "header") != n_outputs:
        raise _bad("header: num_class and num_tree_per_iteration differ")
    return n_outputs


def _feature_names(header: dict[str, str]) -> tuple[str, ...]:
    n_features = _int(header, "max_feature_idx", 0, MAX_FEATURES - 1, "header") + 1
    names = tuple(header.get("feature_names", "").split())
    if len(names) != n_features:
        raise _bad(f"header: {len(names)} feature_names, max_feature_idx says {n_features}")
    return names


def _forest(
    blocks: list[str], names: tuple[str, ...], n_outputs: int, *, is_averaged: bool
) -> Forest:
    n_leaves: list[int] = []
    leaf_value: list[float] = []
    threshold: list[float] = []
    ints: dict[str, list[int]] = {key: [] for key in _SPLIT_FIELDS if key != "threshold"}
    for number, block in enumerate(blocks):
        where = f"tree {number}"
        fields = _tree_fields(block, number, where)
        n_leaves.append(_int(fields, "num_leaves", 1, MAX_LEAVES, where))
        n_splits = n_leaves[-1] - 1
        leaf_value += _floats(fields, "leaf_value", n_leaves[-1], where)
        threshold += _floats(fields, "threshold", n_splits, where)
        for key, values in ints.items():
            values += _ints(fields, key, n_splits, where)
    n_averaged = len(blocks) // n_outputs if is_averaged else 1
    return Forest(
        feature_names=names,
        n_outputs=n_outputs,
        n_leaves=_int_array(n_leaves),
        split_feature=_int_array(ints["split_feature"]),
        # "Known values left, NaN right" is written as threshold inf, which some versions of
        # LightGBM read back as 0; the largest float parts all finite values alike.
        threshold=np.minimum(_float_array(threshold), np.finfo(np.float64).max),
        decision_type=_int_array(ints["decision_type"]),
        left=_int_array(ints["left_child"]),
        right=_int_array(ints["right_child"]),
        leaf_value=_float_array(leaf_value) / max(1, n_averaged),
    )


def _int_array(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)


def _float_array(values: list[float]) -> Floats:
    return np.array(values, dtype=np.float64)


def _tree_fields(block: str, number: int, where: str) -> dict[str, str]:
    index, _, rest = block.partition("\n")
    if index.strip() != str(number):
        raise _bad(f"{where}: is headed 'Tree={index[:40]}'; a tree is missing or out of order")
    fields = _fields(rest, where)
    if fields.get("is_linear", "0") != "0":
        raise _bad(f"{where}: linear leaves are not supported: train with linear_tree=False")
    if fields.get("num_cat") != "0":
        raise _bad(
            f"{where}: num_cat is {_shown(fields.get('num_cat'))}; categorical splits are not "
            "supported: train without categorical_feature"
        )
    unknown = fields.keys() - _KNOWN_FIELDS
    if unknown:
        raise _bad(f"{where}: unknown field {_shown(min(unknown))}; upgrade tracetier")
    return fields


def _tokens(fields: dict[str, str], key: str, n: int, where: str) -> list[str]:
    tokens = fields.get(key, "").split()
    if len(tokens) != n:
        raise _bad(f"{where}: {key} holds {len(tokens)} numbers, expected {n}")
    return tokens


def _floats(fields: dict[str, str], key: str, n: int, where: str) -> list[float]:
    try:
        return [float(token) for token in _tokens(fields, key, n, where)]
    except ValueError as error:
        raise _bad(f"{where}: {key}: {str(error)[:80]}") from None


def _ints(fields: dict[str, str], key: str, n: int, where: str) -> list[int]:
    try:
        values = [int(token) for token in _tokens(fields, key, n, where)]
    except ValueError as error:
        raise _bad(f"{where}: {key}: {str(error)[:80]}") from None
    if any(abs(value) > MAX_FEATURES for value in values):
        raise _bad(f"{where}: {key} holds a number beyond ±{MAX_FEATURES}")
    return values


_Columns = list[int] | list[float]
_Tree = tuple[_Columns, ...]  # in the order of _SPLIT_FIELDS, then the leaf values


def _trees(forest: Forest) -> Iterable[_Tree]:
    """Yield each tree's columns as lists: plain numbers have a short and exact ``repr``."""
    split_feature = forest.split_feature.tolist()
    threshold = forest.threshold.tolist()
    decision_type = forest.decision_type.tolist()
    left, right = forest.left.tolist(), forest.right.tolist()
    leaf_value = forest.leaf_value.tolist()
    split_starts, leaf_starts = forest.split_starts.tolist(), forest.leaf_starts.tolist()
    for tree in range(forest.n_trees):
        splits = slice(split_starts[tree], split_starts[tree + 1])
        leaves = slice(leaf_starts[tree], leaf_starts[tree + 1])
        yield (
            split_feature[splits],
            threshold[splits],
            decision_type[splits],
            left[splits],
            right[splits],
            leaf_value[leaves],
        )


def _tree_block(number: int, tree: _Tree) -> str:
    splits, leaf_value = tree[:-1], tree[-1]
    lines = [f"Tree={number}", f"num_leaves={len(leaf_value)}", "num_cat=0"]
    lines += [f"{key}={_joined(values)}" for key, values in zip(_SPLIT_FIELDS, splits, strict=True)]
    lines += [f"leaf_value={_joined(leaf_value)}", "is_linear=0", "shrinkage=1"]
    return "\n".join(lines) + "\n\n\n"


def _joined(values: Iterable[float]) -> str:
    return " ".join(map(repr, values))
