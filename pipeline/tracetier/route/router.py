"""The router: a model in front of a learner, a state store behind it.

    task -> predictor -> learner (choose, keep open) -> Decision
    feedback -> learner (update) -> store

Safe to share between threads. Predictions are made outside the lock, and so is the writing of the
state: threads that wait for one write are served by the next together.
"""

import math
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

from tracetier.errors import ArtifactError, SettingsError, StateError, TracetierError
from tracetier.heads.prior import Prediction, Predictor, PriorStats
from tracetier.records import Decision, Feedback, Task
from tracetier.route.choice import allowed_indices
from tracetier.route.decision import tier_scores
from tracetier.route.learner import MAX_PENDING, Learner, Snapshot, start_document
from tracetier.route.outcome import Outcome, check_outcome
from tracetier.route.reasons import explain
from tracetier.route.resume import resume
from tracetier.route.state.document import encode_document
from tracetier.route.state.store import StateStore, open_state
from tracetier.route.strategy import StrategyName, StrategyParams
from tracetier.tiers import TierSet

StateLike = str | os.PathLike[str] | StateStore | None


class Router:
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
    strategy : {"residual", "seed", "greedy"}
        How to choose and learn.
    params : optional
        Settings of the strategy; by default those of the stored state, else the strategy's own.
    seed : int, optional
        Makes exploration and decision ids reproducible, for experiments. By default both are
        unpredictable.
    max_pending : int
        Decisions kept open for a report; beyond it the oldest expires.
    reset : bool
        Start anew, and replace whatever the state holds at the next save.
    clock : callable
        Seconds since 1970.

    Raises
    ------
    StateError
        If the stored state is damaged, of a future format, or of another artifact or strategy.
    SettingsError
        For an unknown strategy or a lambda out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from tracetier.tiers import Tier
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
    >>> decision.tier, router.feedback(decision.decision_id, quality=8.0, cost_usd=0.01)
    ('high', True)
    """

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
        max_pending: int = MAX_PENDING,
        reset: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.tiers = tiers
        self.artifact_id = artifact_id
        self.lam = checked_lam(lam)
        self.strategy = strategy
        self._predictor = predictor
        self._cost_ref = cost_ref
        self._clock = clock
        self._names = tiers.names
        self._models = [tiers.model_of(name) for name in tiers.names]
        self._buckets = prior.buckets
        self._everything = list(range(len(tiers)))
        self._rng = Random(seed if seed is None else int(seed))
        self._id_rng = None if seed is None else Random(f"decision ids {seed}")
        self._store = open_state(state)
        fresh = start_document(
            strategy,
            prior,
            params=params,
            artifact_id=artifact_id,
            tiers=tiers.names,
            cost_ref_usd=cost_ref,
            lam=self.lam,
        )
        document = resume(self._store, fresh, params=params, reset=reset)
        self._learner = Learner(document, max_pending=max_pending)
        self._lock = threading.Lock()
        self._saving = threading.Lock()
        self._batch = _BatchDepth()
        # Counts changes of the state: all so far, up to the last report, and up to the last save.
        self._changed = self._reported = self._saved = 0
        self._is_closed = False

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
        reset: bool = False,
    ) -> Self:
        """Return a router over the artifact at ``path``; ``lam`` is the artifact's by default.

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
        return cls(
            predictor=artifact.predictor,
            prior=artifact.prior,
            tiers=artifact.tiers,
            cost_ref=artifact.cost_ref,
            artifact_id=artifact.artifact_id,
            lam=artifact.lam if lam is None else lam,
            state=state,
            strategy=strategy,
            params=params,
            seed=seed,
            reset=reset,
        )

    def route(
        self,
        task: Task,
        *,
        lam: float | None = None,
        allowed: Collection[str] | None = None,
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

        Returns
        -------
        Decision
            With the exact probability of every tier, what was believed of each, and reasons.

        Raises
        ------
        TierError
            For an allowed tier that is not declared, or none at all.
        SettingsError
            For a lambda out of range.
        """
        lam, indices = self._terms(lam, allowed)
        return self._decide(self._predicted(task), lam, indices)

    def route_batch(
        self,
        tasks: Iterable[Task],
        *,
        lam: float | None = None,
        allowed: Collection[str] | None = None,
    ) -> list[Decision]:
        """Choose a tier for each task, in their order; the same as `route` one by one."""
        lam, indices = self._terms(lam, allowed)
        return [self._decide(self._predicted(task), lam, indices) for task in tasks]

    def feedback(
        self,
        decision_id: str | Feedback,
        *,
        quality: float | None = None,
        cost_usd: float | None = None,
    ) -> bool:
        """Learn from the outcome of a decision, and save (outside a `batch`).

        Parameters
        ----------
        decision_id : str or Feedback
            The id that `route` gave; or the whole report.
        quality : float, optional
            0-10. Either outcome may be missing, not both; a missing one teaches nothing.
        cost_usd : float, optional
            USD, >= 0.

        Returns
        -------
        bool
            ``False`` where the decision's report had come before; then nothing is learned, and
            the second report is counted (that count alone is saved by `save` and `close`).

        Raises
        ------
        FeedbackError
            For an unknown or expired decision, or a value out of range.
        StorageError
            If the state could not be saved. The report is learned in memory; giving it again, or
            `save`, tries again to save it.
        """
        return self._learn([check_outcome(decision_id, quality, cost_usd)])[0]

    def feedback_many(self, reports: Iterable[Feedback]) -> list[bool]:
        """Learn from several reports and save once; if one is wrong, none is learned."""
        return self._learn([check_outcome(report) for report in reports])

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Save once at the end of the block, instead of after each of this thread's reports."""
        self._batch.depth += 1
        try:
            yield
        finally:
            self._batch.depth -= 1
            self._save_reports(self._reported)

    def q(
        self, bucket: str | None = None, *, lam: float | None = None
    ) -> dict[str, dict[str, float]]:
        """Return Q per bucket and tier, in units of reward, at the buckets' mean predictions.

        Raises
        ------
        StateError
            For a bucket that the artifact does not know.
        """
        if bucket is not None and bucket not in self._buckets:
            raise StateError(
                f"bucket {bucket!r} is not known; the artifact has {', '.join(self._buckets)}"
            )
        table: dict[str, dict[str, float]] = {}
        for cell in self.snapshot(lam=lam).cells:
            if bucket is None or cell.bucket == bucket:
                table.setdefault(cell.bucket, {})[cell.tier] = cell.q
        return table

    def snapshot(self, *, lam: float | None = None) -> Snapshot:
        """Return what is known of every bucket and tier, with the counts."""
        lam = self.lam if lam is None else checked_lam(lam)
        with self._lock:
            return self._learner.snapshot(lam)

    def save(self) -> None:
        """Save the state, if it changed since the last time.

        Raises
        ------
        StorageError, StateError
            If the store refuses; state and store stay as they were.
        """
        self._save(self._changed)

    def close(self) -> None:
        """Save and end; the router then takes no more calls. Closing twice does nothing."""
        with self._lock:
            was_closed, self._is_closed = self._is_closed, True
            wanted = self._changed
        try:
            self._save(wanted)
        except TracetierError:
            self._is_closed = was_closed
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

    def _terms(
        self, lam: float | None, allowed: Collection[str] | None
    ) -> tuple[float, Sequence[int]]:
        return (
            self.lam if lam is None else checked_lam(lam),
            self._everything if allowed is None else allowed_indices(self.tiers, allowed),
        )

    def _predicted(self, task: Task) -> Prediction:
        prediction = self._predictor.predict(task)
        # One sum finds any NaN or infinity.
        if not math.isfinite(sum(prediction.quality) + sum(prediction.cost)):
            raise ArtifactError(
                f"artifact {self.artifact_id!r} predicts {prediction} for a task of "
                f"{len(task.text):,} characters, expected finite numbers; train it again"
            )
        return prediction

    def _decide(self, prediction: Prediction, lam: float, allowed: Sequence[int]) -> Decision:
        with self._lock:
            self._check_open()
            decision_id, time_s = self._new_id(), self._clock()
            choice = self._learner.decide(
                decision_id, prediction, lam=lam, allowed=allowed, time_s=time_s, rng=self._rng
            )
            self._changed += 1
        names, bucket = self._names, self._buckets[prediction.bucket]
        return Decision(
            decision_id=decision_id,
            tier=names[choice.tier],
            model=self._models[choice.tier],
            propensity=choice.propensities[choice.tier],
            propensities=dict(zip(names, choice.propensities, strict=True)),
            scores=tier_scores(choice, prediction, names, self._cost_ref),
            reasons=explain(
                choice,
                prediction,
                tiers=names,
                bucket=bucket,
                lam=lam,
                allowed=allowed,
                strategy=self.strategy,
            ),
            bucket=bucket,
            lam=lam,
            strategy=self.strategy,
            artifact_id=self.artifact_id,
            explored=choice.explored,
            timestamp=datetime.fromtimestamp(time_s, UTC),
        )

    def _new_id(self) -> str:
        while True:
            bits = os.urandom(8) if self._id_rng is None else self._id_rng.randbytes(8)
            decision_id = bits.hex()
            if not self._learner.is_known(decision_id):
                return decision_id

    def _learn(self, outcomes: Sequence[Outcome]) -> list[bool]:
        with self._lock:
            self._check_open()
            for outcome in outcomes:
                self._learner.check_known(outcome.decision_id)
            applied = [self._learner.apply(outcome) for outcome in outcomes]
            self._changed += bool(applied)
            if any(applied):
                self._reported = self._changed
            # Also for a second report: the first one may have failed to be saved.
            wanted = self._reported
        self._save_reports(wanted)
        return applied

    def _save_reports(self, wanted: int) -> None:
        if self._store.is_durable and not self._batch.depth:
            self._save(wanted)

    def _save(self, wanted: int) -> None:
        """Save, unless a save that began after change number ``wanted`` is done already."""
        with self._saving:
            if self._saved >= wanted:
                return
            with self._lock:
                data, now = encode_document(self._learner.document()), self._changed
            self._store.save(data)
            self._saved = now

    def _check_open(self) -> None:
        if self._is_closed:
            raise StateError("this router is closed; load it again to go on from its state")


class _BatchDepth(threading.local):
    """How many `Router.batch` blocks the current thread is in."""

    depth = 0


def checked_lam(lam: float) -> float:
    """Return ``lam`` as a float; `SettingsError` unless it is finite and >= 0."""
    if not 0.0 <= lam < math.inf:
        raise SettingsError(
            f"lam is {lam!r}, must be finite and >= 0: reward = quality (0-10) - lam * cost (0-1)"
        )
    return float(lam)
