"""Where the parts of an OpenHands conversation lie: a state, and events in one file or in many."""

from collections.abc import Iterator
from pathlib import Path

from tracetier.errors import InputError
from tracetier.ingest.formats._openhands_record import Event
from tracetier.ingest.formats._typed_json import decoder, read_each
from tracetier.ingest.issue import Issue
from tracetier.ingest.source import Source

_EVENT = decoder(Event)
_STATE_NAMES = {"events.json": ("base_state.json", "trajectory.json", "state.json")}
_N_FILES = 100_000


def state_of(events: Path) -> Path | None:
    """Return the state beside a file of events, ``None`` where there is none."""
    if events.parent.name == "events" and (events.parent.parent / "base_state.json").is_file():
        return events.parent.parent / "base_state.json"
    names: tuple[str, ...] = _STATE_NAMES.get(events.name, ())
    if events.name.endswith("_events.json"):
        names = (events.name.removesuffix("events.json") + "state.json",)
    return next((path for name in names if (path := events.parent / name).is_file()), None)


def events_of(state: Path) -> list[Path]:
    """Return the files of events beside a state."""
    if state.name == "base_state.json" and (state.parent / "events").is_dir():
        return many_events(state.parent / "events")
    name = "events.json"
    if state.name.endswith("_state.json"):
        name = state.name.removesuffix("state.json") + name
    return [path] if (path := state.parent / name).is_file() else []


def many_events(folder: Path) -> list[Path]:
    """Return the files of a folder that holds one event each, in their order."""
    return sorted(folder.glob("*.json"))[:_N_FILES]


def read_events(paths: list[Path]) -> Iterator[Event | Issue]:
    """Yield the events of some files."""
    for path in paths:
        try:
            yield from read_each(Source(path), _EVENT)
        except InputError as error:
            yield Issue(file=str(path), reason="unreadable", message=str(error))
