"""Small boosters of every kind, and the text of a tree made by hand."""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from tracetier.heads._forest import Floats
from tracetier.heads.trees import BackendChoice, TreeEnsemble

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


def rows_with_gaps(n: int, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, N_FEATURES)).round(1)
    rows[rng.random(rows.shape) < 0.15] = np.nan
    return rows


def fit_booster(
    y: Floats, parameters: dict[str, object] | None = None, n_trees: int = 12
) -> Fitted:
    settings = {"objective": "regression", "num_leaves": 7, "min_data_in_leaf": 5, "verbose": -1}
    settings |= {"num_threads": 1, "seed": 3, "min_data_in_bin": 1, **(parameters or {})}
    booster = lgb.train(settings, lgb.Dataset(rows_with_gaps(len(y), seed=0), y), n_trees)
    return Fitted(booster, booster.model_to_string())


def target_of(seed: int) -> Floats:
    x = np.nan_to_num(rows_with_gaps(300, seed=0), nan=0.7)
    noise = np.random.default_rng(seed).normal(size=300)
    target: Floats = x[:, seed % N_FEATURES] ** 2 + x[:, 1] + 0.3 * noise
    return target


def tree_text(
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


_built: dict[tuple[str, BackendChoice], TreeEnsemble] = {}


def ensemble_of(text: str, backend: BackendChoice) -> TreeEnsemble:
    """Build once per module: hypothesis asks for it with every example."""
    return _built.setdefault((text, backend), TreeEnsemble.from_text(text, backend=backend))
