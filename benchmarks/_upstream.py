"""A provider to call behind the gateway, which fails as it is told to: POST /mode with its name.

ok, hangs (no answer for five seconds), 500, 429, breaks (a stream or body ends in its middle). It
speaks both protocols, whole and as a stream, and does no work. Run by ``uvicorn _upstream:app``.
"""

import asyncio
import json
from typing import Any

HANGS_S = 5.0
GAP_S = 0.002
INPUT_TOKENS, OUTPUT_TOKENS = 100, 20
CHAT = "/v1/chat/completions"

_USAGE = {"prompt_tokens": INPUT_TOKENS, "completion_tokens": OUTPUT_TOKENS}
_TOKENS = {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS}
_CHUNK = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def _event(data: dict[str, Any], name: str | None = None) -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


def _chat_events() -> list[bytes]:
    word = [{"index": 0, "delta": {"content": " word"}}]
    words = [_event(_CHUNK | {"choices": word}) for _ in range(8)]
    return [*words, _event(_CHUNK | {"choices": [], "usage": _USAGE}), b"data: [DONE]\n\n"]


def _message_events() -> list[bytes]:
    message = {"id": "a", "type": "message", "model": "m", "usage": _TOKENS | {"output_tokens": 1}}
    delta = {"index": 0, "delta": {"type": "text_delta", "text": " word"}}
    words = [
        _event({"type": "content_block_delta"} | delta, "content_block_delta") for _ in range(8)
    ]
    end = {"type": "message_delta", "usage": {"output_tokens": OUTPUT_TOKENS}}
    start = _event({"type": "message_start", "message": message}, "message_start")
    return [start, *words, _event(end, "message_delta")]


_EVENTS = {CHAT: _chat_events(), "/v1/messages": _message_events()}
_WHOLE = {
    CHAT: {
        "id": "c",
        "object": "chat.completion",
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "word " * 20}}],
        "usage": _USAGE,
    },
    "/v1/messages": {
        "id": "a",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "word " * 20}],
        "usage": _TOKENS,
    },
}

_mode = "ok"


async def app(scope: Any, receive: Any, send: Any) -> None:  # Any: ASGI's own shapes
    """Answer one request."""
    global _mode
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    path = scope["path"]
    if path == "/mode":
        _mode = body.decode()
        await _whole(send, 200, {})
    elif _mode == "hangs":
        await asyncio.sleep(HANGS_S)
        await _whole(send, 200, _WHOLE[path])
    elif _mode in ("500", "429"):
        await _whole(send, int(_mode), {"error": {"type": "told_to", "message": "as told"}})
    elif b'"stream":true' in body:
        await _stream(send, _EVENTS[path])
    else:
        await _whole(send, 200, _WHOLE[path])


async def _whole(send: Any, status: int, answer: dict[str, Any]) -> None:
    body = json.dumps(answer).encode()
    length = len(body) + (status == 200 and _mode == "breaks")
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(length).encode()),
        (b"x-told", _mode.encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _stream(send: Any, events: list[bytes]) -> None:
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for i, event in enumerate(events):
        if i:
            await asyncio.sleep(GAP_S)
        if _mode == "breaks" and i == len(events) // 2:
            raise ConnectionError("as told")
        await send({"type": "http.response.body", "body": event, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
