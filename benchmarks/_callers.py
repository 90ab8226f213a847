"""Callers of a service at a steady rate: decisions, and reports of them in every order.

A report is sent until it is answered for good, as a careful client does: 503 and a broken
connection mean "again in a second". Some come late, in parts, twice (with another value, which must
teach nothing), or many at once; beside them batches, calls through the gateway, look-ups, health,
metrics, and requests that are wrong.
"""

import asyncio
import heapq
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from _account import COST, QUALITY, Account

TIMEOUT_S = 25.0
AGAIN_S = 1.0
CALLERS = 24
RECONNECTS = 0.02
"""How often a connection is closed after a request; else new workers would be asked by nobody."""

GATEWAY = {"/v1/chat/completions", "/v1/messages"}


class Answer(NamedTuple):
    """A whole answer; status 0 where the connection broke, -1 where it broke in an answer."""

    status: int
    headers: dict[str, str]
    body: bytes


class Seen(NamedTuple):
    """One request, as its caller met it."""

    at_s: float
    path: str
    status: int
    kind: str
    seconds: float


class Connection:
    """One kept connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self, method: str, path: str, body: bytes = b"") -> Answer:
        """Send a request, and read its answer to the end."""
        status = 0
        try:
            async with asyncio.timeout(TIMEOUT_S):
                if self._streams is not None and self._streams[0].at_eof():
                    self.close()  # while it was idle: nothing is lost by that
                if self._streams is None:
                    self._streams = await asyncio.open_connection("127.0.0.1", self._port)
                reader, writer = self._streams
                head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                status = -1
                pairs = (line.partition(":") for line in lines[1:] if line)
                headers = {name.lower(): value.strip() for name, _, value in pairs}
                content = await _content(reader, headers)
                if headers.get("connection") == "close":
                    self.close()
                return Answer(int(lines[0].split()[1]), headers, content)
        except TimeoutError:
            self.close()
            return Answer(-2, {}, b"")
        except (OSError, asyncio.IncompleteReadError, ValueError):
            self.close()
            return Answer(status, {}, b"")

    def close(self) -> None:
        """Close it; the next call opens another."""
        if self._streams is not None:
            with suppress(Exception):
                self._streams[1].close()
            self._streams = None


async def _content(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", 0)))
    found = b""
    while True:
        size = int(await reader.readline(), 16)
        found += (await reader.readexactly(size + 2))[:-2]
        if not size:
            return found


class Report(NamedTuple):
    """A report that is due; ``reports`` are of one request."""

    at_s: float
    order: int
    reports: list[tuple[str, dict[str, float]]]
    is_again: bool = False


class Callers:
    """All callers of one run.

    Parameters
    ----------
    port : int
        Of the service.
    tasks : sequence of dict
    rate : float
        Requests a second, of all of them.
    seed : int
    artifacts : sequence of str
        Of `Place.models`, for look-ups only.
    """

    def __init__(
        self, port: int, tasks: Sequence[dict[str, Any]], *, rate: float, seed: int
    ) -> None:
        self._port, self._tasks, self._rate = port, tasks, rate
        self._rng = random.Random(seed)
        self.account = Account()
        self.seen: list[Seen] = []
        self.kinds: Counter[tuple[str, int, str]] = Counter()
        self._due: list[Report] = []
        self._order = 0
        self._recent: list[str] = []
        self._ending = False
        self._stopped = False

    @property
    def n_due(self) -> int:
        """Reports that are not answered for good yet."""
        return len(self._due)

    async def run(self, stop: asyncio.Event) -> None:
        """Call until told to stop, then until every report is answered, a minute at most."""
        callers = [asyncio.create_task(self._caller(i)) for i in range(CALLERS)]
        await stop.wait()
        self._ending = True
        until_s = time.monotonic() + 60.0
        while self._due and time.monotonic() < until_s:
            await asyncio.sleep(0.2)
        await asyncio.sleep(1.0)
        self._stopped = True
        await asyncio.gather(*callers)

    async def _caller(self, number: int) -> None:
        connection = Connection(self._port)
        every_s = CALLERS / self._rate
        next_s = time.monotonic() + every_s * number / CALLERS
        while not self._stopped:
            await asyncio.sleep(max(0.0, next_s - time.monotonic()))
            next_s = max(next_s + every_s, time.monotonic() - 1.0)
            await self._step(connection)
            if self._rng.random() < RECONNECTS:
                connection.close()
        connection.close()

    async def _step(self, connection: Connection) -> None:
        now_s = time.monotonic()
        is_due = bool(self._due) and (self._ending or self._due[0].at_s <= now_s)
        if is_due and (self._ending or self._rng.random() < 0.7):
            await self._report(connection, heapq.heappop(self._due))
        elif not self._ending:
            draw = self._rng.random()
            if draw < 0.70:
                await self._route(connection)
            elif draw < 0.73:
                await self.batch(connection)
            elif draw < 0.87:
                await self.through(connection)
            else:
                await self._look(connection)

    async def _call(self, connection: Connection, method: str, path: str, body: Any) -> Answer:
        raw = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        started = time.monotonic()
        answer = await connection.call(method, path, raw)
        shown = "/v1/decisions/{id}" if path.startswith("/v1/decisions") else path
        kind = _kind(answer)
        self.seen.append(Seen(started, shown, answer.status, kind, time.monotonic() - started))
        return answer

    async def _route(self, connection: Connection) -> None:
        rng = self._rng
        body: dict[str, Any] = {"task": rng.choice(self._tasks)}
        if rng.random() < 0.1:
            body["trace_id"] = f"trace-{rng.randrange(1_000_000)}"
        answer = await self._call(connection, "POST", "/v1/route", body)
        if answer.status == 200:
            decision_id = json.loads(answer.body)["decision_id"]
            self._decided(decision_id, trace_id=body.get("trace_id"))

    async def batch(
        self,
        connection: Connection,
        n: int = 8,
        names: Sequence[str] = (QUALITY, COST),
        *,
        in_s: float | None = None,
    ) -> None:
        """Decide several tasks together, and report these outcomes of them together, soon."""
        body = {"tasks": self._rng.sample(self._tasks, n)}
        answer = await self._call(connection, "POST", "/v1/route/batch", body)
        if answer.status == 200:
            ids = [each["decision_id"] for each in json.loads(answer.body)["decisions"]]
            now_s = time.monotonic()
            for each in ids:
                self.account.decided(each, now_s)
            values = [self._values() for _ in ids]
            self._later(
                [
                    (each, {name: given[name] for name in names})
                    for each, given in zip(ids, values, strict=True)
                ],
                in_s=in_s,
            )

    async def through(self, connection: Connection, *, reports: float = 0.8) -> None:
        """Call a model through the gateway, and report of its answer soon, so often."""
        rng = self._rng
        path = rng.choice(sorted(GATEWAY))
        text = f"{rng.randrange(1_000_000)} {rng.choice(self._tasks)['text']}"
        body: dict[str, Any] = {"model": "tracetier", "max_tokens": 256}
        body["messages"] = [{"role": "user", "content": text}]
        if rng.random() < 0.5:
            body["stream"] = True
        answer = await self._call(connection, "POST", path, body)
        decision_id = answer.headers.get("x-tracetier-decision")
        if answer.status == 200 and decision_id:
            self.account.decided(decision_id, time.monotonic(), by_gateway=True)
            if rng.random() < reports:
                self._later([(decision_id, {QUALITY: self._values()[QUALITY]})])

    async def _look(self, connection: Connection) -> None:
        draw = self._rng.random()
        if draw < 0.5 and self._recent:
            path = f"/v1/decisions/{self._rng.choice(self._recent)}"
        elif draw < 0.6:
            await self._call(connection, "POST", "/v1/route", {"task": {"text": 7}})
            return
        else:
            path = self._rng.choice(("/readyz", "/readyz", "/healthz", "/metrics", "/v1/policy"))
        await self._call(connection, "GET", path, None)

    def _decided(self, decision_id: str, *, trace_id: str | None) -> None:
        rng, values = self._rng, self._values()
        self.account.decided(decision_id, time.monotonic())
        self._recent.append(decision_id)
        del self._recent[:-200]
        draw = rng.random()
        if draw < 0.01:  # never
            return
        if trace_id is not None and draw < 0.5:
            self._later([(trace_id, {QUALITY: values[QUALITY]})])
            self.account.credited[decision_id] = values[QUALITY]
        elif draw < 0.3:  # in parts, in any order
            for name in rng.sample((QUALITY, COST), 2):
                self._later([(decision_id, {name: values[name]})])
        else:
            self._later([(decision_id, values)])
        if draw > 0.9:  # twice, with other values
            self._later([(decision_id, self._values())], is_again=True)

    def _values(self) -> dict[str, float]:
        rng = self._rng
        return {QUALITY: round(rng.uniform(0, 10), 3), COST: round(rng.uniform(1e-4, 0.02), 6)}

    def _later(
        self,
        reports: list[tuple[str, dict[str, float]]],
        *,
        is_again: bool = False,
        in_s: float | None = None,
    ) -> None:
        if in_s is None:
            in_s = self._rng.expovariate(1.0) if self._rng.random() < 0.8 else 30.0
            in_s = self._rng.uniform(0.0, 40.0) if is_again else in_s
        self._order += 1
        due = Report(time.monotonic() + in_s, self._order, reports, is_again)
        heapq.heappush(self._due, due)

    async def _report(self, connection: Connection, due: Report) -> None:
        account = self.account
        first, values = due.reports[0]
        if first.startswith("trace-"):
            body: dict[str, Any] = {"trace_id": first, "quality": values[QUALITY]}
        elif len(due.reports) == 1:
            if due.is_again and not account.sent[first].acknowledged.keys() >= values.keys():
                if not self._ending and account.sent[first].refused_s is None:
                    self._later(due.reports, is_again=True, in_s=5.0)
                return
            body = {"decision_id": first} | values
        else:
            body = {"reports": [{"decision_id": each} | given for each, given in due.reports]}
        if not first.startswith("trace-") and not due.is_again:
            for each, given in due.reports:
                account.sending(each, given)
        answer = await self._call(connection, "POST", "/v1/feedback", body)
        if answer.status == 200:
            self._took(due, json.loads(answer.body)["receipts"])
        elif answer.status == 404:
            self._refused(due)
        elif answer.status in (0, -1, -2, 503, 429):
            self._later(due.reports, is_again=due.is_again, in_s=AGAIN_S)

    def _took(self, due: Report, receipts: list[dict[str, Any]]) -> None:
        account = self.account
        if "trace_id" in receipts[0]:
            value = due.reports[0][1][QUALITY]
            for decision_id in receipts[0].get("credited", ()):
                sent = account.sent.get(decision_id)
                if sent is not None:
                    sent.values.setdefault(QUALITY, value)
                    account.acknowledged(decision_id, {QUALITY: value})
            return
        for decision_id, values in due.reports:
            account.acknowledged(decision_id, values)

    def _refused(self, due: Report) -> None:
        """One of them is not known: the others are reported one by one."""
        if len(due.reports) > 1:
            for each in due.reports:
                self._later([each], in_s=0.0)
            return
        sent = self.account.sent.get(due.reports[0][0])
        if sent is not None and not due.is_again:
            sent.refused_s = time.monotonic()


def _kind(answer: Answer) -> str:
    """Return what kind of failure an answer tells of, in its own protocol."""
    if answer.status in (0, -1, -2):
        return {0: "no answer", -1: "broke off", -2: "timed out"}[answer.status]
    if answer.status < 400:
        return "degraded" if "x-tracetier-degraded" in answer.headers else "ok"
    try:
        told = json.loads(answer.body)
    except ValueError:
        return "not JSON"
    if "type" in told and str(told["type"]).startswith("urn:"):
        return str(told["type"]).rpartition(":")[2]
    error = told.get("error") or {}
    if "x-told" in answer.headers:
        return "of the upstream"
    if str(error.get("message")).startswith("no upstream answered"):
        return "upstream_failed"  # one protocol has a code for it, the other has not
    return str(error.get("code") or error.get("type") or "unknown")
