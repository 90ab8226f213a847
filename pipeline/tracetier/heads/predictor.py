"""The fast path: task → features → all heads of all tiers → quality and cost.

The heads are linear in their weights, so blend and calibration are folded into the arrays when
an artifact is made. What is left per task: one gather over hashed words, one small matrix
product, one call into the tree ensemble. No data frame, no training library.
"""

from collections.abc import Mapping
from math import exp

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tracetier.errors import ArtifactError
from tracetier.features.fitted import FittedFeatures
from tracetier.features.words import HASH_BITS
from tracetier.heads.prior import Prediction
from tracetier.heads.trees import TreeEnsemble
from tracetier.records import Task
from tracetier.tiers import TierSet

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

# exp() of a damaged or absurd log cost must stay a number: 1e-12 to 1e6 USD.
_MIN_LOG_COST, _MAX_LOG_COST = -27.6, 13.8


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
        }
        for name, shape in expected.items():
            array = getattr(self, name)
            if array.shape != shape or not np.isfinite(array).all():
                raise ArtifactError(
                    f"heads.npz: {name} has shape {array.shape}, expected finite numbers of shape "
                    f"{shape}; the artifact is damaged, save it again"
                )


class TierPredictor:
    """Predicts quality and cost of every tier for one task at a time.

    Immutable after construction.

    Parameters
    ----------
    features : FittedFeatures
    heads : HeadArrays
    trees : TreeEnsemble or None
        Weighted sum of all boosters, T outputs over d + E inputs; ``None`` where no booster has
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
        self._n_tiers = len(heads.reward_cost_scale)
        self._cost_scale = (heads.reward_cost_scale / cost_ref).tolist()
        # One row per word for weights and length, so that a word costs one stretch of memory.
        self._words = np.column_stack([heads.words, heads.idf2])
        self._ones = np.ones(len(self._words))
        self._encoding: list[list[float]] = heads.encoding.tolist()

    def predict(self, task: Task) -> Prediction:
        """Predict one task.

        Returns
        -------
        Prediction
            Quality clipped to [0, 1], cost in USD, expected reward cost in [0, 1], bucket.
        """
        row, ids, bucket = self.features.encode(task)
        heads, k = self.heads, self._n_tiers
        seen = np.array(row + self._encoding[bucket])
        x = seen[: len(row)]
        filled = np.where(np.isnan(x), heads.center, x)
        np.minimum(np.maximum(filled, heads.low, out=filled), heads.high, out=filled)
        score = filled @ heads.dense
        score += heads.buckets[bucket]
        if ids.size:
            # "clip": ids lie within the table, so numpy need not buffer against a bad one.
            text = self._ones[: ids.size] @ self._words.take(ids, axis=0, mode="clip")
            length2 = text[-1]
            if length2 > 0.0:  # 0 where training knew none of the words
                score += text[:-1] / length2**0.5
        if self.trees is not None:
            score += self.trees.predict_one(seen)
        values: list[float] = score.tolist()
        level = values[k]
        cost_usd = [exp(min(max(v, _MIN_LOG_COST), _MAX_LOG_COST)) for v in values[k + 1 :]]
        return Prediction(
            quality=[min(max(v + level, 0.0), 1.0) for v in values[:k]],
            cost_usd=cost_usd,
            cost=[min(c * s, 1.0) for c, s in zip(cost_usd, self._cost_scale, strict=True)],
            bucket=bucket,
        )


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
    n_inputs, n_targets = n_columns + arrays.encoding.shape[1], 2 * len(tiers) + 1
    if trees is not None and (trees.n_outputs, trees.n_features) != (n_targets, n_inputs):
        raise ArtifactError(
            f"trees.txt has {trees.n_outputs} outputs over {trees.n_features} inputs, expected "
            f"{n_targets} over {n_inputs}; the artifact is damaged, save it again"
        )
    return TierPredictor(fitted, arrays, trees, cost_ref)
