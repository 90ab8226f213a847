"""Trees by LightGBM: boosted plainly, boosted at random thresholds, and a randomised forest.

Text enters through its shape and its concepts; words are the ridge's business. The task type
enters as the training rows' own mean targets of that type, so that one split can ask "how hard is
this kind of task". Leaves of the difficulty tree are not offered: they are made from the outcomes,
and as an input they cost more than they gave (docs/decisions.md).
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tracetier.heads.trees import shift_booster

Matrix = NDArray[np.float64]

Kind = Literal["plain", "extra", "forest"]
KINDS: tuple[Kind, ...] = ("plain", "extra", "forest")

SMALL_TABLE = 5_000
"""Rows below which trees are small and strongly regularised."""

_COMMON: Mapping[str, object] = {
    "objective": "regression",
    "learning_rate": 0.09,
    "max_bin": 63,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
_SMALL: Mapping[Kind, Mapping[str, object]] = {
    "plain": {"num_leaves": 6, "min_data_in_leaf": 30},
    "extra": {"num_leaves": 8, "min_data_in_leaf": 25},
    "forest": {"num_leaves": 63, "min_data_in_leaf": 15},
}
_LARGE: Mapping[Kind, Mapping[str, object]] = {
    "plain": {"num_leaves": 15, "min_data_in_leaf": 60},
    "extra": {"num_leaves": 31, "min_data_in_leaf": 40},
    "forest": {"num_leaves": 127, "min_data_in_leaf": 40},
}
# A forest averages trees that err in different ways, so each may be deep, and none is shrunk.
_FOREST: Mapping[str, object] = {
    "boosting": "rf",
    "feature_fraction": 1.0,
    "feature_fraction_bynode": 0.5,
    "lambda_l2": 0.0,
}


def parameters(kind: Kind, n_rows: int, seed: int) -> dict[str, object]:
    """LightGBM parameters for a table of ``n_rows`` rows."""
    size = _SMALL if n_rows < SMALL_TABLE else _LARGE
    own = _FOREST if kind == "forest" else {}
    # LightGBM's seeds are 32-bit integers.
    drawn = {"extra_trees": kind != "plain", "seed": seed % 2**31}
    return {**_COMMON, **own, **size[kind], **drawn}


def n_trees(n_rows: int) -> int:
    """Count the trees of one booster or forest for a table of ``n_rows`` rows."""
    return 40 if n_rows < SMALL_TABLE else 100


def fit_booster(features: Matrix, y: NDArray[np.float64], kind: Kind, seed: int) -> str:
    """Fit one booster on the rows whose target is known.

    Parameters
    ----------
    features : (n, d + E) array
        Numbers, the encoding of the task type and concepts; ``nan`` where unknown.
    y : (n,) array
        Target, ``nan`` where not seen. Where it was never seen, the booster says 0.
    kind : {"plain", "extra", "forest"}
        Boosting on the best split of all thresholds, or on one threshold drawn at random per
        column (Geurts et al. 2006), or a bagged mean of trees with such thresholds.
    seed : int
        Same seed, same model.

    Returns
    -------
    str
        LightGBM's native model text.
    """
    import lightgbm

    seen = np.flatnonzero(~np.isnan(y))
    x, goal = features[seen], y[seen]
    if len(seen) < 2:  # LightGBM would draw an empty bag
        x, goal = np.repeat(features[:1], 2, axis=0), np.full(2, goal.sum())
    params = parameters(kind, len(seen), seed)
    # A forest's tree that finds no split says 0, whatever the mean: so it learns what differs.
    mean = float(goal.mean()) if kind == "forest" else 0.0
    # One set of parameters for data and trees, else LightGBM warns that they disagree.
    data = lightgbm.Dataset(x, goal - mean, params=params)
    text = str(lightgbm.train(params, data, n_trees(len(seen))).model_to_string())
    return shift_booster(text, mean) if kind == "forest" else text


def predict_booster(text: str, features: Matrix) -> NDArray[np.float64]:
    """Predict n rows with a fitted booster, ``(n,)``."""
    import lightgbm

    return np.asarray(lightgbm.Booster(model_str=text).predict(features, num_threads=1))
