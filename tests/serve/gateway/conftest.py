"""A gateway and a fake upstream, both on real sockets, each in a thread of its own."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from tests.serve.gateway.fake_upstream import FakeUpstream

from tracetier.records import Decision, Feedback, Task
from tracetier.route.outcome import Receipt
from tracetier.serve.app import create_app
from tracetier.serve.auth import Access
from tracetier.serve.recent import DecisionView
from tracetier.serve.service import Service
from tracetier.settings import Settings
from tracetier.tiers import Tier

TIERS = ("haiku", "sonnet", "opus")
KEY = "upstream-key-of-tests"
ENV = {"FAKE_KEY": KEY}


class Tasks:
    """A decision log that keeps the tasks, and the sources of reports."""

    trouble = None
    n_lost = 0

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.sources: list[str] = []
        self._ids: set[str] = set()

    def decided(self, task: Task, decision: Decision, source: str) -> None:
        """Keep a task."""
        assert source == "gateway"
        self.tasks.append(task)
        self._ids.add(decision.decision_id)

    def reported(self, report: Feedback, source: str) -> None:
        """Keep who reported; on decisions of an earlier test that may come late."""
        if report.decision_id in self._ids:
            self.sources.append(source)

    def forget(self) -> None:
        """Begin anew."""
        self.tasks.clear()
        self.sources.clear()
        self._ids.clear()

    def close(self) -> None:
        """Do nothing."""


class Running:
    """A service that answers at ``url``, with what became known of it since the test began."""

    def __init__(
        self,
        server: AbstractContextManager[str],
        service: Service,
        upstream: FakeUpstream,
        log: Tasks,
    ) -> None:
        self.url = server.__enter__()
        self.log = log
        self.service = service
        self.upstream = upstream
        self.is_stopped = False
        self.reports: list[tuple[Feedback, str]] = []
        self._server = server
        self._ids: set[str] = set()
        self._told = threading.Condition()
        service.listen(self)

    def decided(self, view: DecisionView, seconds: float) -> None:
        """Keep whose reports count: those of an earlier test may come late."""
        self._ids.add(view.decision.decision_id)

    def reported(self, report: Feedback, receipt: Receipt, view: DecisionView | None) -> None:
        """Keep a report."""
        with self._told:
            if report.decision_id in self._ids:
                self.reports.append((report, view.decision.tier if view else ""))
                self._told.notify_all()

    def wait_for_reports(self, n: int) -> list[tuple[Feedback, str]]:
        """Return the reports, once there are so many."""
        with self._told:
            assert self._told.wait_for(lambda: len(self.reports) >= n, timeout=10.0)
            return list(self.reports)

    def forget(self) -> None:
        """Begin anew."""
        with self._told:
            self._ids.clear()
            self.reports.clear()
        self.log.forget()

    def stop(self) -> None:
        """End the service, which reports what still waits."""
        if not self.is_stopped:
            self.is_stopped = True
            self._server.__exit__(None, None, None)


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an app on a free port of this machine; yield its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            with httpx.Client(transport=httpx.HTTPTransport(retries=20)) as client:
                client.get(url + "/healthz")
            yield url
        finally:
            server.should_exit = True
            thread.join(20)


def settings_of(url: str, **changes: Any) -> Settings:
    """Return settings with three tiers, each at both APIs of one upstream."""
    given: dict[str, Any] = {
        "strategy": "greedy",  # so that a test can say which tier is taken
        "tiers": tuple(
            Tier(
                name=name,
                model=f"fake-{name}",
                models=(f"fake-{name}-*",),
                input_usd_per_mtok=price,
                output_usd_per_mtok=10 * price,
            )
            for name, price in zip(TIERS, (1.0, 4.0, 16.0), strict=True)
        ),
        "tier_upstreams": {name: ["o", "a"] for name in TIERS},
        "upstreams": (
            {"name": "o", "api": "openai", "base_url": f"{url}/v1", "key_env": "FAKE_KEY"},
            {"name": "a", "api": "anthropic", "base_url": url, "key_env": "FAKE_KEY"},
        ),
    }
    return Settings(**(given | changes))


@pytest.fixture(scope="module")
def fake() -> Iterator[tuple[str, FakeUpstream]]:
    """Address of the fake upstream, and the upstream."""
    upstream = FakeUpstream()
    with served(upstream) as url:
        yield url, upstream


Start = Callable[..., Running]


@pytest.fixture(scope="module")
def gateways() -> Iterator[dict[str, Running]]:
    """The gateways that a module's tests have started, by what makes them different."""
    started: dict[str, Running] = {}
    yield started
    for each in started.values():
        each.stop()


@pytest.fixture
def start(
    fake: tuple[str, FakeUpstream],
    gateways: dict[str, Running],
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Start:
    """Start a gateway over the fake upstream, or take a like one; keywords change the settings."""
    url, upstream = fake
    upstream.forget()
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)

    def start(*, access: Access | None = None, **changes: Any) -> Running:
        key = repr((None if access is None else access.names, changes))
        found = gateways.get(key)
        if found is None or found.is_stopped:
            log, settings = Tasks(), settings_of(url, **changes)
            artifact = root / "tests/golden/artifact_v1/artifact"
            service = Service.open(artifact, settings=settings, log=log)
            server = served(create_app(service, settings, access=access))
            found = gateways[key] = Running(server, service, upstream, log)
        found.forget()
        return found

    return start
