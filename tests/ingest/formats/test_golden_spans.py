"""Small logs, and what their readers must find in them, worked by hand: before any assembling."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context, detect_format
from tracetier.ingest.source import Source

GOLDEN = Path(__file__).parents[2] / "golden" / "ingest"
CASES = sorted(path.parent.name for path in GOLDEN.glob("*/spans.json"))
_ISSUE = ("line", "pointer", "reason")


def _plain(value: object) -> Any:
    """Return what a record says beyond its defaults; of an issue what does not depend on us."""
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if not isinstance(value, msgspec.Struct):
        return value
    told = {
        field.name: found
        for field in msgspec.structs.fields(value)
        if (found := getattr(value, field.name)) != field.default
    }
    if isinstance(value, Issue):
        told = {name: told[name] for name in _ISSUE if name in told}
    return {name: _plain(found) for name, found in told.items()}


@pytest.mark.parametrize("case", CASES)
def test_a_log_gives_the_steps_worked_by_hand(case: str) -> None:
    """In the order of the log, each broken record in its place."""
    (log,) = (GOLDEN / case).glob("input.*")
    source = Source(log)
    found = detect_format(source.head)
    steps = [{"is": type(item).__name__, **_plain(item)} for item in found.read(source, Context())]

    assert found.name == case
    assert steps == json.loads((GOLDEN / case / "spans.json").read_text())
