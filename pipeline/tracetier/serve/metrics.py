"""What the service counts, for Prometheus: decisions, reports, requests, and how it stands.

With several workers each writes its counts into files that all share (prometheus-client's own
multi-process mode, switched on by ``PROMETHEUS_MULTIPROC_DIR``), and whichever worker is asked
answers for all. Labels are tiers, sources and routes of a fixed list: no task, no caller's text.
"""

import os
import time
from pathlib import Path
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from tracetier.records import Feedback
from tracetier.route.outcome import Receipt
from tracetier.serve.dead_counts import without_dead
from tracetier.serve.recent import DecisionView
from tracetier.serve.standing import Standing
from tracetier.serve.tally import Spread, Tally

MULTIPROC_ENV: Final = "PROMETHEUS_MULTIPROC_DIR"

CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"

_DECISION_S = (0.00005, 0.0001, 0.0002, 0.0004, 0.0008, 0.0016, 0.0032, 0.0064, 0.0128, 0.05, 0.2)
_REQUEST_S = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.5, 2.0, 10.0, 60.0)
_QUALITY = tuple(float(quality) for quality in range(1, 11))
_PARTS = ("state", "state-log", "decision-log", "upstream")

disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """Listens to the service and counts; one per process.

    Parameters
    ----------
    standing : Standing
        Asked for the gauges whenever the page is rendered, and by `refresh`.
    """

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._registry = CollectorRegistry()
        registry = self._registry
        self._decisions = Tally(
            Counter(
                "tracetier_decisions_total",
                "Decisions, by the tier taken, who asked, and whether it was drawn to explore.",
                ("tier", "source", "explored"),
                registry=registry,
            )
        )
        self._decision_s = Spread(
            Histogram(
                "tracetier_decision_seconds",
                "Time to decide.",
                buckets=_DECISION_S,
                registry=registry,
            ),
            _DECISION_S,
        )
        self._reports = Tally(
            Counter(
                "tracetier_feedback_total",
                "Reports, by the tier that they are of, and what was new in them.",
                ("tier", "new"),
                registry=registry,
            )
        )
        self._quality = Spread(
            Histogram(
                "tracetier_quality",
                "Reported quality, 0-10.",
                ("tier",),
                buckets=_QUALITY,
                registry=registry,
            ),
            _QUALITY,
        )
        self._cost = Tally(
            Counter("tracetier_cost_usd_total", "Reported cost, USD.", ("tier",), registry=registry)
        )
        self._requests = Tally(
            Counter(
                "tracetier_http_requests_total",
                "Requests, by route and status.",
                ("route", "status"),
                registry=registry,
            )
        )
        self._request_s = Spread(
            Histogram(
                "tracetier_http_request_seconds",
                "Time to answer, by route.",
                ("route",),
                buckets=_REQUEST_S,
                registry=registry,
            ),
            _REQUEST_S,
        )
        self._degraded = Gauge(
            "tracetier_degraded",
            "1 where the service has to do without a part.",
            ("part",),
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._state_age = Gauge(
            "tracetier_state_age_seconds",
            "Time since what is known was last in step with the state store.",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._queued = Gauge(
            "tracetier_state_queued",
            "Decisions that the state store does not have yet.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._dropped = Gauge(
            "tracetier_state_dropped",
            "Decisions that were dropped because too many waited for the state store.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._log_lost = Gauge(
            "tracetier_decision_log_lost",
            "Lines of the decision log that were lost.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._up_since = Gauge(
            "tracetier_start_time_seconds",
            "When the service started, seconds since 1970.",
            registry=registry,
            multiprocess_mode="max",
        )
        self._up_since.set(time.time())
        self._info = Gauge(
            "tracetier_artifact_info",
            "1 for the artifact that decides.",
            ("artifact_id",),
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._artifact_id: str | None = None
        self._plain: tuple[Tally | Spread, ...] = (
            self._decisions,
            self._decision_s,
            self._reports,
            self._quality,
            self._cost,
            self._requests,
            self._request_s,
        )
        self.refresh()

    def decided(self, view: DecisionView, seconds: float) -> None:
        """Count a decision."""
        decision = view.decision
        explored = "true" if decision.explored else "false"
        self._decisions.add((decision.tier, view.source, explored))
        self._decision_s.add((), seconds)

    def reported(self, report: Feedback, receipt: Receipt, view: DecisionView | None) -> None:
        """Count a report; its tier is "elsewhere" where another worker took the decision."""
        tier = view.decision.tier if view is not None else "elsewhere"
        self._reports.add((tier, "+".join(receipt.new) or "nothing"))
        if report.quality is not None and "quality" in receipt.new:
            self._quality.add((tier,), report.quality)
        if report.cost_usd is not None and "cost_usd" in receipt.new:
            self._cost.add((tier,), report.cost_usd)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.add((route, status))
        self._request_s.add((route,), seconds)

    def refresh(self) -> None:
        """Take in what was counted, and set the gauges by how the service stands now."""
        for plain in self._plain:
            plain.give()
        codes, health = self._standing.codes, self._standing.health
        for part in (*_PARTS, *(code for code in codes if code not in _PARTS)):
            self._degraded.labels(part).set(part in codes)
        self._state_age.set(health.state_age_s)
        self._queued.set(health.n_queued)
        self._dropped.set(health.n_dropped)
        self._log_lost.set(health.n_log_lost)
        if health.artifact_id != self._artifact_id:
            if self._artifact_id is not None:
                self._info.labels(self._artifact_id).set(0)
            self._info.labels(health.artifact_id).set(1)
            self._artifact_id = health.artifact_id

    def page(self) -> bytes:
        """Return the page that Prometheus reads, of all workers together."""
        self.refresh()
        if MULTIPROC_ENV not in os.environ:
            return generate_latest(self._registry)
        shared = CollectorRegistry()
        MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
        with without_dead(Path(os.environ[MULTIPROC_ENV])):
            return generate_latest(shared)
