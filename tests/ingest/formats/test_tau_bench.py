"""tau-bench: the reward of each run, the model in the file's name."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tracetier.ingest.formats.tau_bench import TauBench
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import Span


def _read(path: Path) -> list[Any]:
    return list(TauBench().read(Source(path), Context()))


def _golden(root: Path) -> Path:
    (path,) = (root / "tests" / "golden" / "ingest" / "tau_bench").glob("input.*")
    return path


def test_the_sample_gives_ten_runs_of_which_one_succeeded(shared: Path) -> None:
    """Task 6; ``user_cost`` is the simulator's and is nobody's here."""
    spans = _read(shared / "samples" / "tau_bench" / "gpt-4o-airline.first.json")
    runs = [span for span in spans if span.kind == "agent"]
    solved = [run.task_id for run in runs for score in run.scores if score.value == 1]

    assert len(runs) == len({run.trace_id for run in runs}) == 10
    assert solved == ["tau_bench/airline/6"]
    assert {run.model_asked for run in runs} == {"gpt-4o"}
    assert {span.cost_usd for span in spans} == {None}


def test_neither_the_instruction_nor_the_expected_actions_are_read(root: Path) -> None:
    """The agent hears what the simulated user says."""
    run, *steps, issue = _read(_golden(root))

    assert run.text == "Cancel my flight."
    assert "secret" not in repr([run, *steps])
    assert [(step.kind, step.name) for step in steps] == [
        ("call", None),
        ("tool", "cancel"),
        ("call", None),
    ]
    assert (issue.line, issue.pointer) == (2, "reward")


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("gpt-4o-airline.json", "gpt-4o"),
        ("sonnet-35-new-retail.json", "sonnet-35"),
        ("tool-calling-claude-3-5-0.0_range_0--1_user-gpt-4o-llm_0520.json", "claude-3-5"),
        ("results.json", None),
    ],
)
def test_the_model_is_in_the_name_of_the_file(
    name: str, model: str | None, root: Path, tmp_path: Path
) -> None:
    """That of the simulated user may stand there too; the domain is in the policy as well."""
    shutil.copy(_golden(root), tmp_path / name)
    run, call = (span for span in _read(tmp_path / name)[:2] if isinstance(span, Span))

    assert (run.model_asked, call.model_asked) == (model, model)
    assert run.task_type in ("tau_bench/airline", "tau_bench/retail")
