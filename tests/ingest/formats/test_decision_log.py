"""Our own log of decisions, and feedback that comes late."""

import itertools
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tracetier.decision_log.schema import DecisionLine, FeedbackLine, encode_line
from tracetier.features.extract import X_COLUMNS, extract_row
from tracetier.features.spec import fingerprint
from tracetier.ingest.run import ingest
from tracetier.records import Task
from tracetier.table import read_table
from tracetier.tiers import Tier, TierSet

Write = Callable[..., Path]
START = datetime(2026, 1, 5, 8, tzinfo=UTC)


def _decision(i: int, **fields: object) -> bytes:
    told: dict[str, object] = {
        "tracetier_log": 1,
        "decision_id": f"d{i}",
        "timestamp": START + timedelta(minutes=i),
        "tier": "low",
        "propensity": 0.5,
        "task": Task(text=f"Task {i}."),
    }
    return encode_line(DecisionLine(**(told | fields)))  # type: ignore[arg-type]


def _feedback(i: int, quality: float | None = None, *, minute: int = 60, **fields: object) -> bytes:
    return encode_line(
        FeedbackLine(
            tracetier_log=1,
            decision_id=f"d{i}",
            timestamp=START + timedelta(minutes=minute),
            quality=quality,
            **fields,  # type: ignore[arg-type]
        )
    )


@pytest.mark.parametrize("jobs", [1, 2])
def test_late_feedback_finds_its_decision_in_another_file(
    jobs: int, write_lines: Write, tmp_path: Path
) -> None:
    """Before or after it in the order of the names; the newest quality counts."""
    write_lines([_feedback(2, 3.0)], "log/0.jsonl")
    write_lines([_decision(1), _decision(2), _feedback(1, 2.0)], "log/1.jsonl")
    write_lines([_decision(3), _feedback(1, 8.0, minute=90, cost_usd=0.25)], "log/2.jsonl")
    summary = ingest(tmp_path / "log", tmp_path / "t", jobs=jobs)
    rows = {row["trace_id"]: row for row in read_table(tmp_path / "t").to_pylist()}

    assert {name: row["y_quality"] for name, row in rows.items()} == {
        "d1": 0.8,
        "d2": 0.3,
        "d3": None,
    }
    assert (rows["d1"]["y_cost_usd"], rows["d1"]["y_quality_source"]) == (0.25, "feedback")
    assert summary.n_records == summary.n_read == 6
    assert summary.notes == {}


def test_feedback_in_any_order_of_files_gives_the_same(write_lines: Write, tmp_path: Path) -> None:
    """Its own time says which is newest."""
    late = _feedback(1, 8.0, minute=90, cost_usd=0.5)
    lines = [[_decision(1)], [_feedback(1, 2.0, cost_usd=0.25)], [late]]
    found = set()
    for k, order in enumerate(itertools.permutations(lines)):
        for i, content in enumerate(order):
            write_lines(content, f"{k}/{i}.jsonl")
        ingest(tmp_path / str(k), tmp_path / f"t{k}")
        (row,) = read_table(tmp_path / f"t{k}").to_pylist()
        found.add((row["y_quality"], row["y_cost_usd"]))

    assert found == {(0.8, 0.5)}


def test_what_the_router_was_told_goes_before_what_the_log_tells(
    write_lines: Write, tmp_path: Path
) -> None:
    """The second decision of a session, whose caller counted otherwise."""
    tiers = TierSet((Tier(name="low"), Tier(name="high")))
    known = Task(text="b", turn_index=7, n_prior_errors=3, context_tokens=9)
    first = _decision(1, session_id="s", tier="high")
    second = _decision(2, session_id="s", task=known)
    path = write_lines([first, _feedback(1, latency_s=2.0), second])
    ingest(path, tmp_path / "t", tiers=tiers)
    row = read_table(tmp_path / "t").to_pylist()[1]

    assert (row["turn_index"], row["n_prior_errors"], row["context_tokens"]) == (7, 3, 9)
    assert (row["last_tier"], row["p_log"], row["tier"]) == ("high", 0.5, "low")


def test_feedback_of_no_decision_is_counted(write_lines: Write, tmp_path: Path) -> None:
    """It may come before its decision's file is there."""
    path = write_lines([_decision(1), _feedback(9, 5.0)])

    assert ingest(path, tmp_path / "t").notes == {"unplaced_scores": 1}


def _features(task: Task) -> dict[str, float]:
    found = zip(X_COLUMNS, extract_row(task).tolist(), strict=True)
    return {name: value for name, value in found if not math.isnan(value)}


def test_features_of_a_withheld_text_are_read_back(write_lines: Write, tmp_path: Path) -> None:
    """Those of a log that holds the text; in one file, or joined with its feedback from another."""
    told = Task(text="Fix the failing test in src/app.py.\n```\nx = 1\n```", task_type="code_edit")
    bare = Task(task_type="code_edit")
    x, own = _features(told), fingerprint()
    withheld = _decision(2, task=bare, task_text_hash="0f", x=x, feature_fingerprint=own)
    write_lines([_decision(1, task=told), withheld], "a/1.jsonl")
    write_lines([_decision(1, task=told), withheld], "b/1.jsonl")
    write_lines([_feedback(2, 3.0)], "b/2.jsonl")
    for name in "ab":
        ingest(tmp_path / name, tmp_path / f"t{name}")
        first, second = read_table(tmp_path / f"t{name}").sort_by("trace_id").to_pylist()
        assert (second["task_text"], second["task_text_hash"]) == ("", "0f")
        assert {c: first[c] for c in X_COLUMNS} == {c: second[c] for c in X_COLUMNS}


@pytest.mark.parametrize("print_of", ["0123", None])
def test_features_by_another_specification_are_left_unknown(
    print_of: str | None, write_lines: Write, tmp_path: Path
) -> None:
    """Their names may mean something else."""
    x = _features(Task(text="Fix the test."))
    line = _decision(1, task=Task(), task_text_hash="0f", x=x, feature_fingerprint=print_of)
    ingest(write_lines([line], "log.jsonl"), tmp_path / "t")
    (row,) = read_table(tmp_path / "t").to_pylist()

    assert row["x_bytes"] is None
