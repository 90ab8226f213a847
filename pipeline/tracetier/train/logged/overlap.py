"""What a log can tell at all: how many rows speak of each tier on each kind of task.

No correction makes up for a tier that was never tried. Below an effective sample size of 50 a
tier's value on a kind of task is not claimed.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracetier.measures.off_policy.weights import MAX_WEIGHT, MIN_ESS, effective_sample_size

Matrix = NDArray[np.float64]
Counts = NDArray[np.int64]
Index = NDArray[np.intp]
Seen = NDArray[np.bool_]


class Overlap(NamedTuple):
    """Rows that speak of each of K tiers, over B buckets and in all.

    Attributes
    ----------
    n : (B, K) array of int
        Rows on which the tier was seen.
    ess : (B, K) array
        How many equally weighted rows these are worth, weighted by 1 / propensity.
    tier_n : (K,) array of int
    tier_ess : (K,) array
    """

    n: Counts
    ess: Matrix
    tier_n: Counts
    tier_ess: NDArray[np.float64]

    def to_dict(self, buckets: Sequence[str], tiers: Sequence[str]) -> dict[str, object]:
        """Return plain JSON types by name, with what cannot be known.

        Buckets without any row are left out.
        """
        used = np.flatnonzero(self.n.any(axis=1)).tolist()
        return {
            "min_ess": MIN_ESS,
            "tiers": {
                tier: {"n": int(self.tier_n[k]), "ess": round(float(self.tier_ess[k]), 1)}
                for k, tier in enumerate(tiers)
            },
            "buckets": {
                buckets[b]: {
                    tier: {"n": int(self.n[b, k]), "ess": round(float(self.ess[b, k]), 1)}
                    for k, tier in enumerate(tiers)
                }
                for b in used
            },
            "never_tried": [
                {"bucket": buckets[b], "tier": tier}
                for b in used
                for k, tier in enumerate(tiers)
                if self.n[b, k] == 0
            ],
            "cannot_be_known": [
                {"bucket": buckets[b], "tier": tier}
                for b in used
                for k, tier in enumerate(tiers)
                if self.ess[b, k] < MIN_ESS
            ],
        }


def measure_overlap(bucket: Index, seen: Seen, propensity: Matrix, n_buckets: int) -> Overlap:
    """Count the rows that speak of each tier.

    Parameters
    ----------
    bucket : (n,) array of int
    seen : (n, K) array of bool
        Where a tier's quality is known.
    propensity : (n, K) array
        In (0, 1]; 1 where every tier ran.
    n_buckets : int

    Examples
    --------
    >>> seen = np.array([[True, False], [True, False], [True, True]])
    >>> found = measure_overlap(np.array([0, 0, 1]), seen, np.full((3, 2), 0.5), 2)
    >>> found.n.tolist(), found.ess.tolist(), found.tier_ess.tolist()
    ([[2, 0], [1, 1]], [[2.0, 0.0], [1.0, 1.0]], [3.0, 1.0])
    """
    weight = np.where(seen, np.minimum(1.0 / np.where(seen, propensity, 1.0), MAX_WEIGHT), 0.0)
    n_tiers = seen.shape[1]
    n = np.zeros((n_buckets, n_tiers), dtype=np.int64)
    total, squares = np.zeros((n_buckets, n_tiers)), np.zeros((n_buckets, n_tiers))
    np.add.at(n, bucket, seen)
    np.add.at(total, bucket, weight)
    np.add.at(squares, bucket, weight**2)
    return Overlap(
        n=n,
        ess=np.where(squares > 0, total**2 / np.where(squares > 0, squares, 1.0), 0.0),
        tier_n=seen.sum(axis=0),
        tier_ess=np.array([effective_sample_size(weight[:, k]) for k in range(n_tiers)]),
    )
