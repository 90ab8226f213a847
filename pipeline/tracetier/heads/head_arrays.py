"""The weights of all heads, blend and calibration folded in, as ``heads.npz`` holds them."""

from collections.abc import Mapping

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tracetier.errors import ArtifactError
from tracetier.features.words import HASH_BITS

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


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
