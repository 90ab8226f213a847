"""What the input and the result of a Codex tool tell: the files, and whether it failed.

Results come in several forms: JSON text with an exit code, plain text that begins with one, an
object with a flag, or blocks. Texts are looked into, never kept.
"""

import re
from dataclasses import dataclass
from datetime import datetime

import msgspec
from msgspec import Raw, Struct

from tracetier.ingest.formats._codex_record import TEXT, text_of
from tracetier.ingest.formats._part import part
from tracetier.ingest.formats._typed_json import decoder
from tracetier.ingest.span import Outcome

_PATCHED = re.compile(r"^\*\*\* (?:Add|Update|Delete) File: (.+?)\s*$", re.MULTILINE)
_EXIT_CODE = re.compile(r"(?:^|\n)(?:Exit code:|Process exited with code) (-?\d+)")
_FAILED = ("failed to", "unsupported", "execution error", "error:", "err:", "apply_patch verif")
_STOPPED = ("aborted", "rejected by user", "exec command rejected")
_HEAD_CHARS = 2_000


@dataclass(slots=True)
class Tool:
    """One use of a tool. A failure that an event told stands, whatever the result says."""

    span_id: str
    parent_id: str
    name: str | None
    start: datetime | None
    end: datetime | None = None
    outcome: Outcome | None = None
    files: tuple[str, ...] = ()
    is_failed: bool = False
    is_test: bool = False
    have_passed: bool | None = None


class _Metadata(Struct, frozen=True):
    exit_code: int | None = None


class _Result(Struct, frozen=True):
    success: bool | None = None
    metadata: _Metadata | None = None
    exit_code: int | None = None


_RESULT = decoder(_Result)


def files_of(*inputs: Raw) -> tuple[str, ...]:
    r"""Return the files that a patch in a tool's input touches.

    Examples
    --------
    >>> files_of(Raw(b'"*** Begin Patch\\n*** Update File: a/b.py\\n@@"'))
    ('a/b.py',)
    """
    found: dict[str, None] = {}
    for raw in inputs:
        if b"*** " in bytes(raw):
            text = (part(raw, TEXT) or "").replace("\\n", "\n")
            found.update(dict.fromkeys(_PATCHED.findall(text)))
    return tuple(found)


def outcome_of(output: Raw) -> Outcome:
    r"""Return whether a tool did what it was told.

    Examples
    --------
    >>> outcome_of(Raw(b'"Exit code: 1\\nOutput: ..."')), outcome_of(Raw(b'"aborted by user"'))
    ('error', 'cancelled')
    >>> outcome_of(Raw(b'"{\\"output\\": \\"done\\", \\"metadata\\": {\\"exit_code\\": 0}}"'))
    'ok'
    """
    result = part(output, _RESULT)
    text = text_of(output)[:_HEAD_CHARS] if result is None else ""
    if text.startswith("{"):
        result = _from_text(part(output, TEXT) or "")
    if result is not None and (known := _told(result)) is not None:
        return known
    low = text.lower().lstrip()
    if low.startswith(_STOPPED):
        return "cancelled"
    exit_code = _EXIT_CODE.search(text)
    if exit_code is not None:
        return "ok" if exit_code[1] == "0" else "error"
    return "error" if low.startswith(_FAILED) else "ok"


def _from_text(text: str) -> _Result | None:
    try:
        return _RESULT.decode(text)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None


def _told(result: _Result) -> Outcome | None:
    exit_code = result.exit_code if result.metadata is None else result.metadata.exit_code
    if exit_code is not None:
        return "ok" if exit_code == 0 else "error"
    return None if result.success is None else "ok" if result.success else "error"
