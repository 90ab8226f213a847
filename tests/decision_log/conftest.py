"""Decisions as a router gives them, and a log in a folder of its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tracetier.decision_log.schema import DecisionLine, FeedbackLine
from tracetier.decision_log.writer import LogRules, LogWriter
from tracetier.records import Decision, TierScore

MakeLog = Callable[..., LogWriter]
_DECODE = msgspec.json.Decoder(DecisionLine | FeedbackLine).decode


def make_decision(name: str = "d1", **changes: Any) -> Decision:
    """Return a decision for low, with probability .75."""
    given: dict[str, Any] = {
        "decision_id": name,
        "tier": "low",
        "model": "small-1",
        "propensity": 0.75,
        "propensities": {"low": 0.75, "high": 0.25},
        "scores": {"low": TierScore(0.5, 0.1, 4.9, 0.2, 4.8)},
        "reasons": ["cheap enough"],
        "bucket": "other",
        "lam": 0.3,
        "strategy": "residual",
        "artifact_id": "a1",
        "explored": False,
        "timestamp": datetime(2026, 1, 5, 8, tzinfo=UTC),
    }
    return Decision(**(given | changes))


def lines_of(folder: Path) -> list[DecisionLine | FeedbackLine]:
    """Return the lines of all plain parts, in their order."""
    parts = sorted(folder.glob("decisions-*.jsonl"))
    return [_DECODE(line) for part in parts for line in part.read_bytes().splitlines()]


@pytest.fixture
def make_log(tmp_path: Path) -> Iterator[MakeLog]:
    """Return a maker of logs in one folder that only write when told, closed at the end."""
    with ExitStack() as stack:

        def make(folder: Path = tmp_path / "log", **rules: Any) -> LogWriter:
            clock = rules.pop("clock", None)
            given = LogRules(**({"flush_s": 3600.0} | rules))
            log = LogWriter(folder, given, clock=clock) if clock else LogWriter(folder, given)
            stack.callback(log.close)
            return log

        yield make
