"""One decision of a strategy, and the draw that makes its propensities exact.

Every strategy that explores does it here, so that the probability which is logged and the draw
which is made can never differ.
"""

from collections.abc import Collection, Sequence
from random import Random
from typing import Protocol

from msgspec import Struct

from tracetier.errors import TierError
from tracetier.heads.prior import Prediction
from tracetier.tiers import TierSet


class Choice(Struct, frozen=True, gc=False):
    """What a strategy decided, a plain float per tier (cheap to dear), and why.

    Attributes
    ----------
    tier, greedy : int
        Index of the tier taken, and of the one that would be taken without exploring.
    near_tie_with : int
        Index of the dearer tier that scored better, but not by enough; -1 where there is none.
    explored : bool
        Whether the tier was drawn at random (it may still be the greedy one).
    epsilon : float
        Probability of drawing at random, in [0, 1].
    propensities : list of float, length K
        Probability of every tier, 0 where it was not allowed; sums to 1.
    quality, cost : list of float, length K
        What is believed: quality in [0, 1] and reward cost in [0, 1] (both unclipped).
    reward, sd, prior_reward : list of float, length K
        ``10 quality - lambda cost``, its standard deviation, and the model's own prediction of it.
    n_reports : list of int, length K
        Reports that the bucket's belief of the tier rests on.
    """

    tier: int
    greedy: int
    near_tie_with: int
    explored: bool
    epsilon: float
    propensities: list[float]
    quality: list[float]
    cost: list[float]
    reward: list[float]
    sd: list[float]
    prior_reward: list[float]
    n_reports: list[int]


class Predicted(Protocol):
    """What a decision was taken on: a `Prediction`, or a decision's event."""

    @property
    def quality(self) -> list[float]: ...  # noqa: D102
    @property
    def cost(self) -> list[float]: ...  # noqa: D102
    @property
    def bucket(self) -> int: ...  # noqa: D102


class Report(Struct, frozen=True, gc=False):
    """The outcome of a decision, with what was kept of the decision.

    Attributes
    ----------
    bucket, tier : int
        Where it belongs.
    predicted_quality, predicted_cost : float
        The model's predictions for the tier taken: quality and reward cost, both in [0, 1].
    lam : float
        Lambda of the decision.
    quality_10 : float or None
        Quality, 0-10 (the scale of the reward formula); ``None`` where it was not reported.
    cost : float or None
        Reward cost in [0, 1]; ``None`` where it was not reported.
    known_cost : float or None
        Reward cost that an earlier report told, and that was learned from then.
    """

    bucket: int
    tier: int
    predicted_quality: float
    predicted_cost: float
    lam: float
    quality_10: float | None
    cost: float | None
    known_cost: float | None = None


class Draw(Struct, frozen=True, gc=False):
    """Result of an epsilon-greedy draw."""

    tier: int
    explored: bool
    propensities: list[float]


def epsilon_greedy(
    greedy: int, explore: Sequence[int], *, epsilon: float, n_tiers: int, rng: Random
) -> Draw:
    """Draw a tier: the greedy one with probability ``1 - epsilon``, else any, uniformly.

    ``p_a = epsilon / |explore| [a in explore] + (1 - epsilon) [a = greedy]``.

    The order of the draws is part of the promise (a replay under the same stream decides the
    same): one ``rng.random()``, always; then, only where it lies below ``epsilon``, one
    ``rng.randrange(len(explore))``.

    Parameters
    ----------
    greedy : int
        Index of the greedy tier; it need not be among those that are explored.
    explore : sequence of int
        Indices of the tiers that a random draw may take, ascending; with none nothing is drawn
        at random.
    epsilon : float
        In [0, 1].
    n_tiers : int
        K, the length of ``propensities``.
    rng : random.Random
        Source of the draws.

    Examples
    --------
    >>> epsilon_greedy(1, [0, 1], epsilon=0.1, n_tiers=3, rng=Random(0))
    Draw(tier=1, explored=False, propensities=[0.05, 0.95, 0.0])
    """
    propensities = [0.0] * n_tiers
    if not explore:
        propensities[greedy] = 1.0
        rng.random()
        return Draw(greedy, False, propensities)
    share, others = epsilon / len(explore), 0
    for index in explore:
        if index != greedy:
            propensities[index] = share
            others += 1
    propensities[greedy] = 1.0 - share * others
    if rng.random() < epsilon:
        return Draw(explore[rng.randrange(len(explore))], True, propensities)
    return Draw(greedy, False, propensities)


def prior_rewards(prediction: Prediction, lam: float) -> list[float]:
    """Return ``10 quality - lambda cost`` of the model's own predictions, per tier."""
    pairs = zip(prediction.quality, prediction.cost)  # noqa: B905 - on the hot path
    return [10.0 * quality - lam * cost for quality, cost in pairs]


def argmax(values: Sequence[float], allowed: Sequence[int]) -> int:
    """Return the allowed index with the largest value; of equals the first, that is the cheapest.

    Examples
    --------
    >>> argmax([1.0, 3.0, 3.0], [0, 1, 2]), argmax([1.0, 3.0, 3.0], [0, 2])
    (1, 2)
    """
    best = allowed[0]
    most = values[best]
    for index in allowed:
        if values[index] > most:
            best, most = index, values[index]
    return best


def allowed_indices(tiers: TierSet, allowed: Collection[str]) -> list[int]:
    """Return the indices of the tiers that are named, ascending and each once.

    Raises
    ------
    TierError
        For a name the tier set does not hold, no name at all, or one string in place of a
        collection.
    """
    if isinstance(allowed, str):
        raise TierError(
            f"allowed is the string {allowed!r}, expected a collection of tier names; "
            f"write [{allowed!r}]"
        )
    indices = sorted({tiers.index(name) for name in allowed})
    if not indices:
        raise TierError(
            f"allowed is empty, so no tier is left; name at least one of {', '.join(tiers.names)}, "
            "or leave it out to allow all"
        )
    return indices
