"""Whose calls a file records, by the words that only one provider uses."""

from collections.abc import Mapping

from tracetier.ingest.formats._json_head import outline
from tracetier.ingest.head import Head
from tracetier.ingest.lenient import load_json

OPENAI_ANSWERS = ("chat.completion", "chat.completion.chunk", "text_completion", "response")
_OPENAI_PATHS = ("/chat/completions", "/responses", "/completions", "/embeddings", "/moderations")
_ANTHROPIC_PATHS = ("/v1/messages", "/messages", "/v1/complete")
_OPENAI_STREAM = ('data: {"id":"chatcmpl', "event: response.", '"chat.completion.chunk"')
_ANTHROPIC_STREAM = ("event: message_start", '"type":"message_start"')


def share_of(head: Head, provider: str) -> float:
    """Return which share of the first recognised records is of a provider, from 0 to 1."""
    if head.kind == "jsonl":
        found = [_provider(record) for record in head.records]
    else:
        found = [_of_document(head)]
    told = [name for name in found if name is not None]
    return told.count(provider) / len(told) if told else 0.0


def _of_document(head: Head) -> str | None:
    """Tell a document that is one answer, a list of answers, or a list of recorded calls."""
    told = outline(head)
    for at in ("", "[].", "data[]."):
        if at == "data[]." and told.texts.get("object") != "list":
            continue
        for place in ("", "response.", "response.body."):
            if place and not any(path.startswith(f"{at}request") for path in told.paths):
                continue
            here = at + place
            if told.texts.get(f"{here}object") in OPENAI_ANSWERS and told.has(f"{here}id"):
                return "openai"
            if told.texts.get(f"{here}type") == "message" and told.has(
                f"{here}usage.input_tokens", f"{here}role"
            ):
                return "anthropic"
    return None


def _provider(record: Mapping[str, object]) -> str | None:
    if "custom_id" in record:
        return _of_batch(record)
    if isinstance(record.get("request"), dict | str) and "response" in record:
        return _of_exchange(record)
    return None if "sessionId" in record else _of_answer(record)


def _of_batch(record: Mapping[str, object]) -> str | None:
    if isinstance(record.get("params"), dict) or isinstance(record.get("result"), dict):
        return "anthropic"
    has_request = isinstance(record.get("body"), dict) and "url" in record
    return "openai" if has_request or isinstance(record.get("response"), dict) else None


def _of_exchange(record: Mapping[str, object]) -> str | None:
    request, response = record["request"], record["response"]
    url = request.get("url") if isinstance(request, dict) else None
    if isinstance(url, str):
        path = url.partition("?")[0].rstrip("/")
        if path.endswith(_OPENAI_PATHS):
            return "openai"
        if path.endswith(_ANTHROPIC_PATHS):
            return "anthropic"
    body = response.get("body", response) if isinstance(response, dict) else response
    if isinstance(body, dict):
        return _of_answer(body)
    return _of_stream(body) if isinstance(body, str) else None


def _of_answer(body: Mapping[str, object]) -> str | None:
    has_id = isinstance(body.get("id"), str)
    if has_id and body.get("object") in OPENAI_ANSWERS and ("choices" in body or "output" in body):
        return "openai"
    is_message = body.get("type") == "message" and isinstance(body.get("usage"), dict)
    return "anthropic" if has_id and is_message and "content" in body else None


def _of_stream(text: str) -> str | None:
    """Tell an answer that was kept as text, whole or as a stream of events."""
    if text.lstrip().startswith("{"):
        try:
            found = load_json(text.encode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return None
        return _of_answer(found) if isinstance(found, dict) else None
    start = text[:2_000]
    if any(sign in start for sign in _ANTHROPIC_STREAM):
        return "anthropic"
    return "openai" if any(sign in start for sign in _OPENAI_STREAM) else None
