"""Which tier was seen on which kind of task, and how much that can say."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tracetier.measures.off_policy.weights import effective_sample_size

Matrix = NDArray[np.float64]
Labels = NDArray[np.intp]

MAX_KINDS = 14
UNTYPED = "(no type)"


class TierCoverage(Struct, frozen=True, kw_only=True):
    """One tier on one kind of task.

    Attributes
    ----------
    n : int
        Outcomes seen.
    ess : float
        Effective sample size: how many equally likely outcomes they are worth.
    quality : float or None
        Mean quality seen, in [0, 1], as it is in the log.
    routed : float
        Share of these tasks that the router sends to the tier at the evaluation's lambda.
    """

    n: int
    ess: float
    quality: float | None
    routed: float


class KindCoverage(Struct, frozen=True, kw_only=True):
    """One kind of task: its name, its tasks (logged rows), and every tier on it."""

    kind: str
    n: int
    tiers: dict[str, TierCoverage]


def kind_labels(types: Sequence[str | None]) -> tuple[list[str], Labels]:
    """Name the kinds to tell apart, and the kind of each task; the rarest are one kind.

    Examples
    --------
    >>> names, of_task = kind_labels(["code", None, "code"])
    >>> names, of_task
    (['code', '(no type)'], array([0, 1, 0]))
    """
    named = np.array([UNTYPED if each is None else each for each in types], dtype=object)
    names, of_task, counts = np.unique(named, return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    n_alone = len(order) if len(order) <= MAX_KINDS else MAX_KINDS - 1
    place = np.full(len(order), n_alone)
    place[order[:n_alone]] = np.arange(n_alone)
    kept = [str(names[i]) for i in order[:n_alone]]
    if n_alone < len(order):
        kept.append(f"{len(order) - n_alone} rarer types")
    return kept, place[of_task]


def full_coverage(
    types: Sequence[str | None], quality: Matrix, choice: Labels, tiers: Sequence[str]
) -> tuple[KindCoverage, ...]:
    """Tell the kinds where every tier ran on every task.

    Parameters
    ----------
    types : sequence of str or None, length n
    quality : (n, K) array
    choice : (n,) array of int
        Tier that the router takes.
    tiers : sequence of str, length K
    """
    names, of_task = kind_labels(types)
    found = []
    for place, name in enumerate(names):
        here = of_task == place
        n = int(here.sum())
        tiers_seen = {
            tier: TierCoverage(
                n=n,
                ess=float(n),
                quality=float(quality[here, k].mean()),
                routed=float((choice[here] == k).mean()),
            )
            for k, tier in enumerate(tiers)
        }
        found.append(KindCoverage(kind=name, n=n, tiers=tiers_seen))
    return tuple(found)


def logged_coverage(
    types: Sequence[str | None],
    quality: Matrix,
    propensity: Matrix,
    choice: Labels,
    tiers: Sequence[str],
) -> tuple[KindCoverage, ...]:
    """Tell the kinds where only some tiers of a task are known.

    Parameters
    ----------
    types : sequence of str or None, length n
    quality, propensity : (n, K) arrays
        Outcomes, ``nan`` where not seen, and how likely each was to be seen.
    choice : (n,) array of int
        Tier that the router takes.
    tiers : sequence of str, length K
    """
    names, of_row = kind_labels(types)
    found = []
    for place, name in enumerate(names):
        here = of_row == place
        tiers_seen = {}
        for k, tier in enumerate(tiers):
            seen = here & ~np.isnan(quality[:, k])
            tiers_seen[tier] = TierCoverage(
                n=int(seen.sum()),
                ess=effective_sample_size(1.0 / propensity[seen, k]),
                quality=float(quality[seen, k].mean()) if seen.any() else None,
                routed=float((choice[here] == k).mean()),
            )
        found.append(KindCoverage(kind=name, n=int(here.sum()), tiers=tiers_seen))
    return tuple(found)
