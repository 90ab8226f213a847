"""Batch files: the answers of a batch, joined to the requests that lie in a file beside them.

Ids such as ``request-1`` recur in every batch, so a request file is used only if it holds all of
the first ids of the answers, and is the only one beside them that does, or is named like them.
"""

from collections.abc import Iterator
from pathlib import Path

from tracetier.errors import InputError
from tracetier.ingest.formats._provider_record import Exchange, Request
from tracetier.ingest.formats._typed_json import decoder, typed
from tracetier.ingest.head import Head
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.source import Source, read_head

_INPUT = decoder(Exchange)
_N_NEIGHBOURS = 200
_ROLES = ("output", "outputs", "results", "result", "input", "inputs", "requests", "batch")


def is_input(record: Exchange) -> bool:
    """Whether a record is a request of a batch."""
    if record.custom_id is None or record.result is not None or record.response is not None:
        return False
    return record.body is not None or record.params is not None


class BatchInputs:
    """The requests of a batch, found when first asked for.

    Parameters
    ----------
    source : Source
        The answers.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._places: dict[str, tuple[int, int]] | None = None
        self._path: Path | None = None
        self._n_unknown, self._why = 0, ""

    def request_of(self, custom_id: str) -> Request | None:
        """Return the request with an id, ``None`` where it is in no file beside the answers."""
        if self._places is None:
            self._path, self._places = self._find()
        place = self._places.get(custom_id)
        if place is None or self._path is None:
            self._n_unknown += 1
            return None
        with self._path.open("rb") as file:
            file.seek(place[0])
            record = typed(file.read(place[1]), _INPUT)
        return record.body or record.params

    def issues(self) -> Iterator[Issue]:
        """Yield one issue where answers stayed without their requests."""
        if self._n_unknown:
            why = self._why or "the file of requests lacks their custom_id"
            told = (
                f"{self._n_unknown:,} answers of a batch are without their requests, so without "
                f"text: {why}; put the batch's input file beside it"
            )
            yield self._source.issue(Fault("no_request", told), is_of_file=True)

    def _find(self) -> tuple[Path | None, dict[str, tuple[int, int]]]:
        own = self._source.path
        ids = {str(record.get("custom_id")) for record in self._source.head.records}
        fitting = [(path, places) for path, places in _neighbours(own) if ids <= places.keys()]
        named = [item for item in fitting if _stem(item[0]) == _stem(own)]
        if len(fitting) == 1 or len(named) == 1:
            return (named if len(named) == 1 else fitting)[0]
        n = len(fitting)
        self._why = f"{n} files beside it hold such ids" if n else "no file beside it holds them"
        return None, {}


def _neighbours(own: Path) -> Iterator[tuple[Path, dict[str, tuple[int, int]]]]:
    try:
        names = sorted(own.parent.glob("*.jsonl"))[:_N_NEIGHBOURS]
    except OSError:
        return
    for path in names:
        if path != own and path.is_file() and _is_request_file(path):
            yield path, _places(path)


def _is_request_file(path: Path) -> bool:
    try:
        head: Head = read_head(path)
    except InputError:
        return False
    return bool(head.records) and all(
        "custom_id" in record and ("params" in record or "body" in record)
        for record in head.records
    )


def _places(path: Path) -> dict[str, tuple[int, int]]:
    """Return where in a file each request stands: its first byte and its length."""
    found: dict[str, tuple[int, int]] = {}
    start = 0
    with path.open("rb") as file:
        for line in file:
            try:
                id_ = typed(line, _INPUT).custom_id
            except Fault:
                id_ = None
            if id_ is not None:
                found.setdefault(id_, (start, len(line)))
            start += len(line)
    return found


def _stem(path: Path) -> str:
    words = path.name.split(".", 1)[0].lower().replace("-", "_").split("_")
    return "_".join(word for word in words if word not in _ROLES)
