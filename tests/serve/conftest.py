"""A service over a small router, an app over it without a socket, and real servers for the rest."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tracetier.heads.prior import Prediction, PriorStats
from tracetier.records import Task
from tracetier.route.router import Router
from tracetier.serve.service import Service
from tracetier.settings import Settings
from tracetier.tiers import Tier, TierSet

pytest.importorskip("fastapi", reason='needs pip install "tracetier[serve]"')

from fastapi import FastAPI

from tracetier.serve.app import create_app

GOLDEN = Path(__file__).parent.parent / "golden" / "artifact_v1" / "artifact"

MakeApp = Callable[..., FastAPI]
Ask = Callable[..., httpx.Response]
Maker = Callable[..., Router]


class Scripted:
    """Predicts the same of every task; its type is the bucket."""

    def predict(self, task: Task) -> Prediction:
        bucket = 0 if task.task_type == "edit" else 1
        return Prediction([0.6, 0.9], [0.001, 0.01], [0.1, 1.0], bucket)


def make_router(**changes: Any) -> Router:
    """Return a router over two tiers and two buckets, with a seed."""
    two = np.full(2, 0.01)
    rows = np.array([[0.6, 0.9], [0.6, 0.9]])
    prior = PriorStats(
        buckets=("edit", "other"),
        n=np.array([50.0, 50.0]),
        quality_mean=rows,
        cost_mean=rows,
        quality_var=two,
        cost_var=two,
        quality_tau2=two,
        cost_tau2=two,
    )
    given: dict[str, Any] = {
        "predictor": Scripted(),
        "prior": prior,
        "tiers": TierSet((Tier(name="low"), Tier(name="high", models=("big-1",)))),
        "cost_ref": 0.01,
        "artifact_id": "artifact-1",
        "seed": 7,
    }
    return Router(**(given | changes))


@pytest.fixture
def service() -> Iterator[Service]:
    """A service whose state is in memory."""
    made = Service(make_router())
    yield made
    made.close()


@pytest.fixture
def make_app(service: Service) -> MakeApp:
    """Return a maker of apps over the service."""

    def make(settings: Settings | None = None, **given: Any) -> FastAPI:
        return create_app(given.pop("service", service), settings or Settings(), **given)

    return make


def run(job: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end."""
    return asyncio.run(job)


@pytest.fixture(name="ask")
def _ask() -> Ask:
    """Return a sender of one request to an app, without a socket."""
    return ask


@pytest.fixture(name="make_router", scope="session")
def _make_router() -> Callable[..., Router]:
    """Return a maker of routers over two tiers and two buckets, with a seed."""
    return make_router


@pytest.fixture(scope="session")
def golden() -> Path:
    """An artifact of format 1."""
    return GOLDEN


def ask(app: FastAPI, method: str, path: str, **given: Any) -> httpx.Response:
    """Send one request to an app, without a socket."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, **given)

    answer: httpx.Response = run(send())
    return answer


class Server:
    """A real server in a process of its own.

    Parameters
    ----------
    folder : Path
        Working folder, where the state and the log go.
    arguments : str
        Of ``tracetier serve``, after the artifact.
    artifact : str
    env : dict
        Environment variables beside those of the tests.
    """

    def __init__(
        self, folder: Path, *arguments: str, artifact: str = str(GOLDEN), **env: str
    ) -> None:
        self._log = (folder / f"server-{len(list(folder.glob('server-*')))}.log").open("w+b")
        root = Path(__file__).parents[2]
        command = [sys.executable, "-m", "tracetier", "serve", artifact, "--port", "0"]
        self.process = subprocess.Popen(
            [*command, *arguments],
            cwd=folder,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONPATH": str(root / "pipeline"), "COLUMNS": "200"} | env,
        )
        self.client = httpx.Client(timeout=30, base_url=f"http://127.0.0.1:{self._port()}")
        self._await(lambda: self.client.get("/readyz").status_code == 200)

    def text(self) -> str:
        """Return everything that it wrote."""
        self._log.seek(0)
        return self._log.read().decode()

    def workers(self) -> list[int]:
        """Return the process ids of its workers."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                words = stat.read_text().rpartition(")")[2].split()
                command = stat.with_name("cmdline").read_bytes()
            except OSError:
                continue
            if int(words[1]) == self.process.pid and b"spawn_main" in command:
                found.append(int(stat.parent.name))
        return sorted(found)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it, and return how it ended."""
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(60)
        return code

    def close(self) -> None:
        """Let go of its log."""
        self.stop(signal.SIGKILL)
        self._log.close()

    def _port(self) -> int:
        found: list[int] = []

        def look() -> bool:
            for line in self.text().splitlines():
                if line.startswith("docs "):
                    found.append(int(line.rpartition(":")[2].partition("/")[0]))
                    return True
            return False

        self._await(look)
        return found[0]

    def _await(self, holds: Callable[[], bool]) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended: {self.text()}")
            try:
                if holds():
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"the server did not come up: {self.text()}")


@pytest.fixture(name="server")
def _server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Return a starter of real servers, which end with the test."""
    running: list[Server] = []

    def start(*arguments: str, **env: str) -> Server:
        running.append(Server(tmp_path, *arguments, **env))
        return running[-1]

    yield start
    for each in running:
        each.close()


class Redis:
    """A Redis that can be ended and started again on its port, with what it held."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self._port = found.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        binary = shutil.which("redis-server") or shutil.which("valkey-server") or ""
        options = ["--port", str(self._port), "--bind", "127.0.0.1", "--appendonly", "yes"]
        self._process = subprocess.Popen(
            [binary, *options, "--dir", str(self._folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert eventually(self._answers)

    def stop(self) -> None:
        """End it, as an operator does."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), 1.0) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A Redis that is not started yet; skipped where none is installed."""
    pytest.importorskip("redis", reason="the package redis is not installed")
    if not (shutil.which("redis-server") or shutil.which("valkey-server")):
        pytest.skip("neither redis-server nor valkey-server is installed")
    made = Redis(tmp_path)
    yield made
    made.stop()


@pytest.fixture(name="eventually")
def _eventually() -> Callable[..., bool]:
    """Return a check whether something holds before the time is over."""
    return eventually


def eventually(holds: Callable[[], bool], *, within_s: float = 20.0) -> bool:
    """Whether it holds before the time is over."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.02)
    return False
