"""mini-SWE-agent: each answer with its usage, cost and time."""

import json
from pathlib import Path
from typing import Any

import pytest

from tracetier.ingest.formats.mini_swe_agent import MiniSweAgent
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source


def _read(path: Path) -> list[Any]:
    return list(MiniSweAgent().read(Source(path), Context()))


def _golden(root: Path) -> Path:
    return root / "tests" / "golden" / "ingest" / "mini_swe_agent" / "input.json"


def test_the_sample_gives_three_calls(shared: Path) -> None:
    """30 in, 60 out, USD 0.00099; submitted, which is not solved."""
    name = "mini_swe_agent_v1.1_submitted.traj.json"
    run, *steps = _read(shared / "samples" / "swe_agent" / name)
    calls = [step for step in steps if step.kind == "call"]

    assert (run.outcome, run.scores) == ("ok", ())
    assert len(calls) == 3
    assert sum(call.input_tokens for call in calls) == 30
    assert sum(call.output_tokens for call in calls) == 60
    assert sum(call.cost_usd for call in calls) == pytest.approx(0.00099)
    assert {call.model_asked for call in calls} == {"anthropic/claude-sonnet-4-5-20250929"}
    assert {call.model_answered for call in calls} == {"claude-sonnet-4-5-20250929"}


def test_a_call_takes_from_the_message_before_it_to_its_own(root: Path) -> None:
    """The first has none before it, so its latency is unknown; the command took half a second."""
    run, first, command, second = _read(_golden(root))

    assert (run.task_id, run.error_type) == ("geo__area-7", "LimitsExceeded")
    assert first.start is None
    assert (second.end - second.start).total_seconds() == 2
    assert (command.end - command.start).total_seconds() == 0.5
    assert command.outcome == "error"  # exit code 1
    assert (first.input_tokens, first.cache_read_tokens) == (10, 4)


def test_a_limit_that_the_agent_set_itself_is_not_the_hosts(root: Path, tmp_path: Path) -> None:
    """A rate limit that ended the run is."""
    told = json.loads(_golden(root).read_text())
    told["info"]["exit_status"] = "RateLimitError"
    (tmp_path / "a.traj.json").write_text(json.dumps(told))

    assert _read(_golden(root))[0].is_infrastructure_error is False
    assert _read(tmp_path / "a.traj.json")[0].is_infrastructure_error is True


def test_an_answer_that_could_not_be_parsed_was_paid_for(root: Path, tmp_path: Path) -> None:
    """It stands in the message that complains of it."""
    told = json.loads(_golden(root).read_text())
    told["messages"][3]["extra"] = {"interrupt_type": "FormatError", "cost": 0.5, "timestamp": 1e9}
    (tmp_path / "a.traj.json").write_text(json.dumps(told))
    calls = [span for span in _read(tmp_path / "a.traj.json") if span.kind == "call"]

    assert [call.cost_usd for call in calls] == [0.01, 0.5, 0.02]


def test_a_bare_list_of_messages_is_read_but_not_recognised(root: Path, tmp_path: Path) -> None:
    """The first version wrote no more, and so does everybody else."""
    told = json.loads(_golden(root).read_text())
    (tmp_path / "a.json").write_text(json.dumps(told["messages"]))
    source = Source(tmp_path / "a.json")
    run, *steps = MiniSweAgent().read(source, Context())

    assert MiniSweAgent().matches(source.head) == 0
    assert [step.kind for step in steps] == ["call", "tool", "call"]  # type: ignore[union-attr]
    assert (run.task_id, run.cost_usd) == ("a", None)  # type: ignore[union-attr]
