"""A model with a part of every kind, made of noise: what it says means nothing, how it says all."""

import lightgbm as lgb
import numpy as np
import pytest
from tests.heads.boosters import KINDS, Fitted, fit_booster, target_of

from tracetier.features.buckets import Buckets, Split
from tracetier.features.fitted import FittedFeatures
from tracetier.features.spec import X_COLUMNS, fingerprint
from tracetier.features.words import HASH_BITS
from tracetier.heads.predictor import HeadArrays, TierPredictor
from tracetier.heads.trees import TreeEnsemble, merge_boosters

D, W, T, L, P = len(X_COLUMNS) + 1, 2**HASH_BITS, 5, 3, 40


def _trees(rng: np.random.Generator) -> TreeEnsemble:
    """Boosters for the differences between two tiers; the other outputs have none."""
    rows = rng.normal(size=(400, D + T + L))
    rows[rng.random(rows.shape) < 0.2] = np.nan
    settings = {"num_leaves": 9, "min_data_in_leaf": 5, "verbose": -1, "num_threads": 1}
    texts = []
    for kind in ({}, {"extra_trees": True}):
        y = rng.normal(size=400)
        booster = lgb.train({**settings, **kind}, lgb.Dataset(rows, y), 10)
        texts.append([(0.3, booster.model_to_string())])
    return TreeEnsemble.from_text(merge_boosters([*texts, [], [], []]))


@pytest.fixture(scope="session")
def noise_model() -> TierPredictor:
    """Two tiers; words, concepts, neighbours, trees, types, a difficulty tree, an attribute."""
    rng = np.random.default_rng(5)
    spread = np.repeat([1.0, 0.5], [D, L])
    buckets = Buckets(
        names=("code", "mail", "easy", "hard", "other"),
        types={"code": 0, "mail": 1},
        splits=(Split(0, 3.0, -3, 1), Split(5, 4.0, -4, -5)),
    )
    heads = HeadArrays(
        words=rng.normal(size=(W, T)) * 0.05,
        idf2=rng.random(W) * (rng.random(W) < 0.9),  # training did not know all
        center=rng.normal(size=D),
        low=np.full(D, -1.0),
        high=np.full(D, 4.0),
        dense=rng.normal(size=(D, T)) * 0.01,
        buckets=rng.random((5, T)),
        encoding=rng.normal(size=(5, T)),
        reward_cost_scale=np.array([0.5, 1.0]),
        concepts=rng.normal(size=(W, L)),
        near_scale=spread,
        near_points=rng.normal(size=(P, D + L)) * spread,
        near_kind=rng.integers(0, 3, P).astype(np.float64),
        near_values=rng.normal(size=(P, T)) * 0.1,
        near_setting=np.array([7.0, 10.0]),
    )
    features = FittedFeatures(
        x_columns=X_COLUMNS, attrs=("size",), buckets=buckets, fingerprint=fingerprint()
    )
    return TierPredictor(features, heads, _trees(rng), cost_ref=4.0)


@pytest.fixture(scope="module")
def fitted() -> dict[str, Fitted]:
    """One booster of each kind."""
    return {
        kind: fit_booster(target_of(seed), parameters)
        for seed, (kind, parameters) in enumerate(KINDS.items())
    }


@pytest.fixture(scope="module")
def merged(fitted: dict[str, Fitted]) -> str:
    """All kinds, one output each."""
    return merge_boosters([[(1.0, one.text)] for one in fitted.values()])
