"""A raw span → a span: attributes become facts by the tables of ``_attributes``."""

from collections.abc import Iterator
from typing import Any

from tracetier.ingest.coerce import text as whole_text
from tracetier.ingest.formats import _attributes as names
from tracetier.ingest.formats._attributes import amount_of, first, indexed, text_of, tokens_of
from tracetier.ingest.formats._failures import is_cancelled, is_infrastructure
from tracetier.ingest.formats._json_values import loads
from tracetier.ingest.formats._kinds import is_judge, kind_of
from tracetier.ingest.formats._otel_messages import (
    first_user_text,
    last_prompt,
    text_of_input,
    tool_names,
)
from tracetier.ingest.formats._raw_span import Attrs, RawSpan, flat
from tracetier.ingest.formats._scores import EVALUATION, inline_scores, score_of_event
from tracetier.ingest.formats._test_commands import ran_tests
from tracetier.ingest.span import Outcome, Score, Span, SpanKind

DETAILS = "gen_ai.client.inference.operation.details"
_USER_EVENTS = ("gen_ai.user.message", "gen_ai.content.prompt")
_PATHS = ("file_path", "path", "filename", "file", "notebook_path", "target_file")
_MAX_FILES = 20


def to_span(raw: RawSpan, *, is_judged: bool = False) -> Span:
    """Return what a span says of a run.

    Parameters
    ----------
    raw : RawSpan
        As its envelope tells it.
    is_judged : bool
        Whether it is a grader's or guard's, or below one: then it is a group, whatever it does.

    Raises
    ------
    Fault
        If an attribute cannot be what its name says.
    """
    kind: SpanKind = "group" if is_judged else kind_of(raw)
    raw = _with_details(raw) if kind in ("call", "agent") else raw
    attrs = raw.attrs
    error_type = _error_type(raw)
    outcome = _outcome(raw, error_type)
    facts: dict[str, Any] = {}
    if kind in ("call", "agent"):
        facts = _model_facts(raw, kind)
        http_status = first(attrs, names.HTTP_STATUS)
        facts["is_infrastructure_error"] = outcome in ("error", "cancelled") and is_infrastructure(
            error_type, raw.status_message, http_status if isinstance(http_status, int) else None
        )
    elif kind == "tool":
        given, output = first(attrs, names.TOOL_ARGUMENTS), first(attrs, names.TOOL_RESULT)
        facts = {"files": _files(attrs), **ran_tests(given, output)}
    return Span(
        trace_id=raw.trace_id,
        span_id=raw.span_id,
        parent_id=raw.parent_id,
        session_id=_session(attrs),
        kind=kind,
        name=_name(raw, kind),
        start=raw.start,
        end=raw.end,
        task_type=_task_type(attrs),
        outcome=outcome,
        error_type=error_type,
        scores=(*raw.scores, *inline_scores(attrs), *_event_scores(raw)),
        is_judge=is_judge(raw),
        **facts,
    )


def tokens(attrs: Attrs) -> dict[str, int | None]:
    """Return the token counts of a span, input with the cache in it.

    Both conventions occur. The cache stands beside the input, not in it, where it is larger than
    the input, or where only the sum of all counts gives the total.

    Raises
    ------
    Fault
        If a count is none.
    """
    n_input, n_output = tokens_of(attrs, names.INPUT_TOKENS), tokens_of(attrs, names.OUTPUT_TOKENS)
    n_read = tokens_of(attrs, names.CACHE_READ_TOKENS)
    n_written = tokens_of(attrs, names.CACHE_WRITE_TOKENS)
    n_cached = (n_read or 0) + (n_written or 0)
    if n_input is not None and n_cached:
        n_total = tokens_of(attrs, names.TOTAL_TOKENS)
        is_beside = n_total == n_input + (n_output or 0) + n_cached
        n_input += n_cached if is_beside or n_cached > n_input else 0
    return {
        "input_tokens": n_input,
        "output_tokens": n_output,
        "cache_read_tokens": n_read,
        "cache_write_tokens": n_written,
    }


def text_before(raw: RawSpan, kind: SpanKind) -> str:
    """Return the first user text of a call, or the prompt of an agent's run."""
    found = messages_text(raw.attrs, is_run=kind == "agent")
    return found or _text_of_events(raw) or _text_of_inputs(raw.attrs)


def messages_text(attrs: Attrs, *, is_run: bool = False) -> str:
    """Return the first user text among the messages, of a run what it was asked last."""
    text_in = last_prompt if is_run else first_user_text
    for name in names.MESSAGES:
        if (value := attrs.get(name)) and (text := text_in(value)):
            return text
    for prefix in names.MESSAGES_INDEXED:
        if text := text_in(indexed(attrs, prefix)):
            return text
    return ""


def tools_offered(attrs: Attrs) -> list[str] | None:
    """Return the names of the tools that a model was offered, ``None`` where that is unknown."""
    for name in names.TOOLS_OFFERED:
        if (value := attrs.get(name)) is not None and (found := tool_names(value)) is not None:
            return found
    for prefix, rest in names.TOOLS_OFFERED_INDEXED:
        if items := indexed(attrs, prefix):
            return tool_names([item.get(rest) or "" for item in items])
    return None


def _model_facts(raw: RawSpan, kind: SpanKind) -> dict[str, Any]:
    attrs = raw.attrs
    facts: dict[str, Any] = dict(tokens(attrs))
    cost_usd = amount_of(attrs, names.COST_USD)
    has_tokens = facts["input_tokens"] or facts["output_tokens"]
    return facts | {
        "text": text_before(raw, kind),
        "tools": tools_offered(attrs),
        "model_asked": text_of(attrs, names.MODEL_ASKED),
        "model_answered": text_of(attrs, names.MODEL_ANSWERED),
        "response_id": text_of(attrs, names.RESPONSE_ID),
        # Loggers write 0 for a price that they do not know.
        "cost_usd": None if cost_usd == 0 and has_tokens else cost_usd,
    }


def _with_details(raw: RawSpan) -> RawSpan:
    """Add what the span's own event of details says, where the span itself does not."""
    details: Attrs = {}
    for event in raw.events:
        if event.name == DETAILS:
            details |= {name: event.attrs[name] for name in event.attrs if name not in details}
    return raw if not details else _replaced(raw, details | raw.attrs)


def _replaced(raw: RawSpan, attrs: Attrs) -> RawSpan:
    fields = {name: getattr(raw, name) for name in RawSpan.__struct_fields__}
    return RawSpan(**fields | {"attrs": attrs})


def _text_of_events(raw: RawSpan) -> str:
    """Return the user's text where messages are events of the span."""
    for event in raw.events:
        if event.name in _USER_EVENTS:
            content = first(event.attrs, ("content", "gen_ai.prompt", "gen_ai.event.content"))
            if text := text_of_input(content):
                return text
    return ""


def _text_of_inputs(attrs: Attrs) -> str:
    is_plain = attrs.get("input.mime_type") == "text/plain"
    for name in names.INPUTS:
        if text := text_of_input(attrs.get(name), is_plain=is_plain):
            return text
    return ""


def _name(raw: RawSpan, kind: SpanKind) -> str | None:
    if kind == "tool":
        told = text_of(raw.attrs, names.TOOL_NAME) or text_of(raw.attrs, names.ENTITY_NAME)
        return told or raw.name.removeprefix("execute_tool ") or None
    if kind == "agent":
        told = text_of(raw.attrs, names.AGENT_NAME) or text_of(raw.attrs, names.ENTITY_NAME)
        return told or raw.name.removeprefix("invoke_agent ") or None
    return text_of(raw.attrs, names.AGENT_NAME) if kind == "call" else None


def _session(attrs: Attrs) -> str | None:
    found = first(attrs, names.SESSION)
    return whole_text(found) if isinstance(found, str | int) else None


def _task_type(attrs: Attrs) -> str | None:
    """Return the tag of a span that has just one."""
    tags = first(attrs, names.TAGS)
    if isinstance(tags, str):
        tags = loads(tags) if tags.startswith("[") else [tags]
    is_one = isinstance(tags, list) and len(tags) == 1 and isinstance(tags[0], str)
    return whole_text(tags[0]) or None if is_one else None


def _error_type(raw: RawSpan) -> str | None:
    told = first(raw.attrs, names.ERROR_TYPE[:1])
    if told is not None:
        return whole_text(str(told))
    if raw.status != "error":  # an exception that was caught is none
        return None
    told = text_of(raw.attrs, names.ERROR_TYPE)
    caught = (event.attrs.get("exception.type") for event in raw.events)
    return told or next((found for found in caught if isinstance(found, str)), None)


def _outcome(raw: RawSpan, error_type: str | None) -> Outcome | None:
    status = first(raw.attrs, names.TOOL_STATUS)
    if raw.status == "error" or error_type is not None or status == "error":
        return "cancelled" if is_cancelled(error_type, raw.status_message) else "error"
    return "ok" if raw.status == "ok" or raw.end is not None else None


def _event_scores(raw: RawSpan) -> Iterator[Score]:
    for event in raw.events:
        if event.name == EVALUATION:
            found = score_of_event(event.attrs, event.time)
            if found is not None:
                yield found


def _files(attrs: Attrs) -> tuple[str, ...]:
    """Return the files that a tool's arguments name."""
    arguments = first(attrs, names.TOOL_ARGUMENTS)
    if isinstance(arguments, str):
        arguments = loads(arguments) if arguments.lstrip().startswith("{") else None
    if not isinstance(arguments, dict):
        return ()
    told = dict(flat(arguments))
    found = (value for name, value in told.items() if name.rpartition(".")[2] in _PATHS)
    files = (whole_text(value) for value in found if isinstance(value, str) and value)
    return tuple(dict.fromkeys(files))[:_MAX_FILES]
