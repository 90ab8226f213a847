"""tau2-bench: agent and simulated user in one conversation, of which only one is routed."""

import json
from pathlib import Path
from typing import Any

from tracetier.ingest.formats.tau2 import Tau2
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import NoStep


def _read(path: Path) -> list[Any]:
    return list(Tau2().read(Source(path), Context()))


def _golden(root: Path) -> Path:
    return root / "tests" / "golden" / "ingest" / "tau2" / "input.json"


def test_a_result_without_its_simulations_is_no_step(shared: Path) -> None:
    """The sample keeps them in files that it does not bring."""
    path = shared / "samples" / "tau_bench" / "tau2_results_header.json"

    assert Tau2().matches(Source(path).head) == 1
    assert _read(path) == [NoStep()]


def test_messages_of_the_simulated_user_and_its_tools_are_not_the_agents(root: Path) -> None:
    """Its 400 tokens are left out, and so is the greeting, which no model wrote."""
    spans = [item for item in _read(_golden(root))[:-1] if item.trace_id == "sim-1"]
    run, *steps = spans

    assert [(step.kind, step.input_tokens) for step in steps] == [
        ("call", 100),
        ("tool", None),
        ("call", 200),
    ]
    assert [step.latency_s for step in steps if step.kind == "call"] == [1.5, 2.0]
    assert steps[1].outcome == "error"
    assert (run.cost_usd, run.text, run.task_id) == (0.03, "Return my lamp.", "tau2/retail/5")
    assert [(score.value, score.better) for score in run.scores] == [(0.0, "high")]
    assert (run.model_asked, run.outcome) == ("gpt-4.1-2025-04-14", "ok")


def test_a_run_that_the_infrastructure_ended_has_no_reward(root: Path) -> None:
    """Its 0 says nothing of the model; the run after it has no task and is an issue."""
    *items, issue = _read(_golden(root))
    run = next(item for item in items if item.trace_id == "sim-2")

    assert (run.is_infrastructure_error, run.scores) == (True, ())
    assert (issue.line, issue.reason, issue.pointer) == (3, "missing", "task_id")


def test_simulations_in_files_of_their_own_are_told_with_the_results(
    root: Path, tmp_path: Path
) -> None:
    """One of them by itself gives nothing while the results are there."""
    told = json.loads(_golden(root).read_text())
    (tmp_path / "simulations").mkdir()
    for run in told["simulations"][:2]:
        (tmp_path / "simulations" / f"{run['id']}.json").write_text(json.dumps(run, indent=1))
    (tmp_path / "results.json").write_text(json.dumps(told | {"simulations": []}, indent=1))
    one = Source(tmp_path / "simulations" / "sim-1.json")

    assert _read(tmp_path / "results.json") == _read(_golden(root))[:-1]
    assert Tau2().matches(one.head) == 1
    assert _read(one.path) == [NoStep()]
    (tmp_path / "results.json").unlink()
    assert _read(one.path)[0].model_asked is None
