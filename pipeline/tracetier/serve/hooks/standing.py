"""How the helpers on this machine stand, for a person who wonders why nothing is routed."""

import re
import socket
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from tracetier.serve.hooks.client import place_of

_LOG_BYTES = 4096
_MOST = 10
_PASSWORD = re.compile(r"://[^/\s]*@")


class HelperStanding(Struct, frozen=True):
    """A helper: what it was started with, whether it runs, and the last line that it wrote."""

    arguments: str
    is_running: bool
    last_line: str

    @property
    def told(self) -> str:
        """Its standing in a line."""
        state = "running" if self.is_running else "not running"
        return f"{state} ({self.arguments})" + (f": {self.last_line}" if self.last_line else "")


def helpers() -> list[HelperStanding]:
    """Return the helpers of this user that were started here, the latest first, at most ten."""
    folder = Path(place_of([])).parent
    marks = sorted(folder.glob("*.started"), key=lambda mark: -mark.stat().st_mtime)
    return [_standing(mark) for mark in marks[:_MOST]]


def _standing(mark: Path) -> HelperStanding:
    place = mark.with_suffix("")
    arguments = mark.read_text(encoding="utf-8", errors="replace")
    return HelperStanding(_PASSWORD.sub("://***@", arguments), _answers(place), _last_line(place))


def _answers(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as link, suppress(OSError):
        link.connect(str(place))
        return True
    return False


def _last_line(place: Path) -> str:
    try:
        told = place.with_name(place.name + ".log").read_bytes()[-_LOG_BYTES:]
    except OSError:
        return ""
    lines = told.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else ""
