"""Scores that a platform exports to files of their own find their steps in those beside them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracetier.ingest.run import ingest
from tracetier.table import read_table

Write = Callable[..., Path]
Lines = list[dict[str, Any]]
MAP = {"correctness": {"better": "high", "low": 0, "high": 1}}

LANGFUSE: dict[str, Lines] = {
    "observations": [
        {
            "id": f"o{i}",
            "traceId": f"t{i}",
            "parentObservationId": None,
            "type": "GENERATION",
            "name": "chat",
            "model": "claude-haiku-4-5",
            "startTime": "2026-01-05T08:00:00Z",
            "endTime": "2026-01-05T08:00:02Z",
            "usageDetails": {"input": 10, "output": 5, "total": 15},
        }
        for i in (1, 2)
    ],
    "scores": [
        {
            "id": "s1",
            "traceId": "t2",
            "observationId": None,
            "name": "correctness",
            "value": 0.75,
            "dataType": "NUMERIC",
            "source": "ANNOTATION",
            "timestamp": "2026-03-05T08:00:00Z",
        }
    ],
    "traces": [
        {
            "id": f"t{i}",
            "name": "chat",
            "timestamp": "2026-01-05T08:00:00Z",
            "sessionId": "s",
            "bookmarked": False,
            "public": False,
            "environment": "default",
            "input": "Hello?",
        }
        for i in (1, 2)
    ],
}
LANGSMITH: dict[str, Lines] = {
    "feedback": [
        {
            "key": "correctness",
            "score": 0.75,
            "run_id": "r2",
            "feedback_source": {"type": "model"},
            "created_at": "2026-03-05T08:00:00",
        }
    ],
    "runs": [
        {
            "id": f"r{i}",
            "trace_id": f"r{i}",
            "parent_run_id": None,
            "dotted_order": f"20260105T080000000000Zr{i}",
            "name": "ChatAnthropic",
            "run_type": "llm",
            "start_time": "2026-01-05T08:00:00",
            "end_time": "2026-01-05T08:00:02",
            "session_id": "project",
            "extra": {"metadata": {"ls_model_name": "claude-haiku-4-5"}},
            "inputs": {"messages": [{"role": "user", "content": f"Hello {i}?"}]},
            "outputs": {},
            "prompt_tokens": 10,
            "completion_tokens": 5,
        }
        for i in (1, 2)
    ],
}
PHOENIX: dict[str, Lines] = {
    "annotations": [
        {
            "id": "a1",
            "span_id": "00000000000000b2",
            "name": "correctness",
            "annotator_kind": "HUMAN",
            "result": {"score": 0.75, "label": None, "explanation": None},
            "created_at": "2026-03-05T08:00:00Z",
        }
    ],
    "spans": [
        {
            "id": f"x{i}",
            "name": "llm",
            "context": {"trace_id": f"{i}".rjust(32, "a"), "span_id": f"00000000000000b{i}"},
            "span_kind": "LLM",
            "parent_id": None,
            "start_time": "2026-01-05T08:00:00Z",
            "end_time": "2026-01-05T08:00:02Z",
            "status_code": "OK",
            "attributes": {"llm.model_name": "claude-haiku-4-5"},
        }
        for i in (1, 2)
    ],
}


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    "files",
    [
        pytest.param(LANGFUSE, id="langfuse by trace"),
        pytest.param(LANGSMITH, id="langsmith by run alone"),
        pytest.param(PHOENIX, id="phoenix by span alone"),
    ],
)
def test_a_score_in_a_file_of_its_own_is_joined(
    files: dict[str, Lines], jobs: int, write_lines: Write, tmp_path: Path
) -> None:
    """The second of two calls has it; nothing has to be asked for."""
    for name, lines in files.items():
        write_lines(lines, f"logs/{name}.jsonl")
    summary = ingest(tmp_path / "logs", tmp_path / "t", level="call", scores_map=MAP, jobs=jobs)
    table = read_table(tmp_path / "t").sort_by("span_id")

    assert table["y_quality"].to_pylist() == [None, 0.75]
    assert summary.issues == {}
    assert "unplaced_scores" not in summary.notes


def test_a_table_of_traces_tells_the_session_of_observations_beside_it(
    write_lines: Write, tmp_path: Path
) -> None:
    """As in Langfuse's older exports; two turns of one conversation, told apart by time."""
    for name, lines in LANGFUSE.items():
        write_lines(lines, f"logs/{name}.jsonl")
    ingest(tmp_path / "logs", tmp_path / "t", level="call")

    assert read_table(tmp_path / "t")["session_id"].to_pylist() == ["s", "s"]
