"""Many heads become one set of weights: blend and calibration are multiplied in.

All heads are linear in what they learned (means, weights, leaf values), so their weighted sum is
again one of each kind, and serving pays for one head where training compared several.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tracetier.heads.predictor import HeadArrays
from tracetier.heads.trees import merge_boosters
from tracetier.train.fit import FittedHeads, by_type, type_encoding
from tracetier.train.heads.boosting import KINDS

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]


def fuse_heads(
    heads: FittedHeads, weights: Matrix, intercept: Vector, reward_cost_scale: Vector
) -> HeadArrays:
    """Fuse bucket means, ridge and neighbours.

    Parameters
    ----------
    heads : FittedHeads
    weights : (H, T) array
        Weight of each head for each target, the calibration's slope included.
    intercept : (T,) array
        Of the calibration.
    reward_cost_scale : (K,) array
    """
    ridge, n_buckets = heads.ridge, len(heads.buckets.names)
    mean_weight, ridge_weight, near_weight = weights[:3]
    learned = len(heads.boosters[0])
    # Where trees learn nothing, their heads say what the ridge says.
    ridge_weight = ridge_weight.copy()
    ridge_weight[learned:] += weights[-len(KINDS) :, learned:].sum(axis=0)
    place = by_type(heads.buckets, np.arange(n_buckets))
    return HeadArrays(
        words=ridge.words * ridge_weight,
        idf2=ridge.idf2,
        center=ridge.center,
        low=ridge.low,
        high=ridge.high,
        dense=ridge.dense * ridge_weight,
        buckets=heads.means * mean_weight + ridge.types[place] * ridge_weight + intercept,
        encoding=type_encoding(heads.buckets, heads.means),
        reward_cost_scale=reward_cost_scale,
        concepts=heads.concepts.words,
        **_near_arrays(heads, near_weight),
    )


def _near_arrays(heads: FittedHeads, weight: Vector) -> dict[str, Matrix]:
    """Return what the neighbours need at serving time; no point where they have no weight."""
    near, scaling = heads.near, heads.scaling
    kept = slice(None) if weight.any() else slice(0)
    n_concepts = heads.concepts.words.shape[1]
    return {
        "near_scale": np.concatenate(
            [scaling.number_weight, np.full(n_concepts, heads.concepts.scale)]
        ),
        "near_points": near.points[kept],
        "near_kind": near.kind[kept],
        "near_values": near.values[kept] * weight,
        "near_setting": np.array([near.n_near, near.type_distance]),
    }


def fuse_trees(heads: FittedHeads, weights: Matrix) -> str | None:
    """Merge the boosters with their weights ``(H, T)``; ``None`` where none has any."""
    tree_weights = weights[-len(KINDS) :].copy()
    tree_weights[:, len(heads.boosters[0]) :] = 0.0
    if not tree_weights.any():
        return None
    outputs: list[Sequence[tuple[float, str]]] = [
        [
            (float(tree_weights[kind, target]), heads.boosters[kind][target])
            for kind in range(len(KINDS))
            if tree_weights[kind, target] != 0.0
        ]
        for target in range(tree_weights.shape[1])
    ]
    return merge_boosters(outputs)
