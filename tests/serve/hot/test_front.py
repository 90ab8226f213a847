"""The fast routes over real connections: the same answers as at the edge, whatever comes."""

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

uvicorn = pytest.importorskip("uvicorn")
pytest.importorskip("httptools")

# ruff: noqa: E402 - not before it is known that the server is installed
from tracetier.serve.auth import Access
from tracetier.serve.hot import front as module
from tracetier.serve.hot.front import Front
from tracetier.serve.service import Service
from tracetier.settings import Settings

if TYPE_CHECKING:
    from tests.serve.conftest import MakeApp, Maker

SECRET = "s3cret-token-of-the-tests-0123456789"
TASK = json.dumps({"task": {"text": "Rename foo", "task_type": "edit"}}).encode()
WEB: dict[str, Any] = {"access_log": False, "server_header": False, "proxy_headers": False}
VARYING = re.compile(
    rb'(date: [^\r]+|"decision_id":"[^"]+"|"timestamp":"[^"]+"|x-request-id: [^\r]+'
    rb'|"instance":"[^"]+"|"propensit[^]}]+[]}]|"explored":\w+|"tier":"\w+"|"model":[^,]+'
    rb'|"reasons":\[[^]]*\]|content-length: \d+)'
)


@contextmanager
def served(app: Any, *, http: Any = Front) -> Iterator[tuple[str, int]]:
    """Serve an app on a free port, by our front or by the web server's own protocol."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, http=http, log_config=None, ws="none", **WEB)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.005)
        try:
            yield listening.getsockname()
        finally:
            server.should_exit = True
            thread.join(20)


def request(path: str, body: bytes, *, method: str = "POST", **headers: str) -> bytes:
    """Return a request as it goes over the wire."""
    fields = {"host": "127.0.0.1", "content-length": str(len(body))} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def answers(address: tuple[str, int], *pieces: bytes, n: int = 1, pause_s: float = 0.0) -> bytes:
    """Send pieces over one connection, and return what comes of so many answers, or to its end."""
    with socket.create_connection(address, 10) as connection:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause_s)
        got = b""
        while _n_whole(got) < n:
            more = connection.recv(65536)
            if not more:
                break
            got += more
        return got


def _rest(connection: socket.socket) -> bytes:
    """Return all that comes until the other side closes."""
    got = b""
    while more := connection.recv(65536):
        got += more
    return got


def _n_whole(got: bytes) -> int:
    n = 0
    while True:
        head, parted, rest = got.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        if not parted or (length and len(rest) < int(length[1])):
            return n
        n, got = n + 1, rest[int(length[1]) if length else 0 :]


CASES: dict[str, bytes] = {
    "a decision": request("/v1/route", TASK),
    "a batch": request("/v1/route/batch", b'{"tasks": [{"text": "a"}, {}]}'),
    "an unknown decision": request("/v1/feedback", b'{"decision_id": "x", "quality": 1}'),
    "no json": request("/v1/route", b"{"),
    "not utf-8": request("/v1/route", b'{"task": {"text": "\xff"}}'),
    "a typo": request("/v1/route", b'{"task": {"txt": 1}}'),
    "no such tier": request("/v1/route", b'{"task": {}, "allowed": ["x"]}'),
    "an own id": request("/v1/route", b"{", x_request_id="mine-1"),
    "an odd id": request("/v1/route", b"{", x_request_id="two words"),
    "too large": request("/v1/route", b"x" * 3_000),
    "another method": request("/v1/route", b"", method="GET"),
    "another path": request("/healthz", b"", method="GET"),
    "a query": request("/v1/route?x=1", TASK),
    "an escaped path": request("/v1/%72oute", TASK),
    "the last of its connection": request("/v1/route", TASK, connection="close"),
    "of old": request("/v1/route", TASK).replace(b"HTTP/1.1", b"HTTP/1.0"),
    "in chunks": b"POST /v1/route HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\n"
    + b"%x\r\n%b\r\n0\r\n\r\n" % (len(TASK), TASK),
    "another name": request("/v1/route", TASK, host="evil.example"),
    "another origin": request("/v1/route", TASK, origin="http://evil.example"),
    "no http": b"\x16\x03\x01\r\n\r\n",
}


@pytest.fixture(scope="module", name="both")
def _both(make_router: "Maker") -> Iterator[tuple[tuple[str, int], tuple[str, int]]]:
    """The same app by our front, and by the web server's own protocol."""
    from tracetier.serve.app import create_app

    def app() -> Any:
        settings = Settings(max_body_bytes=2_000)
        return create_app(Service(make_router()), settings, hosts=frozenset({"127.0.0.1"}))

    with served(app()) as one, served(app(), http="httptools") as other:
        yield one, other


@pytest.mark.parametrize("case", CASES)
def test_the_front_answers_as_the_edge_does(
    both: tuple[tuple[str, int], tuple[str, int]], case: str
) -> None:
    """Byte for byte, apart from ids, times, and what is drawn by chance."""
    one, other = (VARYING.sub(b"", answers(address, CASES[case])) for address in both)

    assert one.startswith(b"HTTP/1.1 ")
    assert sorted(one.split(b"\r\n")) == sorted(other.split(b"\r\n"))


@pytest.mark.parametrize(("case", "is_here"), [("a decision", True), ("another path", False)])
def test_only_fast_routes_are_answered_at_the_front(
    both: tuple[tuple[str, int], ...], monkeypatch: pytest.MonkeyPatch, case: str, is_here: bool
) -> None:
    """Else all these tests would hold the edge against itself."""
    n_handed: list[None] = []
    hand_over = Front._hand_over

    def counted(front: Front) -> None:
        n_handed.append(None)
        hand_over(front)

    monkeypatch.setattr(Front, "_hand_over", counted)
    answers(both[0], CASES[case])

    assert (not n_handed) == is_here


def test_a_connection_serves_many_requests(both: tuple[tuple[str, int], ...]) -> None:
    """Of fast routes and others, in whatever order; each gets its own answer."""
    with socket.create_connection(both[0], 10) as connection:
        got = []
        for case in ("a decision", "no json", "a decision", "another path", "a batch", "no json"):
            connection.sendall(CASES[case])
            answer = b""
            while _n_whole(answer) < 1:
                answer += connection.recv(65536)
            got.append(answer[9:12])

    assert got == [b"200", b"400", b"200", b"200", b"200", b"400"]


def test_requests_that_come_at_once_are_answered_in_their_order(
    both: tuple[tuple[str, int], ...],
) -> None:
    """In one piece, and each before the answer to the last."""
    three = [request("/v1/route", b"{", x_request_id=f"r-{i}") for i in range(3)]

    for pieces in ([b"".join(three)], three):
        got = answers(both[0], *pieces, n=3)
        assert re.findall(rb"x-request-id: (\S+)", got) == [b"r-0", b"r-1", b"r-2"]


@pytest.mark.parametrize("patience_s", [1.0, 0.01])
def test_a_request_that_comes_in_pieces_is_answered(
    both: tuple[tuple[str, int], ...], monkeypatch: pytest.MonkeyPatch, patience_s: float
) -> None:
    """By the front while it is quick, else by the web server."""
    monkeypatch.setattr(module, "PIECES_S", patience_s)
    whole = request("/v1/route", TASK)

    for at in (1, 10, len(whole) - len(TASK), len(whole) - 1):
        got = answers(both[0], whole[:at], whole[at:], pause_s=0.03)
        assert got.startswith(b"HTTP/1.1 200 ")
        assert json.loads(got.partition(b"\r\n\r\n")[2])["bucket"] == "edit"


def test_a_client_that_leaves_costs_no_other(both: tuple[tuple[str, int], ...]) -> None:
    """Before its answer, or in the middle of its request."""
    for sent in (CASES["a decision"], CASES["a decision"][:40]):
        with socket.create_connection(both[0], 10) as connection:
            connection.sendall(sent)

    assert answers(both[0], CASES["a decision"]).startswith(b"HTTP/1.1 200 ")


def test_tokens_and_rates_hold_at_the_front(make_app: "MakeApp") -> None:
    """No token, one without the role, one that is too quick."""
    access = Access([("one", ["route"], SECRET)])
    with served(make_app(Settings(requests_per_s=1.0), access=access)) as address:
        named = {"authorization": f"Bearer {SECRET}"}
        got = [
            answers(address, request(path, b"{}", **headers))
            for path, headers in (
                ("/v1/route", {}),
                ("/v1/feedback", named),
                ("/v1/route", named),
                ("/v1/route", named),
                ("/v1/route", named),
            )
        ]

    assert [answer[9:12] for answer in got] == [b"401", b"403", b"422", b"422", b"429"]
    assert b"www-authenticate: Bearer" in got[0]
    assert b"retry-after: " in got[-1]
    assert all(SECRET.encode() not in answer for answer in got)


class _Slow(Service):
    """A service that is told to end while it decides."""

    on_route: Callable[[], None]

    def route_calls(self, calls: Any, **given: Any) -> Any:
        self.on_route()
        return super().route_calls(calls, **given)


def test_a_request_under_way_is_answered_when_the_server_ends(
    make_app: "MakeApp", make_router: "Maker", monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its connection is closed after; one that is idle is closed at once."""
    service = _Slow(make_router())
    ended: list[Any] = []

    def end() -> None:
        for front in ended:
            front.shutdown()

    service.on_route = end
    made = Front.connection_made

    def kept(front: Any, transport: Any) -> None:
        ended.append(front)
        made(front, transport)

    monkeypatch.setattr(Front, "connection_made", kept)
    with (
        served(make_app(service=service)) as address,
        socket.create_connection(address, 10) as connection,
    ):
        connection.sendall(CASES["a decision"])
        got = _rest(connection)

    assert got.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in got
    assert _n_whole(got) == 1


def test_a_connection_that_is_quiet_for_long_is_closed(
    make_app: "MakeApp", monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the time that the web server is told to keep it."""
    made = Front.__init__

    def hasty(front: Any, *given: Any, **named: Any) -> None:
        made(front, *given, **named)
        front._idle_s = 0.05

    monkeypatch.setattr(Front, "__init__", hasty)
    with served(make_app()) as address, socket.create_connection(address, 10) as connection:
        connection.sendall(CASES["a decision"])
        assert _n_whole(_rest(connection)) == 1
