"""What the service logs: one JSON object a line, of named facts only.

A line holds what happened, where and how long it took; never a body, a query, a header or the
message of an unexpected error, in any of which a task text or a secret may stand. An unexpected
error is logged by its type and the places that it went through.
"""

import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Final, TextIO

import msgspec

LOGGER: Final = logging.getLogger("tracetier.serve")

Fact = str | int | float | bool | list[str] | None


class JsonLines(logging.Formatter):
    """A record as one JSON object: time, level, event and its facts."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        facts = record.__dict__.get("facts")
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.msg if facts is not None else record.getMessage(),
        }
        if facts is None:
            line["logger"] = record.name
        line |= facts or {}
        if record.exc_info and record.exc_info[1] is not None:
            line |= error_facts(record.exc_info[1])
        return msgspec.json.encode(line).decode()


class PlainLines(JsonLines):
    """The same for people: time, event, facts."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = msgspec.json.decode(super().format(record))
        time, level, event = line.pop("time"), line.pop("level"), line.pop("event")
        line.pop("logger", None)
        clock = datetime.fromisoformat(time).astimezone().strftime("%H:%M:%S")
        facts = " ".join(f"{name}={_shown(value)}" for name, value in line.items())
        mark = "" if level in ("info", "debug") else f"{level}: "
        return f"{clock} {mark}{event}{'  ' + facts if facts else ''}"


def _shown(fact: object) -> str:
    if isinstance(fact, list):
        return ",".join(map(str, fact))
    text = str(fact)
    return repr(text) if " " in text else text


def tell(event: str, *, level: int = logging.INFO, **facts: Fact) -> None:
    """Log an event with its facts; those that are ``None`` are left out."""
    if LOGGER.isEnabledFor(level):
        known = {name: fact for name, fact in facts.items() if fact is not None}
        LOGGER.log(level, event, extra={"facts": known})


def error_facts(error: BaseException) -> dict[str, object]:
    """Return an unexpected error's type and the places that it went through, without its message.

    Examples
    --------
    >>> try:
    ...     int("my secret")
    ... except ValueError as error:
    ...     error_facts(error)["error"]
    'ValueError'
    """
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
    return {"error": type(error).__name__, "at": places[-12:]}


def start_logging(
    *, is_json: bool, tells_of_workers: bool = False, stream: TextIO | None = None
) -> None:
    """Send the service's log, and of the web server's what is news, to standard error.

    Parameters
    ----------
    is_json : bool
        One JSON object a line; else lines for people.
    tells_of_workers : bool
        Also what the web server says of starting and ending its workers.
    stream : file, optional
        In place of standard error.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if is_json else PlainLines())
    for name in ("tracetier", "uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers = [handler] if name != "uvicorn.error" else []
        logger.propagate = name == "uvicorn.error"
        is_news = name == "tracetier" or tells_of_workers
        logger.setLevel(logging.INFO if is_news else logging.WARNING)
    # Its lines hold whole paths with their queries; ours take their place.
    access = logging.getLogger("uvicorn.access")
    access.handlers, access.propagate = [], False
