"""What the gateway adds to a call: the same request to a local upstream, directly and through it.

    python benchmarks/gateway.py                     # trains a small artifact first
    python benchmarks/gateway.py --calls 2000 --json

One client on one connection to each, turn about: a call to the upstream, the same call through the
gateway, so that both meet the same machine. Plain answers and streams (20 events, 2 ms apart) of
both protocols; of streams the time to the first byte and to the last. The upstream answers at once
and does no work. Gateway and upstream are processes of their own; the client is a plain socket.
The floor is a reverse proxy of the same web server and httpx's transport that only copies: what a
proxy of the usual libraries adds that decides nothing. Beside the times stands the processor time
that gateway and floor spent on a call, all threads together, reports after the answer included.
Target: 2 ms at the median.
"""

import argparse
import json
import os
import random
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from serve import artifact_of, free_port, processor_s, server, tasks_of

TARGET_MS = 2.0
N_EVENTS = 20
GAP_S = 0.002

UPSTREAM = """
import asyncio, json

EVENTS = {
    "/v1/chat/completions": [b'data: {"id":"c","object":"chat.completion.chunk","created":1,'
        b'"model":"m","choices":[{"index":0,"delta":{"content":" word"}}]}\\n\\n'] * (N - 2)
        + [b'data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[],'
           b'"usage":{"prompt_tokens":100,"completion_tokens":20}}\\n\\n', b"data: [DONE]\\n\\n"],
    "/v1/messages": [b'event: message_start\\ndata: {"type":"message_start","message":{"id":"a",'
        b'"type":"message","model":"m","usage":{"input_tokens":100,"output_tokens":1}}}\\n\\n']
        + [b'event: content_block_delta\\ndata: {"type":"content_block_delta","index":0,"delta":'
           b'{"type":"text_delta","text":" word"}}\\n\\n'] * (N - 2)
        + [b'event: message_delta\\ndata: {"type":"message_delta","usage":{"output_tokens":20}}'
           b'\\n\\n'],
}
ANSWERS = {
    "/v1/chat/completions": json.dumps({"id": "c", "object": "chat.completion", "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "word " * 20}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20}}).encode(),
    "/v1/messages": json.dumps({"id": "a", "type": "message", "role": "assistant", "model": "m",
        "content": [{"type": "text", "text": "word " * 20}],
        "usage": {"input_tokens": 100, "output_tokens": 20}}).encode(),
}

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive(); await send({"type": "lifespan.startup.complete"})
        await receive(); await send({"type": "lifespan.shutdown.complete"})
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    path = scope["path"]
    if b'"stream":true' in body:
        await send({"type": "http.response.start", "status": 200,
                    "headers": [(b"content-type", b"text/event-stream")]})
        for i, event in enumerate(EVENTS[path]):
            if i:
                await asyncio.sleep(GAP)
            await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return
    answer = ANSWERS[path]
    await send({"type": "http.response.start", "status": 200, "headers": [
        (b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]})
    await send({"type": "http.response.body", "body": answer})
"""

FLOOR = """
import httpx

transport = httpx.AsyncHTTPTransport()

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive(); await send({"type": "lifespan.startup.complete"})
        await receive(); await send({"type": "lifespan.shutdown.complete"})
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    request = httpx.Request("POST", "URL" + scope["path"], content=body,
                            headers=[(b"content-type", b"application/json")])
    response = await transport.handle_async_request(request)
    await send({"type": "http.response.start", "status": response.status_code,
                "headers": [each for each in response.headers.raw
                            if each[0].lower() not in (b"transfer-encoding", b"date", b"server")]})
    async for piece in response.stream:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await response.aclose()
    await send({"type": "http.response.body", "body": b""})
"""


class Times(NamedTuple):
    """Seconds to the first byte of an answer's body, and to its last."""

    first_s: float
    whole_s: float


class Client:
    """One connection that is kept, and calls by it."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, path: str, body: bytes) -> Times:
        """Send a request, and read its answer to the end."""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        started = time.perf_counter()
        self._socket.sendall(head.encode() + body)
        got, at = b"", -1
        first_s = 0.0
        while True:
            got += self._socket.recv(65536)
            now_s = time.perf_counter() - started
            if at < 0:
                at = got.find(b"\r\n\r\n") + 4
                at = -1 if at < 4 else at
            if at > 0 and not first_s and len(got) > at:
                first_s = now_s
            if at > 0 and _is_whole(got, at):
                break
        if not got.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(got[:500].decode("utf-8", "replace"))
        return Times(first_s, now_s)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def _is_whole(got: bytes, at: int) -> bool:
    head = got[:at].lower()
    if b"transfer-encoding: chunked" in head:
        return got.endswith(b"0\r\n\r\n")
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    return len(got) - at >= length


def settings_file(folder: Path, port: int) -> None:
    """Write the tracetier.toml of a gateway whose tiers are all at the upstream."""
    lines = []
    for tier in ("haiku", "sonnet", "opus"):
        lines += [
            "[[tier]]",
            f'name = "{tier}"',
            f'model = "fake-{tier}"',
            'upstream = ["o", "a"]',
            "input_usd_per_mtok = 1.0",
            "output_usd_per_mtok = 5.0",
        ]
    for name, api, path in (("o", "openai", "/v1"), ("a", "anthropic", "")):
        url = f"http://127.0.0.1:{port}{path}"
        lines += ["[[upstream]]", f'name = "{name}"', f'api = "{api}"', f'base_url = "{url}"']
    (folder / "tracetier.toml").write_text("\n".join(lines) + "\n")


def request_of(text: str, *, is_stream: bool, i: int) -> bytes:
    """Return a request of one system prompt, some tools and one task of about 100 words."""
    parameters = {"type": "object", "properties": {"path": {"type": "string"}}}
    body: dict[str, Any] = {
        "model": "tracetier",
        "max_tokens": 1024,
        "messages": [{"role": "user", "content": f"{i} {text}"}],
        "tools": [
            {"name": name, "description": "A tool of the agent. " * 5, "input_schema": parameters}
            for name in ("bash", "edit", "read", "grep")
        ],
    }
    if is_stream:
        body["stream"] = True
    return json.dumps(body, separators=(",", ":")).encode()


def warm_up(n: int) -> int:
    """Return how many calls come before those that count."""
    return max(10, n // 10)


def measure(
    clients: dict[str, Client], path: str, bodies: Sequence[bytes], n: int
) -> dict[str, list[Times]]:
    """Call all turn about, n times each after some to warm up."""
    found: dict[str, list[Times]] = {name: [] for name in clients}
    names = list(clients)
    for i in range(-warm_up(n), n):
        body = bodies[i % len(bodies)]
        for k in range(len(names)):
            name = names[(k + i) % len(names)]
            times = clients[name].call(path, body)
            if i >= 0:
                found[name].append(times)
    return found


def interval(values: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """95 % bootstrap interval of the median."""
    draws = rng.integers(0, len(values), (400, len(values)))
    low, high = np.percentile(np.median(values[draws], axis=1), (2.5, 97.5))
    return float(low), float(high)


def row_of(what: str, direct: np.ndarray, through: np.ndarray, floor: np.ndarray) -> dict[str, Any]:
    """Return medians in ms, what is added with its interval, and the ratio."""
    rng = np.random.default_rng(0)
    added = 1000.0 * (through - direct)
    low, high = interval(added, rng)
    return {
        "what": what,
        "n": len(direct),
        "direct_ms": float(np.median(direct) * 1000),
        "gateway_ms": float(np.median(through) * 1000),
        "added_ms": float(np.median(added)),
        "added_low_ms": low,
        "added_high_ms": high,
        "added_p90_ms": float(np.percentile(added, 90)),
        "ratio": float(np.median(through) / np.median(direct)),
        "floor_added_ms": float(np.median(1000.0 * (floor - direct))),
        "load_average": os.getloadavg()[0],
        "meets_target": float(np.median(added)) <= TARGET_MS,
    }


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Start everything, measure, and return the rows."""
    rows = []
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        artifact = artifact_of(args.artifact, folder).resolve()
        up, mid, base = free_port(), free_port(), free_port()
        (folder / "upstream_app.py").write_text(f"N, GAP = {N_EVENTS}, {GAP_S}\n" + UPSTREAM)
        (folder / "floor_app.py").write_text(FLOOR.replace("URL", f"http://127.0.0.1:{up}"))
        settings_file(folder, up)
        uvicorn = [sys.executable, "-m", "uvicorn", "--log-level", "warning", "--no-access-log"]
        asgi = [*uvicorn, "--app-dir", str(folder)]
        chat = "/v1/chat/completions"
        cores = args.cores
        command = [*asgi, "upstream_app:app", "--port", str(up)]
        stack.enter_context(server(command, up, core=cores[1], ready=chat))
        command = [*asgi, "floor_app:app", "--port", str(base)]
        pids = {"floor": stack.enter_context(server(command, base, core=cores[0], ready=chat))}
        serve = [sys.executable, "-m", "tracetier", "serve", str(artifact), "--port", str(mid)]
        here = Path.cwd()
        os.chdir(folder)  # where its tracetier.toml is
        stack.callback(os.chdir, here)
        ready = server(serve, mid, core=cores[0], ready="/healthz")
        pids["gateway"] = stack.enter_context(ready)
        texts = [str(task["text"]) for task in tasks_of(200, random.Random(0))]
        ports = {"direct": up, "gateway": mid, "floor": base}
        for path in (chat, "/v1/messages"):
            for is_stream in (False, True):
                clients = {each: Client(port) for each, port in ports.items()}
                bodies = [request_of(t, is_stream=is_stream, i=i) for i, t in enumerate(texts)]
                n = args.calls // 4 if is_stream else args.calls
                before = {each: processor_s(pid) for each, pid in pids.items()}
                found = measure(clients, path, bodies, n)
                spent = {each: processor_s(pid) - before[each] for each, pid in pids.items()}
                for client in clients.values():
                    client.close()
                for k, label in ((0, "first byte"), (1, "whole")):
                    if k == 0 and not is_stream:
                        continue
                    times = {each: np.array([t[k] for t in ts]) for each, ts in found.items()}
                    what = f"{path} {'stream, ' + label if is_stream else 'plain'}"
                    row = row_of(what, times["direct"], times["gateway"], times["floor"])
                    n_all = n + warm_up(n)
                    row |= {f"{each}_cpu_ms": 1000.0 * s / n_all for each, s in spent.items()}
                    rows.append(row)
    return rows


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--artifact", type=Path, help="an artifact with the tiers haiku to opus")
    parser.add_argument("--calls", type=int, default=1000, help="plain calls; streams a quarter")
    parser.add_argument(
        "--cores", type=int, nargs=2, default=(0, 1), help="of the gateway, and of the upstream"
    )
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = run(args)
    if args.json:
        print(json.dumps(rows, indent=1))
        return
    table = Table(title=f"added by the gateway, ms (target {TARGET_MS:g} at the median)")
    columns = ("what", "n", "direct", "gateway", "added [95 %]", "p90", "ratio", "floor adds")
    for column in (*columns, "cpu a call", "floor's"):
        table.add_column(column)
    for row in rows:
        table.add_row(
            row["what"],
            str(row["n"]),
            f"{row['direct_ms']:.2f}",
            f"{row['gateway_ms']:.2f}",
            f"{row['added_ms']:.2f} [{row['added_low_ms']:.2f}, {row['added_high_ms']:.2f}]",
            f"{row['added_p90_ms']:.2f}",
            f"{row['ratio']:.2f}",
            f"{row['floor_added_ms']:.2f}",
            f"{row['gateway_cpu_ms']:.2f}",
            f"{row['floor_cpu_ms']:.2f}",
        )
    console = Console(width=160)
    console.print(table)
    console.print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
