"""What a logged input says: the first text that a user wrote, and the tools that were offered.

Loggers keep the arguments of whatever was called: messages of a provider or of a framework, a
prompt, the arguments of a function, often as JSON within JSON. Nothing here is refused: an input
that says nothing gives no text.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

from tracetier.ingest.coerce import text as clean
from tracetier.ingest.formats._json_values import loads

T = TypeVar("T", bound=Struct)
Object = Mapping[str, object]

_MAX_DEPTH = 8
_OPENING = ("{", "[", '"')
_USERS = frozenset({"user", "human", "humanmessage"})
_TEXTS = (None, "text", "input_text")
_HOLDERS = (
    "messages", "contents", "input", "inputs", "prompt", "prompts", "question", "query",
    "user_input", "user_message", "message", "text", "content", "task", "args", "kwargs", "data",
)  # fmt: skip
_DEFINITIONS = ("tools", "functions", "function_declarations", "functionDeclarations")


def parsed(value: object) -> object:
    r"""Return what a value says that may be JSON text, once or twice encoded.

    Examples
    --------
    >>> parsed('"{\\"a\\": 1}"'), parsed("plain")
    ({'a': 1}, 'plain')
    """
    if isinstance(value, Raw):
        value = loads(bytes(value))
    if not isinstance(value, str):
        return value
    for _ in range(3):
        if not isinstance(value, str) or not value.lstrip().startswith(_OPENING):
            break
        found = loads(value)
        if found is None:
            break
        value = found
    return value


def as_list(value: object) -> list[object]:
    """Return a JSON list, an empty one where the value is none."""
    value = parsed(value)
    return value if isinstance(value, list) else []


def as_object(value: object) -> Object:
    """Return a JSON object, an empty one where the value is none; pairs, as Arrow maps, are one."""
    if not isinstance(value, dict):
        value = parsed(value)
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and value and all(_is_pair(item) for item in value):
        return {str(key): item for key, item in value}
    return {}


def held(value: object, kind: type[T]) -> T:
    """Return those parts of an object that a record names, the record's defaults where it is none.

    Parameters
    ----------
    kind : type of Struct
        Its fields are of type ``object``, or such records themselves. What it does not name is
        stepped over, which is several times faster than decoding it.
    """
    if value is None:
        return kind()
    if isinstance(value, str | Raw):
        decoder: msgspec.json.Decoder[T] = _decoder(kind)
        try:
            return decoder.decode(value)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            value = parsed(value)  # written in an unusual way, or no object
    try:
        return msgspec.convert(dict(as_object(value)), kind)
    except (msgspec.MsgspecError, RecursionError):
        return kind()


@cache
def _decoder(kind: type[T]) -> "msgspec.json.Decoder[T]":
    return msgspec.json.Decoder(kind)


def within(value: object, *path: str) -> object:
    """Return what stands at a path within nested objects and lists, ``None`` where nothing does.

    Examples
    --------
    >>> within({"a": [{"b": 1}]}, "a", "0", "b")
    1
    """
    for name in path:
        if isinstance(value, str):
            value = parsed(value)
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def word(value: object) -> str | None:
    """Return a text that names something, ``None`` for anything else and for blanks."""
    if isinstance(value, str) and value.strip():
        return value if value.isascii() else clean(value)
    return None


def first_word(values: Iterable[object]) -> str | None:
    """Return the first of some values that names something."""
    for value in values:
        if found := word(value):
            return found
    return None


def user_text(value: object) -> str:
    """Return the first text that a user wrote, ``""`` where there is none.

    Examples
    --------
    >>> user_text({"messages": [{"role": "system", "content": "Help."}, ["human", "Hi"]]})
    'Hi'
    >>> user_text({"args": ["programming"], "kwargs": {}})
    'programming'
    """
    return clean(_user_text(value, _MAX_DEPTH)).strip()


def text_of_message(message: Object) -> str:
    """Return the text of a message of the user, ``""`` for that of anybody else."""
    return _content(message, _MAX_DEPTH - 1) if _is_user(message) else ""


def offered_tools(value: object) -> list[str] | None:
    """Return the names of tools that were offered, ``None`` where the log does not say.

    Examples
    --------
    >>> offered_tools([{"type": "function", "function": {"name": "search"}}, {"name": "edit"}])
    ['search', 'edit']
    """
    value = parsed(value)
    if isinstance(value, dict):
        inner = next((value[name] for name in _DEFINITIONS if value.get(name) is not None), None)
        value = list(value) or None if inner is None else parsed(inner)
    if not isinstance(value, list):
        return None
    names = [name for item in value for name in _tool_names(parsed(item))]
    return [clean(name) for name in names if name]


def _tool_names(item: object) -> list[str]:
    if isinstance(item, str):
        return [item]
    if not isinstance(item, dict):
        return []
    for name in _DEFINITIONS:
        if isinstance(inner := item.get(name), list):
            return [found for each in inner for found in _tool_names(each)]
    holders = (item, item.get("function"), item.get("toolSpec"), item.get("kwargs"))
    named = first_word(within(holder, "name") for holder in holders)
    return [named or word(item.get("type")) or ""]


def _user_text(value: object, depth: int) -> str:
    value = parsed(value)
    if isinstance(value, str):
        return value
    if depth == 0:
        return ""
    if isinstance(value, dict):
        return _text_of_object(value, depth - 1)
    return _text_of_list(value, depth - 1) if isinstance(value, list) else ""


def _text_of_object(value: Object, depth: int) -> str:
    if _role(value) is not None:
        return _content(value, depth) if _is_user(value) else ""
    holders = [name for name in _HOLDERS if name in value]
    for name in holders:
        if found := _user_text(value[name], depth):
            return found
        if isinstance(value[name], list) and _has_messages(value[name]):
            return ""  # a conversation without a user's word
    if holders:
        return ""
    texts = (item for name, item in value.items() if "model" not in str(name).lower())
    return "\n".join(item for item in texts if isinstance(item, str))


def _text_of_list(value: list[object], depth: int) -> str:
    if value and isinstance(value[0], list) and not _is_pair(value[0]):
        return _user_text(value[0], depth)  # a batch of conversations
    if _has_messages(value):
        users = (item for item in map(_message, value) if item is not None and _is_user(item))
        return next((found for item in users if (found := _content(item, depth)).strip()), "")
    if any(isinstance(item, dict) for item in value):
        return _content({"content": value}, depth)
    return next((item for item in value if isinstance(item, str) and item.strip()), "")


def _has_messages(value: object) -> bool:
    items = value if isinstance(value, list) else []
    return any(isinstance(item := _message(each), dict) and _role(item) for each in items)


def _message(item: object) -> Object | None:
    """Return a message: an object, or a pair of role and content."""
    if _is_pair(item) and isinstance(item, list):
        return {"role": item[0], "content": item[1]}
    item = parsed(item)
    return item if isinstance(item, dict) else None


def _is_pair(item: object) -> bool:
    return isinstance(item, list | tuple) and len(item) == 2 and isinstance(item[0], str)


def _role(message: Object) -> str | None:
    if found := word(message.get("role")):
        return found
    if isinstance(kind := message.get("id"), list) and message.get("lc") is not None and kind:
        return word(kind[-1])  # LangChain's serialised objects end in the class
    found = word(message.get("type"))
    is_message = "content" in message or isinstance(message.get("data"), dict)
    return found if found and is_message and found not in _TEXTS else None


def _is_user(message: Object) -> bool:
    return (_role(message) or "").lower() in _USERS


def _content(message: Object, depth: int) -> str:
    """Return the text of a message: content as text or parts, in each framework's words."""
    holders = (message, message.get("kwargs"), message.get("data"))
    for holder in holders:
        if not isinstance(holder, dict):
            continue
        for name in ("content", "parts", "text"):
            found = holder.get(name)
            if isinstance(found, str) and found.strip():
                return found
            if isinstance(found, list) and (joined := _joined(found)):
                return joined
            if depth and isinstance(found, dict) and (inner := _content(found, depth - 1)):
                return inner
    return ""


def _joined(parts: list[object]) -> str:
    found = []
    for part in parts:
        if isinstance(part, dict) and part.get("type") in _TEXTS:
            part = part.get("text") or part.get("content")
        if isinstance(part, str) and part.strip():
            found.append(part)
    return "\n".join(found)
