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
from tracetier.train.shared_rows import shared_rows

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


def fit_boosters(features: Matrix, targets: Matrix, kind: Kind, seed: int) -> list[str]:
    """Fit one booster per target, on the rows where the target is known.

    Targets that were seen on the same rows share LightGBM's binned data: it does not depend on
    what is learned, and takes a quarter of the time of a fit.

    Parameters
    ----------
    features : (n, d + E) array
        Numbers, the encoding of the task type and concepts; ``nan`` where unknown.
    targets : (n, T) array
        ``nan`` where not seen. Where a target was never seen, its booster says 0.
    kind : {"plain", "extra", "forest"}
        Boosting on the best split of all thresholds, or on one threshold drawn at random per
        column (Geurts et al. 2006), or a bagged mean of trees with such thresholds.
    seed : int
        Same seed, same models.

    Returns
    -------
    list of str, length T
        LightGBM's native model text of each.
    """
    texts: dict[int, str] = {}
    for rows, places in shared_rows(targets):
        goals = targets[np.ix_(rows, np.array(places))]
        x = features[rows]
        if len(rows) < 2:  # LightGBM would draw an empty bag
            x, goals = np.repeat(x, 2, axis=0), np.repeat(goals, 2, axis=0)
        texts.update(zip(places, _fit_on(x, goals, kind, seed), strict=True))
    if len(texts) < targets.shape[1]:
        nothing = _fit_on(np.repeat(features[:1], 2, axis=0), np.zeros((2, 1)), kind, seed)[0]
        return [texts.get(place, nothing) for place in range(targets.shape[1])]
    return [texts[place] for place in range(targets.shape[1])]


def fit_booster(features: Matrix, y: NDArray[np.float64], kind: Kind, seed: int) -> str:
    """Fit one booster, as `fit_boosters` says, to a target ``(n,)``."""
    return fit_boosters(features, y[:, None], kind, seed)[0]


def _fit_on(x: Matrix, goals: Matrix, kind: Kind, seed: int) -> list[str]:
    """Fit a booster to each column of ``goals``, none of it missing."""
    import lightgbm

    params = parameters(kind, len(x), seed)
    # One set of parameters for data and trees, else LightGBM warns that they disagree.
    data = lightgbm.Dataset(x, params=params)
    texts = []
    for goal in goals.T:
        # A forest's tree that finds no split says 0, whatever the mean: it learns what differs.
        mean = float(goal.mean()) if kind == "forest" else 0.0
        data.set_label(goal - mean)
        text = str(lightgbm.train(params, data, n_trees(len(x))).model_to_string())
        texts.append(shift_booster(text, mean) if kind == "forest" else text)
    return texts


def predict_booster(text: str, features: Matrix) -> NDArray[np.float64]:
    """Predict n rows with a fitted booster, ``(n,)``."""
    import lightgbm

    return np.asarray(lightgbm.Booster(model_str=text).predict(features, num_threads=1))
