"""Logged inputs that are decoded only as far as somebody asks.

The messages of a call are most of its bytes, and each call repeats those before it. The user's
first text stands near their beginning, and that no tool is defined in them shows without decoding;
where a call goes on from the one before, even that is known.
"""

import json
import re

from msgspec import Raw

from tracetier.ingest.coerce import text as clean
from tracetier.ingest.formats._logged_input import parsed, text_of_message, user_text, within

_HEAD_BYTES = 16 * 1024
_BETWEEN = " \t\r\n,"
_DEFINITION = re.compile(rb'function["\\]')  # as a key, in JSON and in JSON within JSON
_OVERLAP = 16
_scan = json.JSONDecoder().raw_decode


class Inputs:
    """The inputs of steps as they come, each a value, or as `Raw` the JSON of one."""

    def __init__(self) -> None:
        self._head, self._text = b"", ""  # of the last conversation: up to its first text, and that
        self._plain = b""  # messages of the last conversation, in which no tool is defined
        self._told: object = None
        self._raw = b""

    def user_text(self, told: object) -> str:
        """Return the first text that a user wrote, ``""`` where there is none."""
        raw = self._messages(told)
        if self._head and raw.startswith(self._head):
            return self._text
        text, n_read = first_user_text(raw)
        if not text:
            return user_text(told)
        self._head, self._text = raw[:n_read], text
        return text

    def tools(self, told: object) -> list[object]:
        """Return what may name tools: beside the messages, or as messages."""
        raw = self._messages(told)
        if raw:
            start = len(self._plain) - _OVERLAP if raw.startswith(self._plain) else 0
            if not _DEFINITION.search(raw, max(start, 0)):
                self._plain = raw
                return []
        value = parsed(told)
        return [within(value, "tools"), _defined_in_messages(value) or None]

    def _messages(self, told: object) -> bytes:
        """Return the JSON of a list but for its end, ``b""`` for anything else."""
        if told is not self._told:
            raw = bytes(memoryview(told)[:-1]) if isinstance(told, Raw) else b""
            self._told, self._raw = told, raw if raw[:1] == b"[" else b""
        return self._raw


def first_user_text(raw: bytes) -> tuple[str, int]:
    """Return the first text of a user in a list of messages, and up to which byte it was read.

    ``""`` where more than the head has to be read.

    Examples
    --------
    >>> first_user_text(b'[{"role": "system", "content": "-"}, {"role": "user", "content": "Hi"}, ')
    ('Hi', 70)
    """
    head = raw[:_HEAD_BYTES].decode("utf-8", "ignore")  # the cut may part a character
    at = 1
    try:
        while True:
            while head[at] in _BETWEEN:
                at += 1
            message, at = _scan(head, at)
            if not isinstance(message, dict) or not isinstance(role := message.get("role"), str):
                return "", 0
            if not role.strip():
                return "", 0
            if found := text_of_message(message).strip():
                return clean(found).strip(), len(head[:at].encode())
    except (ValueError, IndexError, RecursionError):
        return "", 0


def _defined_in_messages(inputs: object) -> list[object]:
    """Return the tool definitions that LangChain's integration logs as messages of role tool."""
    messages = inputs if isinstance(inputs, list) else []
    found = [within(message, "content") for message in messages if _is_from_tool(message)]
    return [item for item in found if isinstance(within(item, "function", "name"), str)]


def _is_from_tool(message: object) -> bool:
    return isinstance(message, dict) and message.get("role") == "tool"
