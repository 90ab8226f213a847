"""One policy chosen beforehand for a budget, a quality floor or a saving.

Calibration sweeps lambda over tasks with known outcomes and out-of-fold predictions, adds the
fixed tiers, and takes the hull of all of them. Any point of that hull is a mixture of two
policies, so the target is met exactly on the calibration tasks, and the result is never below
the hull of the fixed tiers there. What it gives on other tasks is for a held-out set to say.
"""

from typing import NamedTuple, Self

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tracetier.errors import SettingsError
from tracetier.measures.frontier import N_POINTS, Choices, choose_tiers, sweep
from tracetier.measures.hull import Hull, cost_at, mixture_at, quality_at, upper_hull

Matrix = NDArray[np.float64]


class Policy(Struct, frozen=True, kw_only=True):
    """Either the best predicted reward at ``lam``, or always ``tier``; the other is ``None``."""

    lam: float | None = None
    tier: int | None = None

    def choose(self, q_hat: Matrix, c_hat: Matrix) -> Choices:
        """Return the tier of each task, ``(n,)``."""
        if self.tier is not None:
            return np.full(len(q_hat), self.tier, dtype=np.intp)
        assert self.lam is not None
        return choose_tiers(q_hat, c_hat, self.lam)


class OperatingPoint(Struct, frozen=True, kw_only=True):
    """A policy, or a mixture of two drawn anew for each task.

    Attributes
    ----------
    cheap, dear : Policy
        By their mean cost on the calibration tasks; the same where nothing is mixed.
    p_dear : float
        Probability of ``dear``, in [0, 1].
    quality, cost_usd : float
        Expected on the calibration tasks, in [0, 1] and USD.

    Examples
    --------
    >>> always = OperatingPoint(
    ...     cheap=Policy(tier=0), dear=Policy(tier=1), p_dear=0.25, quality=0.6, cost_usd=2.0
    ... )
    >>> always.probabilities(np.zeros((1, 2)), np.zeros((1, 2)))
    array([[0.75, 0.25]])
    """

    cheap: Policy
    dear: Policy
    p_dear: float
    quality: float
    cost_usd: float

    def probabilities(self, q_hat: Matrix, c_hat: Matrix) -> Matrix:
        """Return the probability of each tier, ``(n, K)``; rows sum to 1.

        Parameters
        ----------
        q_hat, c_hat : (n, K) arrays
            Predicted quality in [0, 1] and reward cost.
        """
        rows, found = np.arange(len(q_hat)), np.zeros(q_hat.shape)
        found[rows, self.cheap.choose(q_hat, c_hat)] += 1.0 - self.p_dear
        found[rows, self.dear.choose(q_hat, c_hat)] += self.p_dear
        return found

    def choose(self, q_hat: Matrix, c_hat: Matrix, rng: np.random.Generator) -> Choices:
        """Draw a tier for each task, ``(n,)``, with ``probabilities``."""
        is_dear = rng.random(len(q_hat)) < self.p_dear
        dear, cheap = self.dear.choose(q_hat, c_hat), self.cheap.choose(q_hat, c_hat)
        return np.asarray(np.where(is_dear, dear, cheap))


class Calibration(NamedTuple):
    """All policies that calibration may choose among.

    Attributes
    ----------
    hull : Hull
        Its ``point`` points into ``policies``.
    policies : list of Policy
        The fixed tiers, cheap to dear, then the sweep.
    tier_quality, tier_cost_usd : (K,) array
        Means of the fixed tiers.
    """

    hull: Hull
    policies: list[Policy]
    tier_quality: NDArray[np.float64]
    tier_cost_usd: NDArray[np.float64]

    @classmethod
    def fit(
        cls,
        q_hat: Matrix,
        c_hat: Matrix,
        quality: Matrix,
        cost_usd: Matrix,
        *,
        n_points: int = N_POINTS,
    ) -> Self:
        """Calibrate on tasks whose outcomes are all known.

        Parameters
        ----------
        q_hat, c_hat : (n, K) arrays
            Out-of-fold predictions: quality in [0, 1], and reward cost.
        quality, cost_usd : (n, K) arrays
            Outcomes, in [0, 1] and USD.
        n_points : int
            Policies of the sweep.
        """
        found = sweep(q_hat, c_hat, quality, cost_usd, n_points=n_points)
        tier_quality, tier_cost = quality.mean(axis=0), cost_usd.mean(axis=0)
        policies = [Policy(tier=tier) for tier in range(quality.shape[1])]
        policies += [Policy(lam=float(lam)) for lam in found.lam]
        hull = upper_hull(
            np.concatenate([tier_cost, found.cost_usd]),
            np.concatenate([tier_quality, found.quality]),
        )
        return cls(hull, policies, tier_quality, tier_cost)

    @property
    def reference(self) -> int:
        """The best fixed tier; of equals the cheaper."""
        return reference_tier(self.tier_quality, self.tier_cost_usd)

    def at_cost(self, cost_usd: float) -> OperatingPoint:
        """Spend this on average, or less where more buys nothing.

        Parameters
        ----------
        cost_usd : float
            Budget in USD per task.

        Raises
        ------
        SettingsError
            If even the cheapest policy costs more.
        """
        cheapest = float(self.hull.cost[0])
        if not cost_usd >= cheapest:
            raise SettingsError(
                f"a budget of {cost_usd:.3g} USD per task is below {cheapest:.3g} USD, the mean "
                "cost of the cheapest policy; raise the budget, or add a cheaper tier"
            )
        mix = mixture_at(self.hull, cost_usd)
        return OperatingPoint(
            cheap=self.policies[mix.cheap],
            dear=self.policies[mix.dear],
            p_dear=mix.p_dear,
            quality=float(quality_at(self.hull, cost_usd)),
            cost_usd=min(cost_usd, float(self.hull.cost[-1])),
        )

    def at_quality(self, quality: float) -> OperatingPoint:
        """Reach this quality on average for the least cost.

        Parameters
        ----------
        quality : float
            In [0, 1].

        Raises
        ------
        SettingsError
            If no policy is that good.
        """
        cost = cost_at(self.hull, quality)
        if np.isnan(cost):
            raise SettingsError(
                f"a quality floor of {quality:.3f} (of 1) is above {self.hull.quality[-1]:.3f}, "
                "the best that any policy reaches on the calibration tasks; lower the floor"
            )
        return self.at_cost(cost)

    def at_fraction(self, fraction: float) -> OperatingPoint:
        """Keep this fraction of the best fixed tier's quality for the least cost."""
        return self.at_quality(fraction * float(self.tier_quality[self.reference]))

    def at_saving(self, saving: float) -> OperatingPoint:
        """Save this share of the best fixed tier's cost at the best quality.

        Parameters
        ----------
        saving : float
            Below 1.
        """
        return self.at_cost((1.0 - saving) * float(self.tier_cost_usd[self.reference]))


def reference_tier(tier_quality: NDArray[np.float64], tier_cost: NDArray[np.float64]) -> int:
    """Tier that savings are told against: the best one on average; of equals the cheaper.

    Examples
    --------
    >>> reference_tier(np.array([0.5, 0.9, 0.9]), np.array([1.0, 2.0, 9.0]))
    1
    """
    return int(np.lexsort((tier_cost, -tier_quality))[0])
