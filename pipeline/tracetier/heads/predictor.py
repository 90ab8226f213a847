"""The fast path: task → features → all heads of all tiers → quality and cost.

The heads are linear in their weights, so blend and calibration are folded into the arrays when
an artifact is made. What is left per task: one gather over hashed words, one small matrix
product, one call into the tree ensemble. No data frame, no training library.
"""

from collections.abc import Mapping
from math import exp, sqrt

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tracetier.errors import ArtifactError
from tracetier.features.fitted import FittedFeatures
from tracetier.features.words import HASH_BITS
from tracetier.heads.neighbours import NearPoints, NearTask
from tracetier.heads.prior import Prediction
from tracetier.heads.trees import TreeEnsemble
from tracetier.records import Task
from tracetier.tiers import TierSet

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

# exp() of a damaged or absurd log cost must stay a number: 1e-12 to 1e6 USD.
LOG_COST_BOUNDS = (-27.6, 13.8)


class HeadArrays(Struct, frozen=True, kw_only=True):
    """Weights for T = 2K + 1 targets, blend and calibration folded in.

    The targets are each tier's difference from the task's level of quality, the level, each
    tier's log cost; B buckets, d numbers, E inputs of the trees beside the numbers.

    Attributes
    ----------
    words : (2**HASH_BITS, T) array
        Weight per hashed word.
    idf2 : (2**HASH_BITS,) array
        Squared inverse document frequency; ``sqrt`` of their sum is the text's length. 0 for a
        word that training did not know.
    center, low, high : (d,) array
        Stand-in for an unknown number, and the range seen in training.
    dense : (d, T) array
        Weight per number.
    buckets : (B, T) array
        Intercept per bucket.
    encoding : (B, E) array
        What the trees see of a bucket: mean targets of its task type.
    reward_cost_scale : (K,) array
        ``E[min(1, cost / cost_ref)] = min(1, scale * cost_usd / cost_ref)``.
    concepts : (2**HASH_BITS, L) array
        Weight per hashed word in each of L concepts of the text, which trees and neighbours see.
    near_scale : (d + L,) array
        What a number's deviation from ``center``, or a concept, is multiplied by.
    near_points, near_kind, near_values : (P, d + L), (P,), (P, T) array
        The neighbours, see ``NearPoints``; none where they have no weight.
    near_setting : (2,) array
        Their ``n_near`` and ``type_distance``.
    """

    words: Matrix
    idf2: Vector
    center: Vector
    low: Vector
    high: Vector
    dense: Matrix
    buckets: Matrix
    encoding: Matrix
    reward_cost_scale: Vector
    concepts: Matrix
    near_scale: Vector
    near_points: Matrix
    near_kind: Vector
    near_values: Matrix
    near_setting: Vector

    def to_dict(self) -> dict[str, Matrix]:
        """Arrays by name, for ``heads.npz``."""
        return {name: getattr(self, name) for name in self.__struct_fields__}

    @classmethod
    def from_dict(cls, arrays: Mapping[str, Matrix]) -> "HeadArrays":
        """Read ``heads.npz``; ``ArtifactError`` where an array is missing or unknown."""
        expected, found = set(cls.__struct_fields__), set(arrays)
        if expected != found:
            raise ArtifactError(
                f"heads.npz: missing {sorted(expected - found)}, unknown "
                f"{sorted(found - expected)}; the artifact is damaged, save it again"
            )
        return cls(**{name: np.ascontiguousarray(a, np.float64) for name, a in arrays.items()})

    def audit(self, *, n_tiers: int, n_columns: int, n_buckets: int) -> None:
        """Check shapes against each other and that every number is finite.

        Raises
        ------
        ArtifactError
            Naming the array, its shape and the one expected.
        """
        n_targets, n_words = 2 * n_tiers + 1, 1 << HASH_BITS
        expected = {
            "words": (n_words, n_targets),
            "idf2": (n_words,),
            "center": (n_columns,),
            "low": (n_columns,),
            "high": (n_columns,),
            "dense": (n_columns, n_targets),
            "buckets": (n_buckets, n_targets),
            "encoding": (n_buckets, self.encoding.shape[-1]),
            "reward_cost_scale": (n_tiers,),
            "concepts": (n_words, self.concepts.shape[-1]),
            "near_scale": (n_columns + self.concepts.shape[-1],),
            "near_points": (len(self.near_points), n_columns + self.concepts.shape[-1]),
            "near_kind": (len(self.near_points),),
            "near_values": (len(self.near_points), n_targets),
            "near_setting": (2,),
        }
        for name, shape in expected.items():
            array = getattr(self, name)
            if array.shape != shape or not np.isfinite(array).all():
                raise ArtifactError(
                    f"heads.npz: {name} has shape {array.shape}, expected finite numbers of shape "
                    f"{shape}; the artifact is damaged, save it again"
                )
        if (self.near_setting < 0).any():
            raise ArtifactError(
                f"heads.npz: near_setting is {self.near_setting.tolist()}, must be at least 0; the "
                "artifact is damaged, save it again"
            )


class TierPredictor:
    """Predicts quality and cost of every tier for one task at a time.

    Immutable after construction.

    Parameters
    ----------
    features : FittedFeatures
    heads : HeadArrays
    trees : TreeEnsemble or None
        Weighted sum of all boosters, T outputs over d + E + L inputs; ``None`` where no booster has
        weight in the blend.
    cost_ref : float
        USD that count as reward cost 1.
    """

    def __init__(
        self,
        features: FittedFeatures,
        heads: HeadArrays,
        trees: TreeEnsemble | None,
        cost_ref: float,
    ) -> None:
        self.features = features
        self.heads = heads
        self.trees = trees
        self.cost_scale: list[float] = (heads.reward_cost_scale / cost_ref).tolist()
        # One row per word for weights and length, so that a word costs one stretch of memory.
        self.words = np.column_stack([heads.words, heads.concepts, heads.idf2])
        self.near = _near_task(heads, len(features.buckets.types))
        self._n_tiers, self._n_targets = len(heads.reward_cost_scale), heads.words.shape[1]
        self._no_text = np.zeros(heads.concepts.shape[1])

    def predict(self, task: Task) -> Prediction:
        """Predict one task.

        Returns
        -------
        Prediction
            Quality clipped to [0, 1], cost in USD, expected reward cost in [0, 1], bucket.
        """
        row, ids, bucket = self.features.encode(task)
        heads = self.heads
        x = np.array(row)
        filled = x.copy()
        np.copyto(filled, heads.center, where=x != x)  # nan alone is not itself
        np.minimum(np.maximum(filled, heads.low, out=filled), heads.high, out=filled)
        score = filled @ heads.dense
        score += heads.buckets[bucket]
        concepts = self._no_text
        if ids.size:
            # "clip": ids lie within the table, so numpy need not buffer against a bad one. Row by
            # row, not by a matrix product: trees ask for the same bits everywhere.
            text = np.add.reduce(self.words.take(ids, axis=0, mode="clip"), axis=0)
            length2 = float(text[-1])
            if length2 > 0.0:  # 0 where training knew none of the words
                text /= sqrt(length2)
                score += text[: self._n_targets]
                concepts = text[self._n_targets : -1]
        if self.near is not None:
            score += self.near.predict(filled, concepts, bucket)
        if self.trees is not None:
            score += self.trees.predict_one(np.concatenate((x, heads.encoding[bucket], concepts)))
        return self._told(score.tolist(), bucket)

    def _told(self, score: list[float], bucket: int) -> Prediction:
        """Turn scores into what the router weighs."""
        k, (low, high) = self._n_tiers, LOG_COST_BOUNDS
        level = score[k]
        cost_usd = [exp(min(max(v, low), high)) for v in score[k + 1 :]]
        return Prediction(
            quality=[min(max(v + level, 0.0), 1.0) for v in score[:k]],
            cost_usd=cost_usd,
            cost=[min(c * s, 1.0) for c, s in zip(cost_usd, self.cost_scale, strict=True)],
            bucket=bucket,
        )


def _near_task(heads: HeadArrays, n_types: int) -> NearTask | None:
    if not len(heads.near_points):
        return None
    n_near, type_distance = heads.near_setting.tolist()
    points = NearPoints(
        points=heads.near_points,
        kind=heads.near_kind,
        values=heads.near_values,
        n_near=n_near,
        type_distance=type_distance,
    )
    return NearTask(points, n_types, center=heads.center, scale=heads.near_scale)


def build_predictor(
    features: Mapping[str, object],
    heads: Mapping[str, Matrix],
    trees: TreeEnsemble | None,
    tiers: TierSet,
    cost_ref: float,
) -> TierPredictor:
    """Build the predictor from the parts of an artifact, checking that they fit together.

    Raises
    ------
    ArtifactError
        If a shape or a count disagrees.
    """
    fitted = FittedFeatures.from_dict(features)
    arrays = HeadArrays.from_dict(heads)
    n_columns = len(fitted.columns)
    arrays.audit(n_tiers=len(tiers), n_columns=n_columns, n_buckets=len(fitted.buckets.names))
    n_beside = arrays.encoding.shape[1] + arrays.concepts.shape[1]
    n_inputs, n_targets = n_columns + n_beside, 2 * len(tiers) + 1
    if trees is not None and (trees.n_outputs, trees.n_features) != (n_targets, n_inputs):
        raise ArtifactError(
            f"trees.txt has {trees.n_outputs} outputs over {trees.n_features} inputs, expected "
            f"{n_targets} over {n_inputs}; the artifact is damaged, save it again"
        )
    return TierPredictor(fitted, arrays, trees, cost_ref)
