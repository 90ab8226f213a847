"""The messages of a call in all their forms → its first user text; tool definitions → names.

A conversation is a list of messages, as JSON in a text or not; a message has a role and a content;
the content is a text or a list of parts, of which only texts count. A message of the user that
holds nothing but the results of tools is none of the user's.
"""

from collections.abc import Iterable, Iterator, Mapping

from tracetier.ingest.coerce import text as whole_text
from tracetier.ingest.formats._json_values import loads

_USER = ("user", "human", "humanmessage")
_OTHERS = (
    *_USER,
    *("system", "developer", "assistant", "ai", "model", "tool", "function"),
    *("systemmessage", "aimessage", "toolmessage", "reasoning", "function_call"),
    *("function_call_output", "gen_ai.system.message", "gen_ai.assistant.message"),
    *("gen_ai.tool.message", "gen_ai.choice"),
)
_ROLES = ("role", "message.role", "type", "event.name")
_CONTENTS = (
    "content",
    "parts",
    "message.content",
    "message.contents",
    "contents",
    "text",
    "message_content.text",
    "prompt.text",
)
_INNER = ("message", "kwargs", "data", "message_content")
_LISTS = ("messages", "input", "contents", "prompt", "query", "question", "user_input", "inputs")
_NO_TEXT = ("tool_call_response", "tool_call", "tool_result", "tool_use", "function_call_output")
_TOOL_LISTS = ("function_tools", "tools", "config")
_MAX_DEPTH = 5
_EVENT_ROLES = {"gen_ai.user.message": "user"}


def first_user_text(value: object) -> str:
    """Return the first text of the user in a conversation, ``""`` where there is none.

    Examples
    --------
    >>> first_user_text('[{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]')
    'Hi'
    """
    messages = list(_messages(value))
    for is_of_role in (_is_users, _is_nobodys):
        for message in messages:
            if is_of_role(_role(message)) and (text := whole_text(_text(message, 0))):
                return text
    return ""


def last_prompt(value: object) -> str:
    """Return the text of the user that a conversation ends in, else the first one.

    The input of an agent's run ends in what is asked for now; a record of the whole run ends in
    the answer, and begins with what was asked for.
    """
    messages = list(_messages(value))
    is_input = bool(messages) and _is_users(_role(messages[-1]))
    return (whole_text(_text(messages[-1], 0)) if is_input else "") or first_user_text(messages)


def text_of_input(value: object, *, is_plain: bool = False) -> str:
    """Return the user's text in whatever went into a step.

    A text that is no JSON is itself the answer; an object may hold a conversation or a question
    under one of the usual names.
    """
    if isinstance(value, str):
        decoded = None if is_plain else _decoded(value)
        if decoded is None:
            return whole_text(value) if is_plain or not _is_cut(value) else ""
        value = decoded
    return _text_within(value, 0)


def tool_names(value: object) -> list[str] | None:
    """Return the names of tool definitions, ``None`` where they have none.

    Examples
    --------
    >>> tool_names('[{"type": "function", "function": {"name": "bash"}}]'), tool_names("[]")
    (['bash'], [])
    """
    if isinstance(value, str):
        value = loads(value)
    definitions = _definitions(value)
    if definitions is None:
        return None
    names = [_tool_name(item, 0) for item in definitions]
    return [whole_text(name) for name in names] if all(names) else None


def _messages(value: object) -> Iterator[Mapping[object, object]]:
    if isinstance(value, str):
        decoded = _decoded(value)
        plain = None if _is_cut(value) else {"role": "user", "content": value}
        value = plain if decoded is None else decoded
    if isinstance(value, Mapping):
        inner = next((value[name] for name in _LISTS[:3] if name in value), None)
        value = inner if isinstance(inner, list) else [value]
    for item in value if isinstance(value, list | tuple) else ():
        if isinstance(item, Mapping):
            yield item


def _role(message: Mapping[object, object]) -> str:
    role = _get(message, _ROLES)
    return _EVENT_ROLES.get(role, role.lower()) if isinstance(role, str) else ""


def _is_users(role: str) -> bool:
    return role in _USER


def _is_nobodys(role: str) -> bool:
    """Whether a role is none that is known: a prompt for completion, a framework's own word."""
    return role not in _OTHERS


def _get(message: Mapping[object, object], names: Iterable[str]) -> object:
    """Return the first of some values, in the message or in what it wraps."""
    for name in names:
        if (found := message.get(name)) is not None:
            return found
    for name in _INNER:
        if isinstance(inner := message.get(name), Mapping):
            return _get(inner, names)
    return None


def _text(content: object, depth: int) -> str:
    """Return the text of a content, of a part, or of parts one below the other."""
    if depth > _MAX_DEPTH:
        return ""
    if isinstance(content, str):
        decoded = _decoded(content) if depth else None
        return (_text(decoded, depth + 1) if isinstance(decoded, list) else "") or content
    if isinstance(content, Mapping):
        if content.get("type") in _NO_TEXT:
            return ""
        found = _get(content, _CONTENTS)
        if found is None:
            found = _flat_parts(content)
        return _text(found, depth + 1)
    if isinstance(content, list | tuple):
        texts = (_text(part, depth + 1) for part in content)
        return "\n".join(text for text in texts if text)
    return ""


def _flat_parts(message: Mapping[object, object]) -> list[str]:
    """Return the texts of parts whose numbers are part of their names."""
    found: list[tuple[int, str]] = []
    for name, value in message.items():
        if isinstance(name, str) and name.endswith("message_content.text"):
            digits = "".join(c for c in name if c.isdecimal())[:_MAX_DIGITS]
            found.append((int(digits or 0), value if isinstance(value, str) else ""))
    return [text for _, text in sorted(found)]


def _text_within(value: object, depth: int) -> str:
    if isinstance(value, str):
        return whole_text(value)
    if depth > _MAX_DEPTH:
        return ""
    if isinstance(value, list | tuple):
        return first_user_text(value) or (_text_within(value[-1], depth + 1) if value else "")
    if isinstance(value, Mapping):
        for name in _LISTS:
            if text := _text_within(value.get(name), depth + 1):
                return text
        return whole_text(_text(value, depth))
    return ""


def _definitions(value: object) -> list[object] | None:
    """Return the definitions of tools in a list, or in the parameters of a request."""
    if isinstance(value, Mapping):
        inner = next((value[name] for name in _TOOL_LISTS if name in value), None)
        return None if inner is None else _definitions(inner)
    if not isinstance(value, list | tuple):
        return None
    found: list[object] = []
    for item in value:
        declared = item.get("function_declarations") if isinstance(item, Mapping) else None
        found += declared if isinstance(declared, list) else [item]
    return found


def _tool_name(item: object, depth: int) -> str:
    if isinstance(item, str):
        decoded = _decoded(item)
        return item if decoded is None else _tool_name(decoded, depth + 1)
    if not isinstance(item, Mapping) or depth > _MAX_DEPTH:
        return ""
    name = item.get("name") or item.get("tool.name")
    if isinstance(name, str):
        return name
    wrapped = ("function", "toolSpec", "tool", "json_schema", "tool.json_schema")
    inner = next((item[key] for key in wrapped if key in item), None)
    return "" if inner is None else _tool_name(inner, depth + 1)


def _decoded(text: str) -> object:
    """Return what a text says as JSON, ``None`` for any other text."""
    return loads(text) if text.lstrip()[:1] in ("[", "{", '"') else None


def _is_cut(text: str) -> bool:
    """Whether a text that is no JSON began as such, before a limit of length cut it."""
    return text.lstrip().startswith(_JSON_STARTS)


_JSON_STARTS = ("[{", "[ {", '{"', "[\n", "{\n")
_MAX_DIGITS = 9
