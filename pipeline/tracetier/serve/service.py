"""The one object that HTTP, gateway, hooks, MCP and dashboard call.

    task -> Service.route -> Router -> decision, remembered, logged and counted

It adds to a `Router` what a running service needs: a memory of the last decisions, the decision
log, listeners for metrics and displays, and one answer to "how are you". It knows no protocol.
Safe between threads.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Literal, Protocol, Self

from msgspec import Struct

from tracetier.errors import StateError, TracetierError
from tracetier.heads.accelerate import Accelerate
from tracetier.records import Decision, Feedback, Task
from tracetier.route.call import Call
from tracetier.route.late_reasons import settle
from tracetier.route.learner import Learner
from tracetier.route.outcome import Receipt
from tracetier.route.router import Router, StateLike
from tracetier.route.state.document import decode_document
from tracetier.route.state.store import StateStore, open_state
from tracetier.route.strategy_settings import params_of
from tracetier.serve.logs import tell
from tracetier.serve.patient_store import PatientStore
from tracetier.serve.recent import DecisionView, Recent
from tracetier.settings import Settings, load_settings
from tracetier.steady_clock import SteadyClock

SOURCES = ("api", "gateway", "hook", "mcp")
"""Who asks for decisions."""


class DecisionLog(Protocol):
    """Where decisions and reports are written down; never raises, tells of trouble instead."""

    def decided(self, task: Task, decision: Decision, source: str) -> None:
        """Write a decision down."""
        ...

    def reported(self, report: Feedback, source: str) -> None:
        """Write a report down."""
        ...

    @property
    def trouble(self) -> str | None:
        """Why lines are being lost, ``None`` where all is well."""
        ...

    @property
    def n_lost(self) -> int:
        """Lines that were lost so far."""
        ...

    def close(self) -> None:
        """Write what waits, and end."""
        ...


class ServiceHealth(Struct, frozen=True, kw_only=True):
    """How the service stands.

    ``status`` is "ok", or "degraded" with the reasons: it then answers all the same, from what it
    knows. Ages are in seconds; ``n_log_lost`` are lines of the decision log.
    """

    status: str
    reasons: list[str]
    artifact_id: str
    store: str
    state_age_s: float
    n_queued: int
    n_dropped: int
    n_log_lost: int
    uptime_s: float


def _router(
    artifact: str | Path, store: StateStore, settings: Settings, accelerate: Accelerate
) -> Router:
    return Router.load(
        artifact,
        state=PatientStore(store),
        strategy=settings.strategy,
        lam=settings.given_lam,
        params=params_of(settings),
        settings=settings,
        accelerate=accelerate,
        # A machine whose clock is set a month ahead must not give up what waits for its report.
        clock=SteadyClock(),
    )


def swapped_in(store: StateStore) -> str | None:
    """Return the path of the artifact that a state was swapped to, ``None`` where it was not."""
    stored = store.load()
    if stored is None:
        return None
    learner = Learner(decode_document(stored.document, where=store.name))
    for event in stored.events:
        learner.fold(event)
    return learner.artifact[1]


class Listener(Protocol):
    """Told of each decision and report, as for metrics; must be quick and not raise."""

    def decided(self, view: DecisionView, seconds: float) -> None:
        """Take note of a decision that took so long."""
        ...

    def reported(self, report: Feedback, receipt: Receipt, view: DecisionView | None) -> None:
        """Take note of a report."""
        ...


class Service:
    """A router at work, see the module.

    Parameters
    ----------
    router : Router
    log : DecisionLog, optional
        Where decisions are written down; by default nowhere.
    recent : Recent, optional
    clock : callable
        Seconds, for durations.
    """

    def __init__(
        self,
        router: Router,
        *,
        log: DecisionLog | None = None,
        recent: Recent | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.router = router
        self.recent = recent or Recent()
        self._log = log
        self._clock = clock
        self._listeners: list[Listener] = []
        self._troubles: dict[str, Callable[[], str | None]] = {}
        self._started = clock()

    @classmethod
    def open(
        cls,
        artifact: str | Path,
        *,
        state: StateLike = None,
        settings: Settings | None = None,
        log: DecisionLog | None = None,
        accelerate: Accelerate = False,
    ) -> Self:
        """Return the service over the artifact at a path.

        A process that stays asks to ``accelerate`` predictions, see `Router.load`.

        A state store that cannot be reached yet does not keep it from starting; it then decides
        by the prior, and says so. Where another artifact was swapped in at run time, the service
        goes on with that one.

        Raises
        ------
        ArtifactError, StateError, SettingsError
            As `Router.load` says.
        """
        settings = load_settings() if settings is None else settings
        store = open_state(state)
        try:
            router = _router(artifact, store, settings, accelerate)
        except StateError:
            swapped = swapped_in(store)
            if swapped is None:
                raise
            # Whoever is started anew, as a worker that died, was told the artifact of before.
            tell(
                "the state was swapped to another artifact; it goes on with that",
                level=logging.WARNING,
                artifact=swapped,
                given=str(artifact),
            )
            router = _router(swapped, store, settings, accelerate)
        return cls(router, log=log)

    def listen(self, listener: Listener) -> None:
        """Tell a listener of every decision and report from now on."""
        self._listeners.append(listener)

    def watch(self, name: str, trouble: Callable[[], str | None]) -> None:
        """Ask a part, as the gateway's upstreams, for its trouble whenever the health is asked."""
        self._troubles[name] = trouble

    def route(
        self,
        task: Task,
        *,
        lam: float | None = None,
        allowed: Collection[str] | None = None,
        trace_id: str | None = None,
        source: str = "api",
    ) -> Decision:
        """Choose a tier, as `Router.route` does, and remember it."""
        started = self._clock()
        decision = settle(self.router.route(task, lam=lam, allowed=allowed, trace_id=trace_id))
        self._note(task, decision, source, self._clock() - started)
        return decision

    def route_calls(
        self, calls: Sequence[Call], *, source: str = "api"
    ) -> list[Decision | TracetierError]:
        """Choose a tier for each of several calls, as `Router.route_calls` does, and remember."""
        started = self._clock()
        answers = [
            settle(each) if isinstance(each, Decision) else each
            for each in self.router.route_calls(calls)
        ]
        seconds = (self._clock() - started) / max(1, len(calls))
        for call, answer in zip(calls, answers, strict=True):
            if isinstance(answer, Decision):
                self._note(call.task, answer, source, seconds)
        return answers

    def route_batch(
        self,
        tasks: Iterable[Task],
        *,
        lam: float | None = None,
        allowed: Collection[str] | None = None,
        source: str = "api",
    ) -> list[Decision]:
        """Choose a tier for each task, in their order."""
        return [self.route(task, lam=lam, allowed=allowed, source=source) for task in tasks]

    def feedback(self, report: Feedback, *, source: str = "api") -> Receipt:
        """Learn from a report, as `Router.feedback` does.

        Raises
        ------
        FeedbackError
            For an unknown decision, or a value out of range.
        StorageError
            If it could not be stored; it can be given again.
        """
        return self.feedback_many([report], source=source)[0]

    def feedback_many(self, reports: Sequence[Feedback], *, source: str = "api") -> list[Receipt]:
        """Learn from several reports, stored together; if one is wrong, none is learned."""
        receipts = self.router.feedback_many(reports)
        for report, receipt in zip(reports, receipts, strict=True):
            self._reported(report, receipt, source)
        return receipts

    def feedback_trace(
        self,
        trace_id: str,
        *,
        quality: float,
        credit: Literal["equal", "unreported"] = "equal",
        source: str = "api",
    ) -> Receipt:
        """Credit the outcome of a trace to its decisions, as `Router.feedback_trace` does."""
        receipt = self.router.feedback_trace(trace_id, quality=quality, credit=credit)
        for decision_id in receipt.credited:
            report = Feedback(decision_id=decision_id, quality=quality)
            self._reported(report, Receipt(new=("quality",)), source)
        return receipt

    def decision(self, decision_id: str) -> DecisionView | None:
        """Return a decision that this process took not long ago, else ``None``."""
        return self.recent.get(decision_id)

    def swap(self, path: str | Path) -> str:
        """Decide with another artifact from now on, and return its id.

        Raises
        ------
        ArtifactError, StateError, StorageError
            As `Router.swap` says; then nothing changed.
        """
        self.router.swap(path)
        return self.router.artifact_id

    def health(self) -> ServiceHealth:
        """Tell how the service stands."""
        store = self.router.health()
        reasons = [] if store.is_ok else [f"state: {store.reason}"]
        if store.unfolded is not None:
            reasons.append(f"state log: {store.unfolded}")
        if self._log is not None and self._log.trouble:
            reasons.append(f"decision log: {self._log.trouble}")
        for name, trouble in self._troubles.items():
            found = trouble()
            if found is not None:
                reasons.append(f"{name}: {found}")
        return ServiceHealth(
            status="degraded" if reasons else "ok",
            reasons=reasons,
            artifact_id=self.router.artifact_id,
            store=store.store,
            state_age_s=store.age_s,
            n_queued=store.n_queued,
            n_dropped=store.n_dropped,
            n_log_lost=0 if self._log is None else self._log.n_lost,
            uptime_s=self._clock() - self._started,
        )

    def close(self) -> None:
        """Store what waits, and end.

        Raises
        ------
        StorageError, StateError
            If the state could not be stored.
        """
        try:
            self.router.close()
        finally:
            if self._log is not None:
                self._log.close()

    def _reported(self, report: Feedback, receipt: Receipt, source: str) -> None:
        view = self.recent.report(report) if receipt else self.recent.get(report.decision_id)
        if receipt and self._log is not None:
            self._log.reported(report, source)
        for listener in self._listeners:
            listener.reported(report, receipt, view)

    def _note(self, task: Task, decision: Decision, source: str, seconds: float) -> None:
        view = DecisionView(
            decision=decision, source=source, task_type=task.task_type, agent_name=task.agent_name
        )
        self.recent.add(view)
        if self._log is not None:
            self._log.decided(task, decision, source)
        for listener in self._listeners:
            listener.decided(view, seconds)
