"""A provider for tests: OpenAI's chat completions and Anthropic's messages, as plain ASGI.

It says what it is told to: the last user text steers it ("fail 503", "slow", "tool", ...). Every
request that it got is kept, so that a test can look at what was sent on.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

Scope = Any
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Json = dict[str, Any]

WORDS = ("All", " is", " well", ".")


class Got(NamedTuple):
    """A request that came in."""

    path: str
    query: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Json:
        """What it asked."""
        found: Json = json.loads(self.raw)
        return found


class FakeUpstream:
    """The app, and what it saw.

    Attributes
    ----------
    requests : list of Got
    streams : list of bytes
        The whole of each stream that was sent, as it was sent.
    n_left : int
        Clients that left before their answer had ended.
    """

    def __init__(self) -> None:
        self.requests: list[Got] = []
        self.streams: list[bytes] = []
        self.n_left = 0
        self.fails: dict[str, tuple[int, dict[str, str]]] = {}

    def forget(self) -> None:
        """Begin anew."""
        self.requests.clear()
        self.streams.clear()
        self.fails.clear()
        self.n_left = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        got = await _got(scope, receive)
        if not got.raw:  # of who waits for it to be up
            await _whole(send, 404, {}, {})
            return
        self.requests.append(got)
        model = str(got.body.get("model"))
        says = _last_text(got.body)
        if model in self.fails:
            status, headers = self.fails[model]
            await _whole(send, status, _error(got.path, status), headers)
        elif says.startswith("fail "):
            status = int(says.split()[1])
            await _whole(send, status, _error(got.path, status), {"Retry-After": "7"})
        elif got.body.get("stream") is True:
            await self._stream(got, says, receive, send)
        else:
            answer = _chat(got.body, says) if "chat" in got.path else _message(got.body, says)
            await _whole(send, 200, answer, {"X-Request-Id": "up-1", "Set-Cookie": "a=b"})

    async def _stream(self, got: Got, says: str, receive: Receive, send: Send) -> None:
        events = _chat_events if "chat" in got.path else _message_events
        headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        sent = b""
        left = asyncio.create_task(_until_left(receive))
        async for event in events(got.body, says):
            sent += event
            await send({"type": "http.response.body", "body": event, "more_body": True})
            if says == "break off" and sent.count(b"data:") > 2:
                raise ConnectionError("as a test wants it")
            if says == "wait":
                await asyncio.wait({left}, timeout=10.0)
                self.n_left += left.done()
                return
        left.cancel()
        self.streams.append(sent)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _lifespan(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def _got(scope: Scope, receive: Receive) -> Got:
    raw = b""
    while True:
        message = await receive()
        raw += message.get("body", b"")
        if not message.get("more_body"):
            break
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    return Got(scope["path"], scope["query_string"].decode(), headers, raw)


async def _until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _whole(send: Send, status: int, answer: Json, headers: dict[str, str]) -> None:
    body = json.dumps(answer).encode()
    given = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    raw = [(name.encode(), value.encode()) for name, value in given.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def _last_text(body: Json) -> str:
    for message in reversed(body.get("messages", [])):
        content = message.get("content")
        if isinstance(content, list):
            content = "".join(part.get("text") or "" for part in content if isinstance(part, dict))
        if message.get("role") == "user" and content:
            return str(content)
    return ""


def _error(path: str, status: int) -> Json:
    told = {"type": "overloaded_error", "message": f"as told: {status}"}
    return {"error": told} if "chat" in path else {"type": "error", "error": told}


def _chat(body: Json, says: str) -> Json:
    message: Json = {"role": "assistant", "content": "".join(WORDS), "refusal": None}
    finish = "length" if says == "truncate" else "stop"
    if says == "tool":
        arguments = '{"path": "a.txt"}'
        call = {"id": "c1", "type": "function"}
        message |= {
            "content": None,
            "tool_calls": [call | {"function": {"name": "read", "arguments": arguments}}],
        }
        finish = "tool_calls"
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1767600000,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    }


async def _chat_events(body: Json, says: str) -> AsyncIterator[bytes]:
    base = {"id": "chatcmpl-2", "object": "chat.completion.chunk", "created": 1767600000}
    base |= {"model": body["model"]}
    asks_usage = (body.get("stream_options") or {}).get("include_usage") is True
    none = {"usage": None} if asks_usage else {}
    pieces: list[Json] = [{"role": "assistant", "content": word} for word in WORDS]
    if says in ("tool", "bad tool"):
        arguments = ('{"path": ', '"a.txt"}' if says == "tool" else "a.txt")
        pieces = [
            {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in arguments
        ]
        pieces[0]["tool_calls"][0] |= {"id": "c1", "type": "function"}
        pieces[0]["tool_calls"][0]["function"]["name"] = "read"
    for piece in pieces:
        choice = {"index": 0, "delta": piece, "finish_reason": None}
        yield _data(base | {"choices": [choice]} | none)
    end = {"index": 0, "delta": {}, "finish_reason": "length" if says == "truncate" else "stop"}
    yield _data(base | {"choices": [end]} | none)
    if asks_usage:
        usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
        yield _data(base | {"choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def _message(body: Json, says: str) -> Json:
    content: list[Json] = [{"type": "text", "text": "".join(WORDS)}]
    stop = {"truncate": "max_tokens", "refuse": "refusal", "tool": "tool_use"}.get(says, "end_turn")
    if says == "tool":
        content = [{"type": "tool_use", "id": "t1", "name": "read", "input": {"path": "a.txt"}}]
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 100, "cache_read_input_tokens": 900, "output_tokens": 20},
    }


async def _message_events(body: Json, says: str) -> AsyncIterator[bytes]:
    usage = {"input_tokens": 100, "cache_read_input_tokens": 900, "output_tokens": 1}
    start = _message(body, "") | {"content": [], "stop_reason": None, "usage": usage}
    yield _event("message_start", {"message": start})
    block: Json = {"type": "text", "text": ""}
    deltas: list[Json] = [{"type": "text_delta", "text": word} for word in WORDS]
    if says in ("tool", "bad tool"):
        block = {"type": "tool_use", "id": "t1", "name": "read", "input": {}}
        pieces = ('{"path": ', '"a.txt"}' if says == "tool" else "a.txt")
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    yield _event("content_block_start", {"index": 0, "content_block": block})
    for delta in deltas:
        yield _event("content_block_delta", {"index": 0, "delta": delta})
    yield _event("content_block_stop", {"index": 0})
    ended = {"stop_reason": _message(body, says)["stop_reason"], "stop_sequence": None}
    yield _event("message_delta", {"delta": ended, "usage": {"output_tokens": 20}})
    yield _event("message_stop", {})


def _data(chunk: Json) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def _event(name: str, data: Json) -> bytes:
    return f"event: {name}\n".encode() + _data({"type": name} | data)
