"""What the text of an error says: its class, and whether another model would have met it too.

Error texts quote prompts and answers, so only the class of an error is kept, and the words that
tell of limits or overload count only where the class leaves it open.
"""

import re

from msgspec import Struct

from tracetier.ingest.formats._failures import is_infrastructure
from tracetier.ingest.span import Outcome

_NAME = re.compile(r"[\w.]*?\b([A-Z]\w*(?:Error|Exception|Interrupt|Timeout|Exit)|Timeout)\b")
_OPEN = re.compile(r"(?:API|HTTP|Http|Status|Client|Runtime|Response)\w*|Error|Exception")
_CANCELLED = frozenset({"CancelledError", "KeyboardInterrupt", "GeneratorExit", "AbortError"})
_LOCAL = frozenset({"FileNotFoundError", "ModuleNotFoundError", "PermissionError"})
_TRACEBACK = "Traceback (most recent call last)"
_CHARS = 200


class Failure(Struct, frozen=True):
    """How a step ended badly.

    Attributes
    ----------
    outcome : Outcome
        ``error`` or ``cancelled``.
    error_type : str, optional
        Class of the error; never its message.
    is_infrastructure : bool
        Whether it says nothing of the model.
    """

    outcome: Outcome = "error"
    error_type: str | None = None
    is_infrastructure: bool = False


def failure_of(
    text: str | None, *, error_type: str | None = None, status: int | None = None
) -> Failure:
    """Return what is known of a failure.

    Parameters
    ----------
    text : str, optional
        Message, ``repr`` of an exception, or traceback.
    error_type : str, optional
        Class of the error where the log names it apart.
    status : int, optional
        HTTP status.

    Examples
    --------
    >>> failure_of("RateLimitError('slow down')")
    Failure(outcome='error', error_type='RateLimitError', is_infrastructure=True)
    >>> failure_of("ValueError('no connection between the two ideas')").is_infrastructure
    False
    """
    said = _first_line(text or "")
    found = _NAME.match(error_type or said)
    name = found[1] if found else error_type
    if name in _CANCELLED or said.lower().startswith(("cancelled", "canceled", "aborted")):
        return Failure("cancelled", name, True)
    is_open = name is None or _OPEN.fullmatch(name) is not None
    is_theirs = name not in _LOCAL and is_infrastructure(name, "", status)
    return Failure(
        "error", name, is_theirs or (is_open and is_infrastructure(None, said[:_CHARS], None))
    )


def _first_line(text: str) -> str:
    """Return the line that says what went wrong: before a traceback, or at its end."""
    before, _, trace = text.partition(_TRACEBACK)
    lines = (before if before.strip() else trace).strip().split("\n")
    return (lines[0] if before.strip() else lines[-1]).strip()
