"""A price on cost, such that what is spent (or scored) per request is what the goal grants.

    curve(p)  expected amount per request at price p, over the last 400 contexts and with what is
              believed *now*; solved anew every 25 decisions
    over      sum of (reported - granted), open decisions at their expectation
    target    = granted clip(1 - over / (H granted), .3, 2) / correction        H = 100, 50 where
                        over < 0, 250 where over > 0 and a tier costs more than 4 grants on average
    price     = the p at which curve(p) = target                              looked up every time
    a tier beyond 4 grants is taken only where there is room for it (see `lumpy`)

In the target, over counts a reserve: 12 requests' worth, or 1 % of the requests so far. Where the
end of the budget is known, the horizon H is what is left of it (see `horizon`).

The curve reacts at once to anything that is learned, so a tier that silently gets worse does not
send the spending up until an error has built up; the account over removes what the curve gets
wrong. The correction is the ratio of reports to expectations. Unused grant is kept, up to 50
requests' worth; where nothing more is wanted at any price it fades by 5 % a request, so that a
cheap time does not end in a burst. Tests and benchmarks show this; it is not proved.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from tracetier.heads.prior import Prediction
from tracetier.route.control.contexts import Contexts
from tracetier.route.control.curve import Beliefs, curve_scale, mean_amounts, price_for, price_grid
from tracetier.route.control.goal import SECONDS_A_DAY
from tracetier.route.control.horizon import Period, period_of, reserve
from tracetier.route.control.lumpy import LUMPY, room, see, seen_share
from tracetier.route.control.state import ControlState

WINDOW = 400
EVERY = 25
HORIZON_LUMPY, HORIZON_OVER, HORIZON_LEFT = 250.0, 100.0, 50.0
"""Requests over which an overdraft (with lumpy tiers, without) or a rest is evened out."""

_KEEP_BOUND, _MOST_OVER = 50.0, 300.0
_KEEP_FREE, _FREE = 0.95, 0.9
_RATE_LOW, _RATE_HIGH = 0.3, 2.0
_CORRECTION_KEEP, _CORRECTION_TRUST = 0.995, 50.0
_GOLDEN = 0.5 * (math.sqrt(5.0) - 1.0)
"""Its multiples are spread evenly over [0, 1): two prices take turns without a random draw."""
_QUALITY_UNIT = 0.02
"""What stands for a grant where limits are set for a quality floor: .2 of 10."""


class Scorer(Protocol):
    """The part of a strategy that a pacer asks."""

    def score_many(self, contexts: Contexts, lam: float) -> Beliefs:
        """Return what is believed of the tasks now."""
        ...


class Terms(NamedTuple):
    """On what terms one decision is taken: arguments of `Strategy.choose`.

    Attributes
    ----------
    price : float
        Points of reward per unit of reward cost.
    allowed, explore : list of int
        Tiers that may be taken, at least one; those that a random draw may take.
    """

    price: float
    allowed: Sequence[int]
    explore: Sequence[int]


class Pacer:
    """A goal at work on its `ControlState`, which it changes in place.

    Parameters
    ----------
    state : ControlState
    cost_ref_usd : float
        USD that make a reward cost of 1.
    contexts : sequence of Prediction
        Tasks to begin with, e.g. `prior_contexts` or out-of-fold predictions; at least one.
    """

    def __init__(
        self, state: ControlState, *, cost_ref_usd: float, contexts: Sequence[Prediction]
    ) -> None:
        self.state = state
        goal = state.goal
        self._cost_ref = cost_ref_usd
        self._is_quality = goal.quality_floor is not None
        self._horizon_over = HORIZON_OVER
        self._contexts = Contexts(WINDOW)
        for context in contexts:
            self._contexts.add(context)
        if goal.budget_usd is not None:
            state.grant = goal.budget_usd
        elif goal.quality_floor is not None:
            state.grant = goal.quality_floor / 10.0

    @property
    def price(self) -> float:
        """The price at the present state of the account."""
        state = self.state
        unit, period = self._unit, self._period
        if period is not None:
            rate = 1.0 - (self.over / unit + period.reserve) / period.left
        else:
            over = min(_MOST_OVER, max(-_KEEP_BOUND, self.over / unit))
            over += reserve(state.n_decided)
            # Overdrafts are also worked off by the rule on lumpy tiers, unused grant is not; and
            # one dear call paid back in a hurry, by cheap tiers, costs more quality than it gave.
            rate = 1.0 - over / (self._horizon_over if over > 0.0 else HORIZON_LEFT)
        if self._is_quality:
            ahead = min(2.0 * _KEEP_BOUND, max(-_KEEP_BOUND, self.over / unit))
            target = state.grant - ahead / HORIZON_LEFT * unit
        else:
            target = state.grant * min(_RATE_HIGH, max(_RATE_LOW, rate))
        turn = state.n_decided * _GOLDEN % 1.0
        return price_for(target / self._correction, state.log_price, state.amount, turn=turn)

    @property
    def over(self) -> float:
        """What is overdrawn (above 0) or left (below 0), open decisions at their expectation."""
        return self.state.over + self.state.open_sum - self.state.open_grant

    def terms(
        self,
        scorer: Scorer,
        prediction: Prediction,
        *,
        lam: float,
        allowed: Sequence[int],
        explore: Sequence[int] | None = None,
        time_s: float = 0.0,
    ) -> Terms:
        """Return the terms of the next decision; solves the curve where that is due."""
        state = self.state
        self._pass_time(time_s)
        if not state.log_price or state.since_solved >= EVERY:
            self._solve(scorer, lam)
        explore = allowed if explore is None else explore
        if self._is_quality:
            return Terms(self.price, allowed, explore)
        most = LUMPY * state.grant / (self._cost_ref or 1.0)
        cost = prediction.cost
        if max(cost) > most:
            base = state.base * self._correction
            within = room(
                self.over,
                grant=state.grant,
                base=base,
                period=self._period,
                n_decided=state.n_decided,
            )
            within /= self._cost_ref or 1.0
            allowed = [
                a
                for a in allowed
                if cost[a] <= most or seen_share(state.seen, a) * cost[a] <= within
            ] or [min(allowed, key=cost.__getitem__)]
        return Terms(self.price, allowed, [a for a in explore if a in allowed and cost[a] <= most])

    def decided(
        self, prediction: Prediction, tier: int, quality: Sequence[float], cost: Sequence[float]
    ) -> None:
        """Take account of a decision; ``quality`` and ``cost`` are what was believed, per tier."""
        state = self.state
        self._contexts.add(prediction)
        state.since_solved += 1
        state.n_decided += 1
        amount = quality[tier] if self._is_quality else self._usd(prediction, cost, tier)
        if state.goal.saving is not None:
            dearest = self._usd(prediction, cost, len(cost) - 1)
            own = (1.0 - state.goal.saving) * dearest
            weight = max(0.01, 1.0 / state.n_decided)
            state.grant += weight * (own - state.grant)
        state.expected = _CORRECTION_KEEP * state.expected + amount
        state.expected_n = _CORRECTION_KEEP * state.expected_n + 1.0
        state.open_sum += amount
        state.open_grant += self._per_request
        state.n_open += 1

    def settled(
        self,
        *,
        cost_usd: float | None = None,
        quality: float | None = None,
        tier: int | None = None,
        predicted_usd: float = 0.0,
    ) -> None:
        """Take account of a report (quality 0-1); one that lacks what the goal is about is lost.

        Call it once per decision: with the cost of a partial report, or when the rest has come.
        The tier and what the model predicted it to cost tell of a price that has changed.
        """
        if tier is not None and cost_usd is not None:
            see(self.state.seen, tier, cost_usd=cost_usd, predicted_usd=predicted_usd)
        amount = quality if self._is_quality else cost_usd
        if amount is None:
            self.lost()
            return
        state = self.state
        state.actual = _CORRECTION_KEEP * state.actual + amount
        state.actual_n = _CORRECTION_KEEP * state.actual_n + 1.0
        self._close(amount)

    def lost(self) -> None:
        """Take account of a decision whose report will not come: it counts as expected."""
        state = self.state
        if state.n_open:
            self._close(state.open_sum / state.n_open)

    def taken_back(self) -> None:
        """Forget an open decision that will be told of again; which one, is not known."""
        state = self.state
        state.n_decided = max(0, state.n_decided - 1)
        if state.n_open:
            state.open_sum -= state.open_sum / state.n_open
            state.open_grant -= state.open_grant / state.n_open
            state.n_open -= 1

    def _close(self, amount: float) -> None:
        state = self.state
        if state.n_open:
            grant = state.open_grant / state.n_open
            state.open_sum -= state.open_sum / state.n_open
            state.open_grant -= grant
            state.n_open -= 1
        else:
            grant = self._per_request
        state.over += amount - grant
        self._forget_surplus()

    def _forget_surplus(self) -> None:
        state = self.state
        if self._is_quality or not state.amount:
            return
        period = self._period
        keep = _KEEP_BOUND if period is None else max(_KEEP_BOUND, period.left)
        state.over = max(state.over, -keep * self._unit)
        # Where even the lowest price spends less than is granted nothing is being saved up for.
        if state.over < 0.0 and state.amount[-1] * self._correction < _FREE * state.grant:
            state.over *= _KEEP_FREE

    def _pass_time(self, time_s: float) -> None:
        state, per_day = self.state, self.state.goal.budget_usd_per_day
        if per_day is None:
            return
        per_second = per_day / SECONDS_A_DAY
        if state.last_s > 0.0 and time_s > state.last_s:
            gap = time_s - state.last_s
            weight = max(0.02, 1.0 / state.n_decided) if state.n_decided else 1.0
            state.gap_s += weight * (gap - state.gap_s)
            state.over -= per_second * gap
        state.last_s = max(time_s, state.last_s)
        state.grant = per_second * state.gap_s if state.gap_s > 0.0 else per_day / 1_000.0
        self._forget_surplus()

    def _solve(self, scorer: Scorer, lam: float) -> None:
        state, contexts = self.state, self._contexts
        if not contexts.refresh():
            raise ValueError("a pacer needs at least one context")
        beliefs = scorer.score_many(contexts, lam)
        cost = np.maximum(beliefs.cost, 0.0)
        usd = contexts.cost_usd * cost / np.maximum(contexts.cost, 1e-12)
        if state.goal.saving is not None and not state.grant:
            state.grant = (1.0 - state.goal.saving) * float(usd[:, -1].mean())
        is_lumpy = float(usd.mean(axis=0).max()) > LUMPY * state.grant
        self._horizon_over = HORIZON_LUMPY if is_lumpy else HORIZON_OVER
        around = self.price if state.log_price else 1.0
        prices = price_grid(around)
        amount = mean_amounts(prices, beliefs, beliefs.quality if self._is_quality else usd)
        state.log_price = curve_scale(prices)[::-1].tolist()
        state.amount = amount[::-1].tolist()
        # Of a day also before its first two requests tell how many there are.
        if state.goal.requests is not None or state.goal.budget_usd_per_day is not None:
            score = beliefs.reward + beliefs.optimism.at(self.price) * beliefs.sd
            score = score - self.price * cost
            score[contexts.cost_usd > LUMPY * state.grant] = -np.inf
            state.base = float(usd[np.arange(len(usd)), score.argmax(axis=1)].mean())
        state.since_solved = 0

    @property
    def _period(self) -> Period | None:
        state = self.state
        return period_of(
            state.goal, n_decided=state.n_decided, time_s=state.last_s, gap_s=state.gap_s
        )

    def _usd(self, prediction: Prediction, believed: Sequence[float], tier: int) -> float:
        predicted = max(prediction.cost[tier], 1e-12)
        return prediction.cost_usd[tier] * max(believed[tier], 0.0) / predicted

    @property
    def _unit(self) -> float:
        return _QUALITY_UNIT if self._is_quality else max(self.state.grant, 1e-12)

    @property
    def _per_request(self) -> float:
        return 0.0 if self.state.goal.budget_usd_per_day is not None else self.state.grant

    @property
    def _correction(self) -> float:
        """Reports over expectations, shrunk towards 1 as if 50 had met theirs."""
        state = self.state
        trust = _CORRECTION_TRUST
        scale = self._unit if not self._is_quality else state.grant
        actual = (state.actual + trust * scale) / (state.actual_n + trust)
        expected = (state.expected + trust * scale) / (state.expected_n + trust)
        return min(3.0, max(1.0 / 3.0, actual / expected)) if math.isfinite(actual) else 1.0
