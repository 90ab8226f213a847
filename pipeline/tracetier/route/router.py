"""The router: a model in front of a learner, a state store behind it.

    task -> predictor -> guards -> learner (choose, keep open) -> guards -> Decision
    feedback -> learner (update) -> store

The guards are the rules, caps and habits above the learner (`tracetier.route.guards`).

Safe to share between threads. Predictions are made outside the lock, and so is the writing of the
state: threads that wait for one write are served by the next together. What is decided, reported
and shared with other processes is the business of `tracetier.route.state.replica`.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tracetier.errors import StorageError, TracetierError
from tracetier.features.deciles import deciles_of
from tracetier.heads.accelerate import Accelerate, accelerated
from tracetier.heads.prior import Prediction
from tracetier.records import Decision, Task
from tracetier.route.call import Call
from tracetier.route.checked import checked_lam
from tracetier.route.choice import allowed_indices
from tracetier.route.decider import StateLike
from tracetier.route.model import Model, effective_outcomes
from tracetier.route.rewards import RewardRule
from tracetier.route.strategy import StrategyName, StrategyParams
from tracetier.route.token_mix import token_mixes
from tracetier.route.views import OpenDecision, Views
from tracetier.settings import Settings, load_settings

__all__ = ["OpenDecision", "Router", "StateLike", "checked_lam"]


class Router(Views):
    """Chooses a tier for each task, and learns from the outcomes that are reported.

    Parameters
    ----------
    predictor : Predictor
        Maps a task to its predictions per tier.
    prior : PriorStats
        Bucket means and spread of the predictions.
    tiers : TierSet
        K tiers, cheap to dear.
    cost_ref : float
        USD that make a reward cost of 1, >= 0.
    artifact_id : str
        Ties a state to the predictions it was learned on.
    lam : float
        Default lambda, >= 0: reward = quality (0-10) - lam * cost (0-1).
    state : str, path, StateStore or None
        Where what is learned is kept, see `open_state`; ``None`` keeps it in memory.
    strategy : {"residual", "thompson", "seed", "seed-warm", "greedy"}
        How to choose and learn; ``seed`` is the published rule started at 0 as it was published,
        ``seed-warm`` started from the model.
    params : optional
        Settings of the strategy; by default those of the stored state, else the strategy's own.
    seed : int, optional
        Makes exploration and decision ids reproducible, for experiments. By default both are
        unpredictable.
    rewards : mapping of str to RewardRule, optional
        What rewards that are reported by name say of quality.
    max_pending : int, optional
        Decisions kept open for a report; beyond it the oldest expires. By default as the stored
        state has it, else 100,000.
    pending_ttl_s : float, optional
        Seconds after which a decision is no longer waited for. By default as the stored state has
        it, else 30 days.
    reset : bool
        Start anew, and replace whatever the state holds with the first decision.
    settings : Settings, optional
        What stands above the learner: rules, caps, session, rollout and budget. By default nothing.
    budget_usd, budget_usd_per_day, saving, quality_floor : float, optional
        A goal to hold, at most one: USD per request or per day, share of the dear tier's cost to
        save, mean quality 0-10. By default that of the settings.
    budget_requests : int, optional
        Requests that ``budget_usd`` is for, where known: the sum then comes out within it.
    clock : callable
        Seconds since 1970.
    path : str, optional
        Where the artifact was loaded from.
    effective : mapping of str to float, optional
        Effective training outcomes by tier, where only logged choices were seen.
    deciles : Deciles, optional
        Of the training table's columns, for the alarm on inputs; by default it is off.
    tokens : mapping of str to TokenMix, optional
        What the calls of a tier were made of, to turn new prices into costs.

    Raises
    ------
    StateError
        If the stored state is damaged, of a future format, or of another artifact or strategy.
    SettingsError
        For an unknown strategy, a lambda out of range, or a rule, cap or goal that cannot be right.

    Examples
    --------
    >>> import numpy as np
    >>> from tracetier.heads.prior import Prediction, PriorStats
    >>> from tracetier.tiers import Tier, TierSet
    >>> class Fixed:
    ...     def predict(self, task):
    ...         return Prediction([0.6, 0.9], [0.001, 0.01], [0.1, 1.0], 0)
    >>> two, row = np.full(2, 0.01), np.array([[0.6, 0.9]])
    >>> prior = PriorStats(
    ...     buckets=("other",), n=np.array([50.0]), quality_mean=row, cost_mean=row,
    ...     quality_var=two, cost_var=two, quality_tau2=two, cost_tau2=two)
    >>> router = Router(predictor=Fixed(), prior=prior, cost_ref=0.01, artifact_id="a1", seed=0,
    ...     tiers=TierSet((Tier(name="low"), Tier(name="high"))))
    >>> decision = router.route(Task(text="Prove it."))
    >>> decision.tier, router.feedback(decision.decision_id, quality=8.0, cost_usd=0.01).new
    ('high', ('quality', 'cost_usd'))
    """

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        state: StateLike = None,
        strategy: StrategyName = "residual",
        lam: float | None = None,
        params: StrategyParams | None = None,
        seed: int | None = None,
        rewards: Mapping[str, RewardRule] | None = None,
        pending_ttl_s: float | None = None,
        reset: bool = False,
        settings: Settings | None = None,
        budget_usd: float | None = None,
        budget_usd_per_day: float | None = None,
        saving: float | None = None,
        quality_floor: float | None = None,
        budget_requests: int | None = None,
        accelerate: Accelerate = False,
        clock: Callable[[], float] = time.time,
    ) -> Self:
        """Return a router over the artifact at ``path``; ``lam`` is the artifact's by default.

        Of ``settings``, by default ``tracetier.toml`` and the environment, it takes what stands
        above the learner: ``[[rule]]``, ``[[cap]]``, ``[policy]``, ``[session]``, ``[rollout]`` and
        ``[budget]``; lambda, strategy and its settings are given here.

        With ``accelerate``, predictions go through code that numba compiles (extra ``fast``), with
        the same results: ``True`` compiles first, which takes seconds at the first start of a
        version, ``"auto"`` meanwhile, and only where numba is installed. See
        `tracetier.heads.accelerate`.

        A tier whose own prices in ``settings`` are no longer those of training is repriced, see
        `take_prices`.

        Raises
        ------
        ArtifactError
            If the artifact is missing, damaged or of a future format.
        StateError, SettingsError
            As the class says.
        """
        # A router composed by hand needs no reader of artifacts.
        from tracetier.artifact.load import load_artifact

        artifact = load_artifact(path)
        router = cls(
            predictor=accelerated(artifact.predictor, accelerate),
            prior=artifact.prior,
            tiers=artifact.tiers,
            cost_ref=artifact.cost_ref,
            artifact_id=artifact.artifact_id,
            lam=artifact.lam if lam is None else lam,
            state=state,
            strategy=strategy,
            params=params,
            seed=seed,
            rewards=rewards,
            pending_ttl_s=pending_ttl_s,
            reset=reset,
            settings=load_settings() if settings is None else settings,
            budget_usd=budget_usd,
            budget_usd_per_day=budget_usd_per_day,
            saving=saving,
            quality_floor=quality_floor,
            budget_requests=budget_requests,
            clock=clock,
            path=str(path),
            effective=effective_outcomes(artifact.metrics),
            deciles=deciles_of(artifact.metrics),
            tokens=token_mixes(artifact.metrics),
        )
        try:
            router.take_prices()
        except StorageError:
            pass  # a store that is away keeps nobody from starting; the next start takes them
        except TracetierError:
            router.close()
            raise
        return router

    def route(
        self,
        task: Task,
        *,
        lam: float | None = None,
        allowed: Collection[str] | None = None,
        trace_id: str | None = None,
    ) -> Decision:
        """Choose a tier for one task, and keep the decision open for its report.

        Parameters
        ----------
        task : Task
            What is known before the decision.
        lam : float, optional
            Lambda of this call, >= 0.
        allowed : collection of str, optional
            Names of the tiers that may be taken; by default all.
        trace_id : str, optional
            What `feedback_trace` will credit the decision by; by default the task's session.

        Returns
        -------
        Decision
            With the exact probability of every tier, what was believed of each, and reasons.

        Raises
        ------
        TierError
            For an allowed tier that is not declared, or none at all.
        PolicyError
            If the rules leave no tier for the task.
        CapError
            If a cap that refuses is reached.
        SettingsError
            For a lambda out of range.
        """
        return self._decide(task, self.lam if lam is None else checked_lam(lam), allowed, trace_id)

    def route_batch(
        self,
        tasks: Iterable[Task],
        *,
        lam: float | None = None,
        allowed: Collection[str] | None = None,
        trace_id: str | None = None,
    ) -> list[Decision]:
        """Choose a tier for each task, in their order; the same as `route` one by one."""
        lam = self.lam if lam is None else checked_lam(lam)
        if allowed is not None:
            allowed_indices(self.tiers, allowed)  # before the first is decided
        return [self._decide(task, lam, allowed, trace_id) for task in tasks]

    def route_calls(self, calls: Sequence[Call]) -> list[Decision | TracetierError]:
        """Choose a tier for each of several calls, in their order, in less time than one by one.

        What is wrong with a call, as `route` says, is answered in its place, and costs no other.
        """
        model = self._model
        ahead: Sequence[tuple[Model, Prediction] | None]
        try:
            ahead = [(model, each) for each in model.predict_many([call.task for call in calls])]
        except TracetierError:  # some of them may be good
            ahead = [None] * len(calls)
        answers: list[Decision | TracetierError] = []
        for call, foreseen in zip(calls, ahead):  # noqa: B905 - hot
            try:
                lam = self.lam if call.lam is None else checked_lam(call.lam)
                decision = self._decide(call.task, lam, call.allowed, call.trace_id, ahead=foreseen)
                answers.append(decision)
            except TracetierError as error:
                answers.append(error)
        return answers

    def save(self) -> None:
        """Store what waits, and fold the log of events into the stored document.

        Raises
        ------
        StorageError, StateError
            If the store refuses; what waits goes on waiting.
        """
        self._replica.save()

    def close(self) -> None:
        """Save and end; the router then takes no more calls. Closing twice does nothing."""
        with self._replica.lock:
            was_closed, self._is_closed = self._is_closed, True
        if was_closed:
            return
        try:
            self._replica.close()
        except TracetierError:
            self._is_closed = False
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
