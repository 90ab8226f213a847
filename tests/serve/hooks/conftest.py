"""The exchange as Claude Code's hooks reference shows it, and a service that answers it."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tracetier.route.router import Router
from tracetier.serve.hooks.spawns import Spawns
from tracetier.serve.service import Service
from tracetier.tiers import Tier, TierSet

SESSION = "00893aaf-19fa-41d2-8238-13269b9b3ca0"
AGENT = "a4d2c8f1e0b3a297"
PROMPT = "Find all API endpoints"
HAIKU, OPUS = "claude-haiku-4-5-20251001", "claude-opus-4-5-20251101"
TIERS = TierSet((Tier(name="low", models=(HAIKU,)), Tier(name="high", models=(OPUS,))))

Json = dict[str, Any]
Change = Callable[..., Json]


def spawn_event(tool: Json | None = None, **changes: Any) -> Json:
    """The event before a sub-agent is spawned, every documented field in it."""
    event = {
        "session_id": SESSION,
        "prompt_id": "550e8400-e29b-41d4-a716-446655440000",
        "transcript_path": f"/home/user/.claude/projects/p/{SESSION}.jsonl",
        "cwd": "/home/user/my-project",
        "permission_mode": "default",
        "effort": {"level": "high"},
        "hook_event_name": "PreToolUse",
        "tool_name": "Agent",
        "tool_input": {
            "prompt": PROMPT,
            "description": "Find API endpoints",
            "subagent_type": "Explore",
            "run_in_background": True,
        }
        | (tool or {}),
        "tool_use_id": "toolu_01ABC123",
    }
    return event | changes


def stop_event(transcript: Path, **changes: Any) -> Json:
    """The event when a sub-agent has stopped, every documented field in it."""
    event = {
        "session_id": SESSION,
        "transcript_path": f"/home/user/.claude/projects/p/{SESSION}.jsonl",
        "cwd": "/home/user/my-project",
        "permission_mode": "default",
        "hook_event_name": "SubagentStop",
        "stop_hook_active": False,
        "agent_id": AGENT,
        "agent_type": "Explore",
        "agent_transcript_path": str(transcript),
        "last_assistant_message": "Found 12 “endpoints”.",
        "background_tasks": [],
        "session_crons": [],
    }
    return event | changes


def write_transcript(
    folder: Path, *, model: str = OPUS, fails: bool = False, tool_use_id: str | None = None
) -> Path:
    """Write the transcript of a sub-agent that used one tool and answered.

    110 tokens of input that were not cached, 2,300 read from the cache, 200 written to it, and 80
    of output.
    """
    use = {"type": "tool_use", "id": "toolu_g", "name": "Grep", "input": {"pattern": "route"}}
    result = {"type": "tool_result", "tool_use_id": "toolu_g", "content": "x", "is_error": fails}
    said = {"type": "text", "text": "Found 12 “endpoints”."}
    lines = [
        _line("user", 1, {"role": "user", "content": PROMPT}),
        _line("assistant", 2, _message(model, "m1", [use], (100, 1000, 200, 50))),
        _line("user", 3, {"role": "user", "content": [result]}),
        _line("assistant", 4, _message(model, "m2", [said], (10, 1300, 0, 30))),
    ]
    path = folder / SESSION / "subagents" / f"agent-{AGENT}.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    if tool_use_id is not None:
        meta = {"agentType": "Explore", "toolUseId": tool_use_id}
        path.with_name(f"agent-{AGENT}.meta.json").write_text(json.dumps(meta))
    return path


def _line(kind: str, n: int, message: Json) -> Json:
    return {
        "type": kind,
        "uuid": f"u{n}",
        "parentUuid": f"u{n - 1}" if n > 1 else None,
        "isSidechain": True,
        "agentId": AGENT,
        "sessionId": SESSION,
        "timestamp": f"2026-10-08T12:00:0{n}.000Z",
        "message": message,
    }


def _message(model: str, name: str, content: list[Json], tokens: tuple[int, ...]) -> Json:
    usage = dict(
        zip(
            (
                "input_tokens",
                "cache_read_input_tokens",
                "cache_creation_input_tokens",
                "output_tokens",
            ),
            tokens,
            strict=True,
        )
    )
    return {"role": "assistant", "model": model, "id": name, "content": content, "usage": usage}


@pytest.fixture
def router(make_router: Callable[..., Router]) -> Router:
    """A router that finds "high" better at every task, without exploring."""
    made: Router = make_router(tiers=TIERS, strategy="greedy")
    return made


@pytest.fixture
def hooked(router: Router) -> Iterator[Service]:
    """A service over tiers that a spawn can name."""
    made = Service(router)
    yield made
    made.close()


@pytest.fixture
def spawns(tmp_path: Path) -> Spawns:
    """No spawns yet."""
    return Spawns(tmp_path / "spawns")


@pytest.fixture
def short_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a path that is short enough for a socket's, where helpers are put."""
    folder = Path(tempfile.mkdtemp(prefix="tt", dir="/tmp"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(name="spawn_event", scope="session")
def _spawn_event() -> Change:
    return spawn_event


@pytest.fixture(name="stop_event", scope="session")
def _stop_event() -> Change:
    return stop_event


@pytest.fixture(name="write_transcript", scope="session")
def _write_transcript() -> Callable[..., Path]:
    return write_transcript
