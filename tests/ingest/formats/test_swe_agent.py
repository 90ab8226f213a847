"""SWE-agent: totals of the run, steps without numbers, and a verdict that lies elsewhere."""

import json
from pathlib import Path
from typing import Any

import pytest

from tracetier.ingest.formats.swe_agent import SweAgent
from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source

RUN: dict[str, Any] = {
    "trajectory": [{"action": "ls", "observation": "", "thought": "t"}],
    "history": [{"role": "user", "content": [{"type": "text", "text": "Fix it."}]}],
    "info": {"exit_status": "submitted", "model_stats": {}},
}


def _read(path: Path) -> list[Any]:
    return list(SweAgent().read(Source(path), Context()))


def _write(path: Path, run: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(run))
    return path


@pytest.mark.parametrize(
    ("name", "n_calls", "n_in", "n_out", "cost_usd", "model"),
    [
        ("pydicom__pydicom-1458.traj", 12, 122_612, 1_369, 1.26719, None),
        ("6e44b9__sweagenttestrepo-1c2844.traj", 5, 7_141, 243, 0.01952, "gpt-4o"),
    ],
)
def test_the_samples_give_what_their_page_states(
    name: str,
    n_calls: int,
    n_in: int,
    n_out: int,
    cost_usd: float,
    model: str | None,
    shared: Path,
) -> None:
    """Totals are the run's: no call is told to have read 122,612 tokens."""
    run, *steps = _read(shared / "samples" / "swe_agent" / name)
    calls = [step for step in steps if step.kind == "call"]

    assert (run.kind, run.outcome, run.scores) == ("agent", "ok", ())
    assert (run.input_tokens, run.output_tokens) == (n_in, n_out)
    assert run.cost_usd == pytest.approx(cost_usd)
    assert run.model_asked == model
    assert len(calls) == n_calls
    assert {(call.input_tokens, call.cost_usd) for call in calls} == {(None, None)}


def test_submitted_is_not_solved(root: Path) -> None:
    """The report beside the run says that it was not."""
    run, *steps = _read(root / "tests" / "golden" / "ingest" / "swe_agent" / "input.json")
    (score,) = run.scores

    assert run.outcome == "ok"
    assert (score.name, score.value, score.better) == ("resolved", False, "high")
    assert (run.task_id, run.text) == ("calc__calc-1", "Fix add() in calc.py.")
    assert [(step.name, step.latency_s) for step in steps if step.kind == "tool"] == [
        ("open", 0.25),
        ("submit", 0.5),
    ]


def test_the_model_is_in_the_name_of_the_folder_where_no_configuration_is(tmp_path: Path) -> None:
    """``model__dataset__config__t-...``."""
    path = _write(tmp_path / "gpt4__swe-bench__default__t-0.00__p-0.95" / "a__b-1.traj", RUN)
    run = _read(path)[0]

    assert (run.model_asked, run.task_id) == ("gpt4", "a__b-1")
    assert _read(_write(tmp_path / "runs" / "a__b-1.traj", RUN))[0].model_asked is None


def test_statistics_of_a_replay_are_unknown_not_zero(tmp_path: Path) -> None:
    """All of them are 0 although steps were made."""
    zero = {"instance_cost": 0.0, "tokens_sent": 0, "tokens_received": 0, "api_calls": 0}
    info = {"exit_status": None, "model_stats": zero}
    run = _read(_write(tmp_path / "a.traj", RUN | {"info": info}))[0]

    assert (run.input_tokens, run.output_tokens, run.cost_usd, run.outcome) == (None,) * 4


@pytest.mark.parametrize(
    ("status", "is_infrastructure"),
    [("exit_context", False), ("submitted (exit_cost)", False), ("exit_environment_error", True)],
)
def test_an_exit_before_the_end_is_an_error(
    status: str, is_infrastructure: bool, tmp_path: Path
) -> None:
    """That of the host says nothing of the model."""
    info = {"exit_status": status, "model_stats": {}}
    run = _read(_write(tmp_path / "a.traj", RUN | {"info": info}))[0]

    assert (run.outcome, run.error_type) == ("error", status)
    assert run.is_infrastructure_error == is_infrastructure


def test_reports_of_a_batch_name_the_solved_and_the_unsolved(tmp_path: Path) -> None:
    """An instance that they do not name is unknown."""
    for name in ("a__b-1", "a__b-2", "a__b-3"):
        _write(tmp_path / "runs" / f"{name}.traj", RUN)
    _write(tmp_path / "results.json", {"resolved_ids": ["a__b-1"], "unresolved_ids": ["a__b-2"]})
    found = [_read(path)[0].scores for path in sorted((tmp_path / "runs").glob("*.traj"))]

    assert [[score.value for score in scores] for scores in found] == [[True], [False], []]


def test_reports_are_found_from_a_relative_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in the folder above, and anew where the report has changed."""
    _write(tmp_path / "runs" / "a__b-1.traj", RUN)
    monkeypatch.chdir(tmp_path / "runs")
    _write(tmp_path / "results.json", {"resolved_ids": ["a__b-1"]})
    first = _read(Path("a__b-1.traj"))[0]
    (tmp_path / "results.json").unlink()

    assert [score.value for score in first.scores] == [True]
    assert _read(Path("a__b-1.traj"))[0].scores == ()


def test_a_document_cut_off_is_one_issue(shared: Path, tmp_path: Path) -> None:
    """It is recognised by what is left."""
    whole = (shared / "samples" / "swe_agent" / "pydicom__pydicom-1458.traj").read_bytes()
    (tmp_path / "cut.traj").write_bytes(whole[:70_000])
    (issue,) = _read(tmp_path / "cut.traj")

    assert SweAgent().matches(Source(tmp_path / "cut.traj").head) == 1
    assert isinstance(issue, Issue)
    assert issue.reason == "not_json"
