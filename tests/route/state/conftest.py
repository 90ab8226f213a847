"""Every place a state can live in, opened as often as a test likes."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tracetier.route.state import sqlite_file
from tracetier.route.state.json_file import JsonFileStore
from tracetier.route.state.memory import MemoryStore
from tracetier.route.state.redis import RedisStore
from tracetier.route.state.sqlite import SqliteStore
from tracetier.route.state.store import StateStore


class Place(NamedTuple):
    """A place for a state: its kind, its URL, and a way to open it again and again."""

    kind: str
    url: str
    open: Callable[[], StateStore]


class RedisServer:
    """A server of the test's own, on a socket in a folder of its own."""

    def __init__(self, binary: str, folder: Path, *options: str) -> None:
        self.folder = folder
        self._command = [binary, "--port", "0", "--dir", str(folder), "--save", "", *options]
        self._command += ["--unixsocket", str(folder / "s")]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def url(self, state: str) -> str:
        return f"unix://{self.folder}/s?state={state}"

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        for _ in range(500):
            with socket.socket(socket.AF_UNIX) as probe:
                if not probe.connect_ex(str(self.folder / "s")):
                    probe.sendall(b"PING\r\n")
                    if probe.recv(64).startswith(b"+PONG"):
                        return
            time.sleep(0.02)
        raise AssertionError("the server did not start")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        (self.folder / "s").unlink(missing_ok=True)


@pytest.fixture(autouse=True)
def _no_file_is_taken_for_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test puts another file in its place in less time than that is done for."""
    monkeypatch.setattr(sqlite_file, "SAME_S", 0.0)


@pytest.fixture(scope="session")
def redis_binary() -> str:
    """Path of redis-server or valkey-server; the test is skipped where neither is installed."""
    pytest.importorskip("redis", reason="the package redis is not installed")
    binary = shutil.which("redis-server") or shutil.which("valkey-server")
    if binary is None:
        pytest.skip("neither redis-server nor valkey-server is installed")
    return binary


@pytest.fixture(scope="session")
def redis_server(redis_binary: str) -> Iterator[RedisServer]:
    """A server for all tests of a session; each takes a state of its own in it."""
    # Not below the test's own folder: the path of a socket has room for 107 characters.
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        server = RedisServer(redis_binary, Path(folder))
        yield server
        server.kill()


@pytest.fixture
def own_redis_server(redis_binary: str) -> Iterator[RedisServer]:
    """A server for one test, which may kill it; it has each write on the disk before it answers."""
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        options = ("--appendonly", "yes", "--appendfsync", "always")
        server = RedisServer(redis_binary, Path(folder), *options)
        yield server
        server.kill()


@pytest.fixture(params=["memory", "json", "sqlite", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Return an empty place of each kind."""
    return _place(request.param, request, tmp_path)


@pytest.fixture(params=["json", "sqlite", "redis"])
def durable_place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Return an empty place of each kind that processes can share."""
    return _place(request.param, request, tmp_path)


def _place(kind: str, request: pytest.FixtureRequest, folder: Path) -> Place:
    if kind == "memory":
        store = MemoryStore()
        return Place(kind, "memory://", lambda: store)
    if kind == "json":
        path = folder / "s.json"
        return Place(kind, f"json://{path}", lambda: JsonFileStore(path))
    if kind == "sqlite":
        path = folder / "s.db"
        return Place(kind, f"sqlite://{path}", lambda: SqliteStore(path))
    server: RedisServer = request.getfixturevalue("redis_server")
    url = server.url(folder.name.replace("[", "-").replace("]", "-")[-60:])
    empty = RedisStore(url)
    empty._ask("DEL", *empty._keys, empty._kept_key)
    empty.close()
    return Place(kind, url, lambda: RedisStore(url))
