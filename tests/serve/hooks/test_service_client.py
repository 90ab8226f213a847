"""The command asks a running service by the least of HTTP."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

Change = Callable[..., dict[str, Any]]

ROOT = Path(__file__).parents[3]
COMMAND = "from tracetier.cli import main; import sys; sys.argv[0] = 'tracetier'; main()"


class _Handler(BaseHTTPRequestHandler):
    asked: ClassVar[list[tuple[str, str | None, dict[str, Any]]]] = []
    status: ClassVar[int] = 200
    body: ClassVar[bytes] = b"{}"

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, self.headers["Authorization"], event))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *told: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    """One that answers what the handler's class says."""
    with HTTPServer(("127.0.0.1", 0), _Handler) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def _ask(port: int, event: dict[str, Any], *argv: str, **env: str) -> bytes:
    """Run the command until the service has been asked, and return what it printed last."""
    _Handler.asked.clear()
    found = b""
    command = [sys.executable, "-P", "-c", COMMAND, "hook", "claude-code"]
    command += ["--url", f"http://127.0.0.1:{port}", *argv]
    for _ in range(20):  # a loaded machine may need longer than an agent should wait
        done = subprocess.run(
            command,
            input=json.dumps(event).encode(),
            capture_output=True,
            env=os.environ | {"PYTHONPATH": str(ROOT / "pipeline")} | env,
            check=True,
        )
        assert done.stderr == b""
        found = done.stdout
        if _Handler.asked and (found or _Handler.body == b"{}" or _Handler.status != 200):
            break
    return found


def test_the_event_goes_to_the_service_and_its_answer_to_the_agent(
    server: HTTPServer, spawn_event: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the token of the environment, and the options in the address."""
    monkeypatch.setattr(_Handler, "body", b'{"hookSpecificOutput": {}}')
    argv = ("--override", "--quality-from", "proxy:all")
    found = _ask(server.server_port, spawn_event(), *argv, TRACETIER_TOKEN="s3cret")
    path, token, event = _Handler.asked[-1]

    assert found == b'{"hookSpecificOutput": {}}'
    assert path == "/hooks/claude-code?override=1&quality_from=proxy:all"
    assert (token, event) == ("Bearer s3cret", spawn_event())


@pytest.mark.parametrize(("status", "body"), [(200, b"{}"), (401, b'{"title": "no"}'), (500, b"")])
def test_nothing_is_printed_where_the_service_says_nothing_or_fails(
    server: HTTPServer,
    spawn_event: Change,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    body: bytes,
) -> None:
    """A problem document is no output of a hook."""
    monkeypatch.setattr(_Handler, "status", status)
    monkeypatch.setattr(_Handler, "body", body)

    assert _ask(server.server_port, spawn_event()) == b""
    assert _Handler.asked
