"""A live request → the task that a log of the same request would tell.

Text and tools are read by the readers of logs themselves, from the same types; what was before is
counted by the same rules. So a router that was trained on logs meets live what it learned on.
Where a log cannot tell (a call without a session) a live request often can, by repeating its
conversation.
"""

import math
from typing import Final

import msgspec
from msgspec import Struct

from tracetier.features.text import estimate_tokens, to_utf8
from tracetier.ingest.formats._chat_messages import first_user_text, text_of, tool_names
from tracetier.ingest.formats._provider_record import Request
from tracetier.ingest.formats._typed_json import decoder, typed
from tracetier.ingest.issue import Fault
from tracetier.records import AttrValue, Task
from tracetier.route.policy.capability import VISION_ATTR
from tracetier.serve.gateway.conversation import Conversation, read_conversation
from tracetier.serve.gateway.request import Body
from tracetier.serve.gateway.session import Past, Session, Sessions, session_of

SIZE_ATTR: Final = "request_tokens"
"""Attribute of every task: an estimate of the whole request, for rules; no feature of a log."""

_PREFIX: Final = "x-tracetier-"
_ATTR: Final = "x-tracetier-attr-"
_MOST_ATTRS, _MOST_CHARS = 32, 256
_REQUEST = decoder(Request)


class Told(Struct, frozen=True, kw_only=True):
    """What the headers of a request say of its task.

    Attributes
    ----------
    session, trace, task_type, agent : str, optional
    latency_limit_s : float, optional
    attrs : dict
    """

    session: str | None = None
    trace: str | None = None
    task_type: str | None = None
    agent: str | None = None
    latency_limit_s: float | None = None
    attrs: dict[str, AttrValue] = {}


class Live(Struct, frozen=True, kw_only=True):
    """A task with what the gateway must know of it beside.

    Attributes
    ----------
    task : Task
    session : Session
    trace : str, optional
    n_tokens : int
        Estimate of the whole request, in tokens.
    """

    task: Task
    session: Session
    trace: str | None
    n_tokens: int


def read_headers(headers: list[tuple[bytes, bytes]]) -> Told:
    """Return what the headers say; names are in lower case, as servers give them.

    Examples
    --------
    >>> told = read_headers([(b"x-tracetier-agent", b"coder"), (b"x-tracetier-attr-team-n", b"3")])
    >>> told.agent, told.attrs
    ('coder', {'team_n': 3.0})
    """
    found: dict[str, str] = {}
    attrs: dict[str, AttrValue] = {}
    for raw_name, raw_value in headers:
        if not raw_name.startswith(b"x-tracetier-"):
            continue
        name = raw_name.decode("latin-1")
        value = raw_value.decode("utf-8", "replace").strip()[:_MOST_CHARS]
        if not value:
            continue
        if not name.startswith(_ATTR):
            found[name.removeprefix(_PREFIX)] = value
        elif len(attrs) < _MOST_ATTRS:
            attrs[name.removeprefix(_ATTR).replace("-", "_")] = _value(value)
    return Told(
        session=found.get("session"),
        trace=found.get("trace"),
        task_type=found.get("task-type"),
        agent=found.get("agent"),
        latency_limit_s=_seconds(found.get("latency-limit-s")),
        attrs=attrs,
    )


def live_task(body: Body, told: Told, sessions: Sessions, *, caller: str, now_s: float) -> Live:
    """Return the task that a request is.

    Parameters
    ----------
    body : Body
    told : Told
        What its headers say.
    sessions : Sessions
        What is remembered of the sessions before.
    caller : str
        Whose request it is; nobody else's goes into the same unnamed session.
    now_s : float
        On the clock of ``sessions``.
    """
    request = _request(body.raw)
    text = first_user_text(request.messages)
    tools = tool_names(request.functions if request.tools is None else request.tools)
    before = read_conversation(body.raw)
    prefix = b"\0".join((caller.encode(), bytes(body.fields.get("system", b"")), _opening(request)))
    session = session_of(request, header=told.session, text=text, prefix=prefix, key=sessions.key)
    attrs = dict(told.attrs) | {SIZE_ATTR: before.n_tokens}
    if before.has_images:
        attrs[VISION_ATTR] = True
    task = Task(
        text=text,
        task_type=told.task_type,
        agent_name=told.agent,
        tools=tools,
        n_tools=None if tools is None else len(tools),
        latency_limit_s=told.latency_limit_s,
        level="call",
        attrs=attrs,
        session_id=session.id,
    )
    task = _with_past(task, before, sessions.find(session.id), session, now_s)
    return Live(task=task, session=session, trace=told.trace, n_tokens=before.n_tokens)


def _with_past(
    task: Task, before: Conversation, past: Past | None, session: Session, now_s: float
) -> Task:
    """Add what was before: what is remembered, else what the conversation itself tells."""
    n_turns = before.n_turns
    n_ended = 0 if past is None else past.n_ended
    if session.is_told and n_turns is not None:
        n_turns = max(n_turns, n_ended)
    is_whole = n_turns is not None and n_ended >= n_turns
    return msgspec.structs.replace(
        task,
        turn_index=n_turns,
        n_prior_errors=before.n_tool_errors + (0 if past is None else past.n_errors),
        n_prior_retries=(0 if past is None else past.n_retries) if is_whole else None,
        context_tokens=_context(task.text, before, past if is_whole else None),
        idle_s=None if past is None else round(max(0.0, now_s - past.end_s), 6),
        last_tier=None if past is None else past.tier,
        last_failed=None if past is None else past.failed,
    )


def _context(text: str, before: Conversation, past: Past | None) -> int | None:
    """Return input and output of the last call, and the text where that is new.

    Before the first answer a log tells none, so neither does this.
    """
    if past is None or past.n_tokens is None:
        return before.n_past_tokens
    is_new = past.text_hash != hash(text)
    return past.n_tokens + (estimate_tokens(len(to_utf8(text))) if is_new else 0)


def _request(raw: bytes) -> Request:
    try:
        return typed(raw, _REQUEST)
    except Fault:
        return Request()  # whether it can be answered is for the upstream to say


def _opening(request: Request) -> bytes:
    """Return what stands before the first word of a user, as OpenAI's protocol has it."""
    first = request.messages[0] if request.messages else None
    if first is None or first.role not in ("system", "developer"):
        return b""
    return text_of(first.content).encode("utf-8", "replace")


def _value(text: str) -> AttrValue:
    """Return a number or truth value where a text is one, as the columns of a table have types."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def _seconds(text: str | None) -> float | None:
    found = None if text is None else _value(text)
    return found if isinstance(found, float) and found > 0 else None
