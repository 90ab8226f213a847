"""The strategies behind one small Protocol, by name.

A new strategy is a file with a state and a class, and one line in each of the tables here; the
conformance suite in the tests then finds it by itself.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Literal, Protocol, get_args

from msgspec import structs

from tracetier.errors import SettingsError
from tracetier.heads.prior import Prediction, PriorStats
from tracetier.route.channel import Innovation
from tracetier.route.choice import Choice, Predicted, Report
from tracetier.route.control.contexts import Contexts
from tracetier.route.control.curve import Beliefs
from tracetier.route.greedy import GreedyParams, GreedyState, GreedyStrategy, start_greedy
from tracetier.route.residual import (
    ResidualParams,
    ResidualState,
    ResidualStrategy,
    start_residual,
)
from tracetier.route.seed import SeedParams, SeedState, SeedStrategy, start_seed
from tracetier.route.tally import Tally
from tracetier.route.thompson import (
    ThompsonParams,
    ThompsonState,
    ThompsonStrategy,
    start_thompson,
)

StrategyName = Literal["residual", "seed", "seed-warm", "greedy", "thompson"]
StrategyParams = ResidualParams | SeedParams | GreedyParams | ThompsonParams
StrategyState = ResidualState | SeedState | GreedyState | ThompsonState


class Strategy(Protocol):
    """Decides on a tier and learns from reports. Holds no clock, file or random state."""

    @property
    def state(self) -> StrategyState:
        """All that was learned; what the state document keeps."""
        ...

    def choose(
        self,
        prediction: Prediction,
        *,
        lam: float,
        allowed: Sequence[int],
        tally: Tally,
        rng: Random,
        price: float = 0.0,
        explore: Sequence[int] | None = None,
    ) -> Choice:
        """Choose among the ``allowed`` indices (ascending, at least one); change nothing.

        ``price`` is taken off the score per unit of believed reward cost, beside lambda;
        ``explore`` are those of the allowed tiers that a random draw may take, by default all.
        """
        ...

    def score_many(self, contexts: Contexts, lam: float) -> Beliefs:
        """Return what is believed now of many tasks; for a pacer."""
        ...

    def observe(self, seen: Predicted) -> None:
        """Take notice of what a decision was taken on."""
        ...

    def update(self, report: Report) -> Innovation | None:
        """Learn from one report; return what it told, where drift is looked for."""
        ...

    def q(self, bucket: int, lam: float) -> list[float]:
        """Return Q per tier in a bucket, in units of reward."""
        ...

    def prior_q(self, bucket: int, lam: float) -> list[float]:
        """Return what Q would be without any report."""
        ...

    def n_reports(self, bucket: int) -> list[int]:
        """Return the reports per tier that Q of the bucket rests on."""
        ...


def _residual(prior: PriorStats, params: StrategyParams | None, lam: float) -> Strategy:
    own = ResidualParams() if params is None else params
    if not isinstance(own, ResidualParams) or isinstance(own, ThompsonParams):
        raise _wrong_params("residual", own)
    return ResidualStrategy(start_residual(prior, own))


def _seed(prior: PriorStats, params: StrategyParams | None, lam: float) -> Strategy:
    own = SeedParams() if params is None else params
    if not isinstance(own, SeedParams):
        raise _wrong_params("seed", own)
    return SeedStrategy(start_seed(prior, own, lam=lam))


def _seed_warm(prior: PriorStats, params: StrategyParams | None, lam: float) -> Strategy:
    if params is None:
        return _seed(prior, SeedParams(is_warm=True), lam)
    if isinstance(params, SeedParams):
        return _seed(prior, structs.replace(params, is_warm=True), lam)
    raise _wrong_params("seed-warm", params)


def _greedy(prior: PriorStats, params: StrategyParams | None, lam: float) -> Strategy:
    own = GreedyParams() if params is None else params
    if not isinstance(own, GreedyParams):
        raise _wrong_params("greedy", own)
    return GreedyStrategy(start_greedy(prior, own))


def _thompson(prior: PriorStats, params: StrategyParams | None, lam: float) -> Strategy:
    own = ThompsonParams() if params is None else params
    if not isinstance(own, ThompsonParams):
        raise _wrong_params("thompson", own)
    return ThompsonStrategy(start_thompson(prior, own))


STRATEGIES: dict[StrategyName, Callable[[PriorStats, StrategyParams | None, float], Strategy]] = {
    "residual": _residual,
    "seed": _seed,
    "seed-warm": _seed_warm,
    "greedy": _greedy,
    "thompson": _thompson,
}
"""Name -> factory of a strategy without reports, from the prior, settings and default lambda."""


def start_strategy(
    name: str, prior: PriorStats, *, params: StrategyParams | None, lam: float
) -> Strategy:
    """Return the strategy of that name before any decision.

    Raises
    ------
    SettingsError
        For an unknown name, or settings of another strategy.
    """
    for known, factory in STRATEGIES.items():
        if known == name:
            return factory(prior, params, lam)
    raise SettingsError(
        f"strategy {name!r} is not known; known: {', '.join(get_args(StrategyName))}"
    )


def resume_strategy(state: StrategyState) -> Strategy:
    """Return the strategy that continues from ``state``, and changes it in place."""
    if isinstance(state, ThompsonState):
        return ThompsonStrategy(state)
    if isinstance(state, ResidualState):
        return ResidualStrategy(state)
    if isinstance(state, SeedState):
        return SeedStrategy(state)
    return GreedyStrategy(state)


def strategy_name(state: StrategyState) -> str:
    """Return the name of the strategy that a state belongs to.

    The published rule is two: ``seed`` started at 0 as it was published, ``seed-warm`` from the
    model. Both keep one kind of state, whose settings tell which it is.
    """
    if isinstance(state, SeedState) and state.params.is_warm:
        return "seed-warm"
    return str(state.__struct_config__.tag)


def replace_params(state: StrategyState, params: StrategyParams) -> StrategyState:
    """Return the same state under other settings of the same strategy."""
    return structs.replace(state, params=params)


def _wrong_params(name: str, params: StrategyParams) -> SettingsError:
    own = name.partition("-")[0].capitalize()
    return SettingsError(
        f"strategy {name!r} was given {type(params).__name__}; "
        f"give {own}Params, or no params for the defaults"
    )
