"""What lambda shall do: keep a budget, keep a quality, or save a share; and who does it better.

Lambda is solved on out-of-fold predictions. Beside the router at that lambda stand the fixed tiers
and their mixtures, and the incumbent (what the logs did, or a declared tier): where one of them
meets the goal with more quality, or for less money, the answer says so.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tracetier.errors import SettingsError
from tracetier.measures.frontier import QUALITY_SCALE, Frontier, sweep
from tracetier.measures.hull import cost_at, mixture_at, upper_hull
from tracetier.measures.spending import MOST_OVERSPENDING, overspending

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

ROUTER = "router"
_ROUNDING = 1e-9


class Goal(Struct, frozen=True, kw_only=True):
    """At most one of four ways to set lambda.

    Attributes
    ----------
    lam : float, optional
        Lambda itself, at least 0.
    budget_usd : float, optional
        Mean cost per task, USD.
    quality_floor : float, optional
        Mean quality, 0-10.
    saving : float, optional
        Share of the dearest tier's mean cost, in [0, 1); .5 is half of its cost.
    """

    lam: float | None = None
    budget_usd: float | None = None
    quality_floor: float | None = None
    saving: float | None = None

    def check(self) -> None:
        """Raise ``SettingsError`` where two are given, or one is out of its range."""
        given = (self.lam, self.budget_usd, self.quality_floor, self.saving)
        if sum(value is not None for value in given) > 1:
            raise SettingsError(
                "lam, budget_usd, quality_floor and saving each set lambda; give one of them"
            )
        if self.lam is not None and not 0.0 <= self.lam < math.inf:
            raise SettingsError(f"lam is {self.lam:g}, must be a finite number >= 0")
        if self.saving is not None and not 0.0 <= self.saving < 1.0:
            raise SettingsError(
                f"saving is {self.saving:g}, must be a share of the dearest tier's cost from 0 to "
                "below 1; .5 is half of its cost"
            )

    @property
    def needs_solving(self) -> bool:
        """Whether it is told by what lambda does and not by lambda."""
        told = (self.budget_usd, self.quality_floor, self.saving)
        return any(value is not None for value in told)

    @property
    def floor(self) -> float | None:
        """The quality to keep, in [0, 1]."""
        return None if self.quality_floor is None else self.quality_floor / QUALITY_SCALE

    def budget(self, tier_cost_usd: Vector) -> float:
        """Return what a task may cost on average, USD, by the tiers' mean costs, ``(K,)``."""
        if self.budget_usd is not None:
            return self.budget_usd
        assert self.saving is not None
        return (1.0 - self.saving) * float(tier_cost_usd.max())

    def __str__(self) -> str:
        if self.budget_usd is not None:
            return f"a budget of {self.budget_usd:.3g} USD per task"
        if self.quality_floor is not None:
            return f"a quality floor of {self.quality_floor:.3g} (of 10)"
        if self.saving is not None:
            return f"a saving of {100 * self.saving:.3g} % of the dearest tier's cost"
        return "lambda" if self.lam is None else f"lambda {self.lam:g}"


class Outcomes(NamedTuple):
    """What lambda is solved on: n tasks, K tiers.

    Attributes
    ----------
    q_hat, c_hat : (n, K) arrays
        Out-of-fold predictions: quality in [0, 1], and reward cost.
    quality, cost_usd : (n, K) arrays
        Outcomes in [0, 1] and USD, or unbiased pseudo-outcomes of them.
    folds : (n,) array of int
        By task group; ``spending.overspending`` is told by them.
    """

    q_hat: Matrix
    c_hat: Matrix
    quality: Matrix
    cost_usd: Matrix
    folds: NDArray[np.int64]


class InUse(NamedTuple):
    """The incumbent: how it is called, its mean quality in [0, 1] and its mean cost, USD."""

    name: str
    quality: float
    cost_usd: float

    @classmethod
    def of_tier(cls, tier: int, name: str, outcomes: Outcomes) -> "InUse":
        """Take the declared tier ``name``, at place ``tier``, for the incumbent."""
        quality, cost_usd = outcomes.quality[:, tier].mean(), outcomes.cost_usd[:, tier].mean()
        return cls(f"the incumbent {name}", float(quality), float(cost_usd))

    @classmethod
    def of_logs(cls, quality: Matrix, cost_usd: Matrix) -> "InUse":
        """Take what the logs did for it: outcomes are ``nan`` where a tier was not seen.

        On a row of which several tiers were seen the log counts as their mean.

        Examples
        --------
        >>> nan = np.nan
        >>> InUse.of_logs(np.array([[1.0, nan], [nan, 0.5]]), np.array([[1.0, nan], [nan, 5.0]]))
        InUse(name='what the logs did', quality=0.75, cost_usd=3.0)
        """
        known = ~(np.isnan(quality) | np.isnan(cost_usd))
        rows = known.any(axis=1)
        means = (
            np.where(known, each, 0.0)[rows].sum(axis=1) / known[rows].sum(axis=1)
            for each in (quality, cost_usd)
        )
        return cls("what the logs did", *(float(each.mean()) for each in means))


class Standing(Struct, frozen=True, kw_only=True):
    """A candidate: its mean quality, 0-1, its mean cost, and whether it meets the goal."""

    name: str
    quality: float
    cost_usd: float
    meets: bool


class GoalAnswer(Struct, frozen=True, kw_only=True):
    """The lambda for a goal, and what stands beside it.

    Attributes
    ----------
    goal : str
    lam : float
    best : str
        Name of the candidate that does best within the goal; the router where it is as good.
    candidates : tuple of Standing
        The router first.
    """

    goal: str
    lam: float
    best: str
    candidates: tuple[Standing, ...]

    @property
    def sentence(self) -> str:
        """Say who does best."""
        router = self.candidates[0]
        told = (
            f"for {self.goal}, lambda {self.lam:.3g} gives quality "
            f"{QUALITY_SCALE * router.quality:.2f} at {router.cost_usd:.3g} USD per task"
        )
        if self.best == ROUTER:
            others = ", ".join(each.name for each in self.candidates[1:])
            return f"{told}; nothing else does better ({others})"
        best = next(each for each in self.candidates if each.name == self.best)
        return (
            f"{told}, but {best.name} does better: {QUALITY_SCALE * best.quality:.2f} at "
            f"{best.cost_usd:.3g} USD; keep to that, or gather more traces"
        )


def solve_goal(
    outcomes: Outcomes,
    goal: Goal,
    tiers: Sequence[str],
    *,
    incumbent: InUse | None = None,
) -> GoalAnswer:
    """Find the lambda that does best within a goal, and hold it against the other candidates.

    Parameters
    ----------
    outcomes : Outcomes
    goal : Goal
        One that needs solving.
    tiers : sequence of str, length K
    incumbent : InUse, optional

    Raises
    ------
    SettingsError
        If no policy meets the goal.

    Examples
    --------
    Nothing is predicted, so a mixture of the tiers is all there is; lambda has only their ends:

    >>> flat = np.tile([0.5, 0.6], (4, 1)), np.tile([0.1, 1.0], (4, 1))
    >>> truth = np.tile([0.4, 0.8], (4, 1)), np.tile([1.0, 5.0], (4, 1))
    >>> found = solve_goal(
    ...     Outcomes(*flat, *truth, np.arange(4)), Goal(budget_usd=3.0), ("low", "high"),
    ...     incumbent=InUse("what the logs did", 0.5, 3.0))
    >>> found.best, [round(each.quality, 2) for each in found.candidates]
    ('50 % low, 50 % high at random', [0.4, 0.6, 0.5])
    """
    q_hat, c_hat, quality, cost_usd, _ = outcomes
    found = sweep(q_hat, c_hat, quality, cost_usd)
    tier_cost, floor = cost_usd.mean(axis=0), goal.floor
    if floor is not None:
        at, most = _above(found, floor), math.inf
    else:
        most = cautious_budget(outcomes, goal)
        at = _within(found, most, goal.budget(tier_cost))
    beside = [_of_fixed(quality.mean(axis=0), tier_cost, tiers, floor, most)]
    if incumbent is not None:
        name, own_quality, own_cost = incumbent
        meets = own_cost <= most if floor is None else own_quality >= floor
        beside.append(Standing(name=name, quality=own_quality, cost_usd=own_cost, meets=meets))
    router = Standing(
        name=ROUTER,
        quality=float(found.quality[at]),
        cost_usd=float(found.cost_usd[at]),
        meets=True,
    )
    candidates = (router, *(each for each in beside if each is not None))
    best = router
    for each in candidates[1:]:
        ahead = (
            each.quality - best.quality
            if floor is None
            else (best.cost_usd - each.cost_usd) / max(best.cost_usd, each.cost_usd)
        )
        if each.meets and ahead > _ROUNDING:
            best = each
    return GoalAnswer(
        goal=str(goal), lam=float(found.lam[at]), best=best.name, candidates=candidates
    )


def cautious_budget(outcomes: Outcomes, goal: Goal) -> float:
    """Return the budget, USD, less what a policy set for it overspends on other tasks."""
    budget_usd = goal.budget(outcomes.cost_usd.mean(axis=0))
    over = overspending(*outcomes, budget_usd)
    return budget_usd / min(max(over, 1.0), MOST_OVERSPENDING)


def _within(found: Frontier, cautious_usd: float, budget_usd: float) -> int:
    """Best quality at the cautious budget; at least the cheapest policy."""
    cheapest = float(found.cost_usd.min())
    if not budget_usd >= cheapest:
        raise SettingsError(
            f"a budget of {budget_usd:.3g} USD per task is below {cheapest:.3g} USD, "
            "the mean cost of the cheapest policy; raise the budget, or add a cheaper tier"
        )
    within = np.flatnonzero(found.cost_usd <= max(cautious_usd, cheapest))
    return int(within[found.quality[within].argmax()])


def _above(found: Frontier, quality: float) -> int:
    """Least cost at this quality."""
    above = np.flatnonzero(found.quality >= quality)
    if not above.size:
        raise SettingsError(
            f"a quality floor of {QUALITY_SCALE * quality:.3g} (of 10) is above "
            f"{QUALITY_SCALE * found.quality.max():.3g}, the best that any policy reaches; "
            "lower the floor"
        )
    return int(above[found.cost_usd[above].argmin()])


def _of_fixed(
    quality: Vector, cost_usd: Vector, tiers: Sequence[str], floor: float | None, most_usd: float
) -> Standing | None:
    """Return the mixture of fixed tiers that does best within the goal; ``None`` if none does."""
    hull = upper_hull(cost_usd, quality)
    spent = min(most_usd, float(hull.cost[-1])) if floor is None else cost_at(hull, floor)
    if not spent >= hull.cost[0]:  # nan where the floor is above all
        return None
    mix = mixture_at(hull, spent)
    parts = ((1.0 - mix.p_dear, mix.cheap), (mix.p_dear, mix.dear))
    taken = [(part, tiers[tier]) for part, tier in parts if part > 0.0]
    name = (
        f"always {taken[0][1]}"
        if len(taken) == 1
        else f"{', '.join(f'{100 * part:.0f} % {tier}' for part, tier in taken)} at random"
    )
    return Standing(
        name=name,
        quality=float(sum(part * quality[tier] for part, tier in parts)),
        cost_usd=float(sum(part * cost_usd[tier] for part, tier in parts)),
        meets=True,
    )
