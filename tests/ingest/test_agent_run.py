"""A sub-agent's transcript, read when it has stopped, tells what ingest would."""

from pathlib import Path

import pytest

from tracetier.errors import SettingsError
from tracetier.ingest.agent_run import read_agent_run, tool_use_of
from tracetier.tiers import Tier, TierSet

FOLDER = "samples/claude_code/split_layout_v2.1/subagents/subagents"


def test_a_run_is_read_without_its_session(shared: Path) -> None:
    """Model, prompt, tokens and how it ended."""
    run = read_agent_run(shared / FOLDER / "agent-afx0000000000001.jsonl")

    assert run is not None
    assert (run.model, run.task_text, run.level) == (
        "claude-fx-1",
        "Subagent X prompt",
        "agent_run",
    )
    assert (run.y_input_tokens, run.y_output_tokens, run.y_status) == (100, 20, "ok")
    assert (run.y_cost_usd, run.y_quality) == (None, None)


def test_the_users_own_prices_count(shared: Path) -> None:
    """100 tokens in at $10, 20 out at $50 a million."""
    tier = Tier(name="t", models=("claude-fx-1",), input_usd_per_mtok=10, output_usd_per_mtok=50)
    path = shared / FOLDER / "agent-afx0000000000001.jsonl"
    run = read_agent_run(path, tiers=TierSet((tier,)))

    assert run is not None
    assert run.y_cost_usd == pytest.approx(0.002)


def test_quality_is_guessed_only_where_asked_for(shared: Path) -> None:
    """And is then told to be a guess."""
    path = shared / FOLDER / "agent-afx0000000000001.jsonl"
    run = read_agent_run(path, quality_from="proxy:all")

    assert run is not None
    assert (run.y_quality, run.y_quality_source) == (1.0, "proxy")
    with pytest.raises(SettingsError, match="proxy"):
        read_agent_run(path, quality_from="all")


@pytest.mark.parametrize("data", [b"", b"\xff\n{\n[]\n", b'{"type": "summary"}\n'])
def test_what_holds_no_run_gives_none(tmp_path: Path, data: bytes) -> None:
    """Broken lines are passed over."""
    path = tmp_path / "agent-x.jsonl"
    path.write_bytes(data)

    assert read_agent_run(path) is None


def test_the_tool_that_started_it_stands_beside_it(tmp_path: Path) -> None:
    """In versions that write such a file."""
    path = tmp_path / "agent-x.jsonl"
    path.write_text("")
    assert tool_use_of(path) is None

    path.with_name("agent-x.meta.json").write_text('{"agentType": "Explore", "toolUseId": "t1"}')
    assert tool_use_of(path) == "t1"
