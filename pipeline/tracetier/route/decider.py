"""Where decisions are made: model, guards, learner and store under one lock.

A decision is made with the model and the tiers of one moment. Where the state meanwhile has others,
since they were changed here or by another process, it is made anew with those.
"""

import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from random import Random

from tracetier.errors import StateError, TracetierError
from tracetier.features.deciles import Deciles
from tracetier.heads.prior import Prediction, Predictor, PriorStats
from tracetier.records import Decision, Task
from tracetier.route.batch_depth import BatchDepth
from tracetier.route.checked import checked_bound, checked_lam, checked_ttl
from tracetier.route.choice import allowed_indices
from tracetier.route.decision import Made, decision_of, event_of
from tracetier.route.event import bounded_id
from tracetier.route.guard_settings import caps_of, declared, guard_params
from tracetier.route.guards import Guards
from tracetier.route.input_drift import TaskSampler, sampler_for
from tracetier.route.learner import start_document
from tracetier.route.live import LiveAccounts, goal_of
from tracetier.route.model import Base, Model, base_at
from tracetier.route.resume import Wanted, join_store
from tracetier.route.rewards import RewardMap, RewardRule
from tracetier.route.state.follower import new_epoch
from tracetier.route.state.store import StateStore, open_state
from tracetier.route.strategy import StrategyName, StrategyParams, strategy_name
from tracetier.route.token_mix import TokenMix
from tracetier.settings import Settings
from tracetier.tiers import TierSet

_BASES_KEPT = 2
"""Models that are kept at hand beside the first, the newest: one a night would fill the memory."""

StateLike = str | os.PathLike[str] | StateStore | None


class Decider:
    """A router without its verbs; see `Router` for what it is given."""

    def __init__(
        self,
        *,
        predictor: Predictor,
        prior: PriorStats,
        tiers: TierSet,
        cost_ref: float,
        artifact_id: str,
        lam: float = 0.3,
        state: StateLike = None,
        strategy: StrategyName = "residual",
        params: StrategyParams | None = None,
        seed: int | None = None,
        rewards: Mapping[str, RewardRule] | None = None,
        max_pending: int | None = None,
        pending_ttl_s: float | None = None,
        reset: bool = False,
        settings: Settings | None = None,
        budget_usd: float | None = None,
        budget_usd_per_day: float | None = None,
        saving: float | None = None,
        quality_floor: float | None = None,
        budget_requests: int | None = None,
        clock: Callable[[], float] = time.time,
        path: str | None = None,
        effective: Mapping[str, float] | None = None,
        deciles: Deciles | None = None,
        tokens: Mapping[str, TokenMix] | None = None,
    ) -> None:
        self.lam = checked_lam(lam)
        is_bare = settings is None
        self._settings = settings = settings or Settings()
        self._clock = clock
        base = Base(
            predictor=predictor,
            prior=prior,
            tiers=declared(tiers, settings),
            cost_ref=cost_ref,
            artifact_id=artifact_id,
            path=path,
            effective=dict(effective or {}),
            deciles=deciles,
            trained=tiers,
            tokens=dict(tokens or {}),
        )
        self._bases = {artifact_id: base}
        self._model = Model(base)
        self._watched: str | None = None
        self._inputs: TaskSampler | None = None
        goal = goal_of(
            budget_usd=budget_usd,
            budget_usd_per_day=budget_usd_per_day,
            saving=saving,
            quality_floor=quality_floor,
            requests=budget_requests,
        ) or goal_of(
            budget_usd=settings.budget_usd,
            budget_usd_per_day=settings.budget_usd_per_day,
            saving=settings.saving,
            quality_floor=settings.quality_floor,
            requests=settings.budget_requests,
        )
        guard = guard_params(settings, base.tiers)
        self._live = LiveAccounts(
            escalation=guard.escalation,
            remembers=guard.escalation is not None or guard.stickiness is not None,
            goal=goal,
        )
        self._rng = Random(seed if seed is None else int(seed))
        self._id_rng = None if seed is None else Random(f"decision ids {seed}")
        self._rewards = RewardMap(rewards or {})
        self._batch = BatchDepth()
        self._is_closed = False
        wanted = Wanted(
            params,
            checked_bound(max_pending),
            checked_ttl(pending_ttl_s),
            None if is_bare else list(caps_of(settings)),
        )
        fresh = start_document(
            strategy,
            prior,
            params=params,
            artifact_id=artifact_id,
            tiers=tiers.names,
            cost_ref_usd=cost_ref,
            lam=self.lam,
            epoch=new_epoch(),
            max_pending=wanted.max_pending,
            pending_ttl_s=wanted.pending_ttl_s,
        )
        fresh.caps = list(wanted.caps or ())
        self.strategy = strategy_name(fresh.strategy)  # settings may make another of it
        self._replica = join_store(open_state(state), fresh, wanted, self._live, reset=reset)
        try:
            self._follow()
        except TracetierError:
            self._replica.stop()
            raise

    @property
    def tiers(self) -> TierSet:
        """The tiers of now, cheap to dear."""
        return self._model.tiers

    @property
    def artifact_id(self) -> str:
        """The artifact that predicts now."""
        return self._model.artifact_id

    def _decide(
        self,
        task: Task,
        lam: float,
        names: Collection[str] | None,
        trace_id: str | None,
        *,
        is_probe: bool = False,
        ahead: tuple[Model, Prediction] | None = None,
    ) -> Decision:
        session_id = bounded_id(task.session_id)
        trace_id = session_id if trace_id is None else bounded_id(trace_id)
        replica = self._replica
        while True:
            model = self._model
            allowed: Sequence[int] = model.everything
            if names is not None:
                allowed = allowed_indices(model.tiers, names)
            if ahead is not None and ahead[0] is model:
                prediction = ahead[1]
            else:
                prediction = model.predict(task)
            if self._inputs is not None:
                self._inputs.see(task)
            with replica.lock:
                if self._is_closed:
                    self._check_open()
                if replica.learner.layout != model.layout:
                    self._follow()
                    continue
                made = self._made(
                    task, prediction, model, lam, allowed, session_id, trace_id, is_probe
                )
                break
        return decision_of(model, prediction, made, lam, session_id, self.strategy)

    def _made(
        self,
        task: Task,
        prediction: Prediction,
        model: Model,
        lam: float,
        allowed: Sequence[int],
        session_id: str | None,
        trace_id: str | None,
        is_probe: bool,
    ) -> Made:
        """Choose, and see that the store gets it; the lock must be held."""
        replica, guards, live = self._replica, self._guards, self._live
        learner, pacer = replica.learner, live.pacer
        time_s, price, tenant = self._clock(), 0.0, None
        before = after = None
        explore: Sequence[int] | None = None
        guards.caps = live.caps
        # A probe was run already, whatever the rules say of live tasks.
        if (guards.is_needed or live.caps is not None) and not is_probe:
            before = guards.before(task, prediction.cost_usd, allowed, time_s=time_s)
            allowed = before.allowed
            explore = None if before.explore else ()
        if task.attrs:
            tenant = guards.owner(task).tenant
        if pacer is not None and not is_probe:
            price, allowed, explore = pacer.terms(
                learner.strategy,
                prediction,
                lam=lam,
                allowed=allowed,
                explore=explore,
                time_s=time_s,
            )
        decision_id = self._new_id()
        chosen = choice = learner.choose(
            prediction, lam=lam, allowed=allowed, rng=self._rng, price=price, explore=explore
        )
        if before is not None:
            after = guards.after(chosen, task, before, lam=lam, price=price)
            choice = after.choice
        if pacer is not None:
            live.making(decision_id, prediction, choice)
        made = Made(decision_id, time_s, price, allowed, chosen, choice, before, after)
        replica.submit(event_of(model, prediction, made, lam, session_id, trace_id, tenant))
        return made

    def _follow(self) -> None:
        """Decide with the tiers and the model that the state has now; the lock must be held."""
        learner = self._replica.learner
        artifact_id, path = learner.artifact
        base = self._bases.get(artifact_id)
        if base is None:
            base = self._bases[artifact_id] = self._loaded(artifact_id, path)
        # The first stays, since a state names no path for it; the last may be on its way in.
        for old_id in list(self._bases)[1:-_BASES_KEPT]:
            if old_id != artifact_id:
                del self._bases[old_id]
        by_name = declared(base.tiers, self._settings)
        if base.artifact_id != self._watched:  # another model has other columns, or other deciles
            self._watched = base.artifact_id
            self._inputs = sampler_for(base.predictor, base.deciles)
        self._model = model = Model(base).over(learner.columns, by_name, layout=learner.layout)
        self._guards = Guards(
            guard_params(self._settings, model.tiers, effective=model.effective),
            model.tiers,
            cost_ref=model.cost_ref,
            sessions=self._live.sessions,
        )
        self._live.pace(model)

    def _loaded(self, artifact_id: str, path: str | None) -> Base:
        """Return the artifact that another process swapped in."""
        if path is not None:
            like = next(iter(self._bases.values())).predictor
            base = base_at(path, self._settings, like=like)
            if base.artifact_id == artifact_id:
                return base
        raise StateError(
            f"the state was swapped to artifact {artifact_id!r} by another process, and "
            f"{path or 'no path'} does not hold it here; load the router with that artifact"
        )

    def _new_id(self) -> str:
        while True:
            bits = os.urandom(8) if self._id_rng is None else self._id_rng.randbytes(8)
            decision_id = bits.hex()
            if not self._replica.learner.is_known(decision_id):
                return decision_id

    def _check_open(self) -> None:
        if self._is_closed:
            raise StateError("this router is closed; load it again to go on from its state")
