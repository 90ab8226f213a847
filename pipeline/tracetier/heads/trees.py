"""The fast tree ensemble: all of a router's boosters as one model, evaluated a row at a time.

Training fits one LightGBM regressor per output and kind of head. ``merge_boosters`` makes one
model of them, with the blending weights in its leaves, and ``TreeEnsemble`` evaluates that
model in one call. How the trees are walked is a backend's choice; two backends are compared
on probe rows whenever an ensemble is built.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, Protocol, Self, get_args

import numpy as np

from tracetier.errors import ArtifactError
from tracetier.heads._forest import Floats, Forest
from tracetier.heads._lightgbm_c import LightGBMRow, lightgbm_library
from tracetier.heads._lightgbm_text import parse_lightgbm, render_lightgbm
from tracetier.heads._merge import merge_forests
from tracetier.heads._numpy_walk import NumpyWalk

__all__ = [
    "BackendChoice",
    "BackendName",
    "Forest",
    "TreeBackend",
    "TreeEnsemble",
    "merge_boosters",
    "parse_lightgbm",
    "shift_booster",
]

BackendName = Literal["lightgbm", "numpy", "numba"]
BackendChoice = Literal["auto", "lightgbm", "numpy", "numba"]

_N_PROBES = 12
_TOLERANCE = 1e-9


class TreeBackend(Protocol):
    """One way of walking the trees. Immutable; safe to call from several threads."""

    name: str

    def predict_one(self, row: Floats) -> Floats:
        """Return the (n_outputs,) raw scores of one (n_features,) row."""
        ...

    def predict(self, rows: Floats) -> Floats:
        """Return the (n, n_outputs) raw scores, each row's to the bit as ``predict_one``."""
        ...


def _numba_walk(forest: Forest) -> TreeBackend:
    try:
        from tracetier.heads.compiled.trees import NumbaWalk
    except ImportError as error:
        raise ArtifactError(
            "numba is not installed; pip install 'tracetier[fast]', or use the backend 'auto'"
        ) from error
    return NumbaWalk(forest)


_BACKENDS: dict[BackendName, Callable[[Forest], TreeBackend]] = {
    "lightgbm": LightGBMRow,
    "numpy": NumpyWalk,
    "numba": _numba_walk,
}


def merge_boosters(texts: Sequence[Sequence[tuple[float, str]]]) -> str:
    """Return one LightGBM model text whose outputs are weighted sums of boosters.

    Output ``o`` is ``sum(weight * raw_score(text))`` over the pairs of ``texts[o]``; the
    averaging of a random-forest booster counts as part of its raw score (as in
    ``Booster.predict`` without ``raw_score``, for objectives that transform nothing).

    Parameters
    ----------
    texts : sequence of sequences of (float, str)
        Per output its (weight, LightGBM model text) pairs. All boosters have one output,
        numerical splits only, and the same columns. An output without pairs is 0.

    Returns
    -------
    str
        LightGBM model text of ``len(texts)`` raw-score outputs. LightGBM reads it, but split
        gains and sample counts are left out: take feature importances from the boosters.

    Raises
    ------
    ArtifactError
        If a text is damaged or uses what is not supported, the columns differ, or a weight
        is not finite.
    """
    return render_lightgbm(
        merge_forests(
            [[(weight, parse_lightgbm(text)) for weight, text in output] for output in texts]
        )
    )


def shift_booster(text: str, by: float) -> str:
    """Return LightGBM model text of one output whose raw scores are larger by a constant.

    Parameters
    ----------
    text : str
        LightGBM model text; an averaging forest comes back as a plain sum of its trees.
    by : float
        Finite.
    """
    forest = parse_lightgbm(text)
    return render_lightgbm(replace(forest, leaf_value=forest.leaf_value + by / forest.n_trees))


class TreeEnsemble:
    """Boosted regression trees with several outputs; immutable.

    Equality to the last bit holds between one row and a batch, and between processes with
    the same backend; the backends agree with one another to 1e-9, which building checks.

    An ensemble may be shared by threads, survives ``fork``, and can be pickled for a worker
    process (artifacts never are: they hold the model text). A copy of it is itself.

    Examples
    --------
    >>> text = '''tree
    ... version=v4
    ... num_class=1
    ... num_tree_per_iteration=1
    ... max_feature_idx=1
    ... feature_names=length n_tools
    ...
    ... Tree=0
    ... num_leaves=2
    ... num_cat=0
    ... split_feature=1
    ... threshold=2.5
    ... decision_type=8
    ... left_child=-1
    ... right_child=-2
    ... leaf_value=0.25 0.75
    ...
    ... end of trees
    ... '''
    >>> trees = TreeEnsemble.from_text(merge_boosters([[(1.0, text)], [(2.0, text)]]))
    >>> trees.predict_one(np.array([100.0, 4.0]))
    array([0.75, 1.5 ])
    """

    __slots__ = ("_backend", "_choice", "_forest", "_row_shape")

    def __init__(self, forest: Forest, backend: BackendChoice = "auto") -> None:
        self._forest = forest
        self._choice: BackendChoice = backend
        self._row_shape = (forest.n_features,)
        self._backend = _checked_backend(forest, backend)

    @classmethod
    def from_text(cls, text: str, *, backend: BackendChoice = "auto") -> Self:
        """Build from LightGBM model text, as ``merge_boosters`` or LightGBM writes it.

        Parameters
        ----------
        text : str
            Model text of version v4. It is audited first; only what passed reaches LightGBM.
        backend : {"auto", "lightgbm", "numpy", "numba"}, default "auto"
            ``"auto"`` takes LightGBM's library where it is installed, else numpy; ``"numba"`` is
            faster than either, and takes seconds to compile at first.

        Raises
        ------
        ArtifactError
            If the text is damaged or uses what is not supported, the backend cannot be used,
            or it disagrees with the plain walk.
        """
        return cls(parse_lightgbm(text), backend)

    @property
    def n_outputs(self) -> int:
        """Number of values per row."""
        return self._forest.n_outputs

    @property
    def n_features(self) -> int:
        """Number of columns of a row."""
        return self._forest.n_features

    @property
    def n_trees(self) -> int:
        """Number of trees, over all outputs, fillers included."""
        return self._forest.n_trees

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the columns of a row, in order."""
        return self._forest.feature_names

    @property
    def forest(self) -> Forest:
        """The trees, as arrays."""
        return self._forest

    @property
    def backend(self) -> str:
        """Name of the backend in use."""
        return self._backend.name

    def predict_one(self, x: Floats) -> Floats:
        """Return the raw scores of one row.

        Parameters
        ----------
        x : (n_features,) float64
            NaN where unknown.

        Returns
        -------
        (n_outputs,) float64
            A fresh array.

        Raises
        ------
        ValueError
            If the shape is another.
        """
        if x.shape != self._row_shape:
            raise ValueError(f"a row of shape {x.shape}, expected {self._row_shape}")
        return self._backend.predict_one(x)

    def predict(self, X: Floats) -> Floats:
        """Return the raw scores of many rows, each to the bit as ``predict_one`` gives it.

        Parameters
        ----------
        X : (n, n_features) float64
            NaN where unknown.

        Returns
        -------
        (n, n_outputs) float64

        Raises
        ------
        ValueError
            If the shape is another.
        """
        if X.ndim != 2 or X.shape[1:] != self._row_shape:
            raise ValueError(f"rows of shape {X.shape}, expected (n, {self.n_features})")
        return self._backend.predict(X)

    def __reduce__(self) -> tuple[type[Self], tuple[Forest, BackendChoice]]:
        return type(self), (self._forest, self._choice)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def __repr__(self) -> str:
        return (
            f"TreeEnsemble(n_features={self.n_features}, n_outputs={self.n_outputs}, "
            f"n_trees={self.n_trees}, backend={self.backend!r})"
        )


def _checked_backend(forest: Forest, choice: BackendChoice) -> TreeBackend:
    if choice not in get_args(BackendChoice):
        raise ValueError(f"unknown backend {choice!r}; known: {', '.join(get_args(BackendChoice))}")
    if choice == "auto":
        choice = "lightgbm" if lightgbm_library() is not None else "numpy"
    backend = _BACKENDS[choice](forest)
    if choice != "numpy":
        _compare(backend, NumpyWalk(forest), _probe_rows(forest))
    return backend


def _compare(backend: TreeBackend, plain: TreeBackend, rows: Floats) -> None:
    given, expected = backend.predict(rows), plain.predict(rows)
    with np.errstate(all="ignore"):
        error = float(np.max(np.abs(given - expected) / np.maximum(1.0, np.abs(expected))))
    if not error <= _TOLERANCE:
        raise ArtifactError(
            f"the tree backends {backend.name!r} and {plain.name!r} differ by {error:.3g} on probe "
            f"rows (at most {_TOLERANCE:g}); use backend='numpy' and report the library's version"
        )


def _probe_rows(forest: Forest) -> Floats:
    """Return rows made of the model's own thresholds: on them, beside them, zero and NaN."""
    rng = np.random.default_rng(0)
    rows = np.zeros((_N_PROBES, forest.n_features))
    for row in rows[2:]:
        splits = rng.permutation(len(forest.threshold))
        row[forest.split_feature[splits]] = forest.threshold[splits]
    with np.errstate(over="ignore"):
        rows[4:] *= rng.normal(loc=1.0, scale=0.1, size=rows[4:].shape)
    rows[1] = np.nan
    rows[6:][rng.random(rows[6:].shape) < 0.3] = np.nan
    return rows
