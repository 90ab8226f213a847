"""Whether an instance of SWE-bench was solved: in a report beside the run, never in the run itself.

An instance that no report names is unknown, not unsolved.
"""

from functools import lru_cache
from pathlib import Path

from msgspec import Struct

from tracetier.errors import InputError
from tracetier.ingest.formats._typed_json import decoder, read_document
from tracetier.ingest.issue import Issue
from tracetier.ingest.source import Source
from tracetier.ingest.span import Score

_NAMES = ("report.json", "results.json")
_BYTES = 64 * 1024 * 1024


class Verdict(Struct, frozen=True):
    """Outcome of one instance."""

    resolved: bool | None = None


class Report(Struct, frozen=True):
    """Outcomes of many instances, by their ids."""

    resolved_ids: list[str] | None = None
    unresolved_ids: list[str] | None = None
    empty_patch_ids: list[str] | None = None
    resolved: list[str] | None = None


_REPORT, _VERDICTS = decoder(Report), decoder(dict[str, Verdict])


def score_of(run: Path, instance_id: str) -> tuple[Score, ...]:
    """Return the verdict on an instance from a report in the run's folder or the one above."""
    for folder in run.absolute().parents[:2]:
        for name in _NAMES:
            is_solved = _told(folder / name).get(instance_id)
            if is_solved is not None:
                return (
                    Score(name="resolved", value=is_solved, source="programmatic", better="high"),
                )
    return ()


def _told(path: Path) -> dict[str, bool]:
    try:
        stat = path.stat()
    except OSError:
        return {}
    is_readable = path.is_file() and stat.st_size <= _BYTES
    return _verdicts(path, stat.st_mtime_ns) if is_readable else {}


@lru_cache(maxsize=64)  # all runs of a batch ask for the same report
def _verdicts(path: Path, changed_ns: int) -> dict[str, bool]:
    try:
        report = read_document(Source(path), _REPORT)
    except InputError:
        return {}
    if isinstance(report, Issue) or (report.resolved_ids is None and report.resolved is None):
        return _by_instance(path)
    solved = report.resolved_ids or report.resolved or []
    unsolved = [*(report.unresolved_ids or ()), *(report.empty_patch_ids or ())]
    return dict.fromkeys(unsolved, False) | dict.fromkeys(solved, True)


def _by_instance(path: Path) -> dict[str, bool]:
    found = read_document(Source(path), _VERDICTS)
    if isinstance(found, Issue):
        return {}
    return {id_: told.resolved for id_, told in found.items() if told.resolved is not None}
