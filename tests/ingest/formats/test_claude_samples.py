"""What the real sessions of Claude Code must not be read as."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracetier.ingest.run import ingest
from tracetier.table import read_table

SAMPLES = ["session_tasks_v1.0.98.jsonl", "single_lines_v2.0.jsonl"]


@pytest.mark.parametrize("name", SAMPLES)
def test_every_line_is_a_record_once(name: str, shared: Path, tmp_path: Path) -> None:
    """Also those that go on with a step."""
    path = shared / "samples" / "claude_code" / name
    (file,) = ingest(path, tmp_path / "t").files
    n_lines = sum(bool(line.strip()) for line in path.read_bytes().split(b"\n"))

    assert file.n_read + file.n_no_step + file.n_rejected + file.n_duplicates == n_lines


def test_a_run_that_never_ended_is_not_ok(shared: Path, tmp_path: Path) -> None:
    """The third task: its last call was good, but nobody tells that it was its last."""
    ingest(shared / "samples" / "claude_code" / SAMPLES[0], tmp_path / "t")
    rows = read_table(tmp_path / "t").to_pylist()
    runs = [row["y_status"] for row in rows if row["agent_name"]]

    assert sorted(map(str, runs)) == ["None", "ok", "ok"]


def test_a_turn_whose_start_is_unknown_has_no_latency(shared: Path, tmp_path: Path) -> None:
    """Each of these begins with its answer."""
    ingest(shared / "samples" / "claude_code" / SAMPLES[1], tmp_path / "t")

    assert set(read_table(tmp_path / "t")["y_latency_s"].to_pylist()) == {None}


def test_what_is_kept_for_an_hour_has_its_own_price(
    write_lines: Callable[..., Path], tmp_path: Path
) -> None:
    """A million tokens written, half of them for an hour: 0.5 * 1.25 + 0.5 * 2 USD."""
    usage: dict[str, Any] = {
        "input_tokens": 0,
        "output_tokens": 0,
        "cache_creation_input_tokens": 1_000_000,
        "cache_creation": {
            "ephemeral_5m_input_tokens": 500_000,
            "ephemeral_1h_input_tokens": 500_000,
        },
    }
    message = {"id": "m", "model": "claude-haiku-4-5", "content": [], "usage": usage}
    line = {"sessionId": "s", "timestamp": "2026-06-01T08:00:00Z"}
    user = {"type": "user", "uuid": "u", "message": {"content": "Go."}}
    answer = {"type": "assistant", "uuid": "a", "parentUuid": "u", "message": message}
    path = write_lines([line | user, line | answer], "s.jsonl")
    ingest(path, tmp_path / "t")

    assert read_table(tmp_path / "t")["y_cost_usd"].to_pylist() == [pytest.approx(1.625)]


def test_tests_that_failed_last_are_a_sign_of_trouble(
    write_lines: Callable[..., Path], tmp_path: Path
) -> None:
    """Run twice, the second time in vain: 1 - 0.75; a listing between them says nothing."""
    line: dict[str, Any] = {"sessionId": "s"}
    lines = [line | {"type": "user", "uuid": "u", "message": {"content": "Fix it."}}]
    runs = (("pytest -q", False), ("ls tests", False), ("cd a && make test", True))
    for k, (command, is_error) in enumerate(runs):
        used = {"type": "tool_use", "id": f"t{k}", "name": "Bash", "input": {"command": command}}
        result = {"type": "tool_result", "tool_use_id": f"t{k}", "is_error": is_error}
        message = {"id": f"m{k}", "model": "claude-haiku-4-5", "content": [used]}
        above = lines[-1]["uuid"]
        answer = {"type": "assistant", "uuid": f"a{k}", "parentUuid": above, "message": message}
        lines.append(line | answer | {"timestamp": f"2026-06-01T08:0{k}:00Z"})
        back = {"type": "user", "uuid": f"r{k}", "parentUuid": f"a{k}"}
        told = {"message": {"content": [result]}, "timestamp": f"2026-06-01T08:0{k}:30Z"}
        lines.append(line | back | told)
    ingest(write_lines(lines, "s.jsonl"), tmp_path / "t", quality_from="proxy:tests")
    (row,) = read_table(tmp_path / "t").to_pylist()

    assert (row["y_quality"], row["y_quality_source"]) == (0.25, "proxy")
