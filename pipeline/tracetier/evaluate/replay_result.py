"""What a replay found, as plain records that turn into JSON or a page."""

from typing import Any

import msgspec
from msgspec import Struct

from tracetier.evaluate.number_format import counted, scaled
from tracetier.evaluate.scenario import Scenario
from tracetier.measures.bootstrap import Interval


class PhaseReplay(Struct, frozen=True, kw_only=True):
    """One strategy between two events of the scenario, over all orders.

    Attributes
    ----------
    start, end : int
        Decisions, the end exclusive.
    quality, cost_usd : Interval
        Means per task.
    cost_share : Interval or None
        Mean cost over the budget per task, where there is one.
    most : float or None
        The largest of it over the orders.
    share : dict of str to float
        Share of decisions per tier.
    """

    start: int
    end: int
    quality: Interval
    cost_usd: Interval
    cost_share: Interval | None
    most: float | None
    share: dict[str, float]


class StrategyReplay(Struct, frozen=True, kw_only=True):
    """One strategy over all orders; a list has an entry per checkpoint.

    Attributes
    ----------
    regret_oracle, regret_bucket : list of Interval
        Cumulative regret, in units of reward (0-10), against the best tier of each task in
        hindsight and against the best fixed tier of each bucket.
    reward, quality, cost_usd : list of Interval
        Means so far.
    explored : float
        Share of decisions drawn at random.
    share : dict of str to float
        Share of decisions per tier.
    phases : list of PhaseReplay
        Between the events of the scenario; one phase where there are none.
    spent : list of float
        Least and largest cost over budget of a whole order; empty without a budget per task.
    """

    regret_oracle: list[Interval]
    regret_bucket: list[Interval]
    reward: list[Interval]
    quality: list[Interval]
    cost_usd: list[Interval]
    explored: float
    share: dict[str, float]
    phases: list[PhaseReplay] = []
    spent: list[float] = []


class VersusBaseline(Struct, frozen=True, kw_only=True):
    """The strategy against a baseline on the same orders; a list has an entry per checkpoint.

    Attributes
    ----------
    regret_ratio : list of Interval
        Of the mean regrets against the oracle; below 1 the strategy misses less.
    regret_difference : list of Interval
        Of the regrets against the best tier per bucket; below 0 the strategy misses less.
    n_better, n_worse : list of int
        Orders in which the strategy's regret against the oracle is smaller, larger.
    p_value : list of float
        Two-sided sign test on the two counts.
    """

    regret_ratio: list[Interval]
    regret_difference: list[Interval]
    n_better: list[int]
    n_worse: list[int]
    p_value: list[float]


class Replay(Struct, frozen=True, kw_only=True):
    """What a strategy would have done, learning as it went.

    Attributes
    ----------
    artifact_id, table, strategy : str
    tiers : tuple of str
        Cheap to dear.
    lam : float
        Lambda, the mean one where a budget mixes two.
    budget_usd : float or None
        Mean USD per task that a pacer held; lambda is then what it comes to by the predictions
        alone, and serves the yardsticks only.
    seed, orders, n_tasks, n_left_out, n_out_of_fold : int
        Tasks that lack an outcome are left out; those of training are predicted out of fold.
    checkpoints : tuple of int
        Decisions after which figures are told, the end last.
    strategies : dict of str to StrategyReplay
        The strategy and its baselines.
    versus : dict of str to VersusBaseline
    oracle_reward, bucket_reward : float
        Mean reward of the two yardsticks.
    scenario : Scenario
        What happened on the way.
    """

    artifact_id: str
    table: str
    strategy: str
    tiers: tuple[str, ...]
    lam: float
    budget_usd: float | None
    seed: int
    orders: int
    n_tasks: int
    n_left_out: int
    n_out_of_fold: int
    checkpoints: tuple[int, ...]
    strategies: dict[str, StrategyReplay]
    versus: dict[str, VersusBaseline]
    oracle_reward: float
    bucket_reward: float
    scenario: Scenario = Scenario()

    def summary(self) -> dict[str, Any]:  # Any: the shape of JSON
        """Return everything as JSON-ready data; what is undefined is ``None``."""
        found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        found["headline"] = self.headline
        return found

    @property
    def headline(self) -> str:
        """The one sentence to remember."""
        own = self.strategies[self.strategy]
        text = (
            f"Over {counted(self.orders, 'order')} of {self.n_tasks:,} tasks, {self.strategy} "
            f"scored {scaled(own.quality[-1], '.2f', scale=10.0)} of 10 at "
            f"{scaled(own.cost_usd[-1], '.3g', unit=' USD')} per task"
        )
        for name, versus in self.versus.items():
            text += f"; regret {scaled(versus.regret_ratio[-1], '.3f')} times that of {name}"
        return text + "."
