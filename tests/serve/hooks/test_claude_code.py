"""Claude Code's events are answered as its hooks reference says."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tracetier.errors import CapError
from tracetier.records import Decision
from tracetier.serve.hooks.claude_code import (
    ClaudeCodeHook,
    Event,
    alias_of,
    is_model_of,
    read_event,
    task_of,
)
from tracetier.serve.hooks.options import HookOptions
from tracetier.serve.hooks.spawns import Spawn, Spawns
from tracetier.serve.service import Service
from tracetier.tiers import Tier, TierSet

Change = Callable[..., dict[str, Any]]


def _event(told: dict[str, Any]) -> Event:
    return read_event(json.dumps(told).encode())


@pytest.fixture
def hook(hooked: Service, spawns: Spawns) -> ClaudeCodeHook:
    """The hook as it is without any option."""
    return ClaudeCodeHook(hooked, spawns, HookOptions())


def test_a_spawn_is_given_the_model_of_its_tier(hook: ClaudeCodeHook, spawn_event: Change) -> None:
    """The input is replaced as a whole, so every field that Claude sent comes back beside it."""
    told = spawn_event()
    answer = hook.on_spawn(_event(told))

    assert answer == {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "updatedInput": {**told["tool_input"], "model": "opus"},
        }
    }


def test_permission_is_given_only_where_asked_for(
    hooked: Service, spawns: Spawns, spawn_event: Change
) -> None:
    """Then with a reason that names the decision, for the debug log."""
    hook = ClaudeCodeHook(hooked, spawns, HookOptions(allows=True))
    answer = hook.on_spawn(_event(spawn_event()))["hookSpecificOutput"]
    (view,) = hooked.recent.last(1)

    assert answer["permissionDecision"] == "allow"
    assert view.decision.decision_id in answer["permissionDecisionReason"]


def test_the_decision_is_logged_as_the_hooks(
    hook: ClaudeCodeHook, hooked: Service, spawn_event: Change
) -> None:
    """With the sub-agent's type as the type of the task, as transcripts are read."""
    hook.on_spawn(_event(spawn_event()))
    (view,) = hooked.recent.last(1)

    assert (view.source, view.task_type, view.agent_name) == ("hook", "Explore", "Explore")
    assert view.decision.session_id == spawn_event()["session_id"]


@pytest.mark.parametrize(
    "tool",
    [{"model": "haiku"}, {"resume": "a4d2c8f1e0b3a297"}, {"prompt": ""}, {"prompt": None}],
    ids=["names a model", "goes on", "asks nothing", "is odd"],
)
def test_a_spawn_is_left_as_it_is(
    hook: ClaudeCodeHook, hooked: Service, spawn_event: Change, tool: dict[str, Any]
) -> None:
    """And no decision is made for it."""
    assert hook.on_spawn(_event(spawn_event(tool))) == {}
    assert hooked.recent.last(1) == []


def test_a_model_that_is_named_is_replaced_where_asked_for(
    hooked: Service, spawns: Spawns, spawn_event: Change
) -> None:
    """``--override``."""
    hook = ClaudeCodeHook(hooked, spawns, HookOptions(overrides=True))
    answer = hook.on_spawn(_event(spawn_event({"model": "haiku"})))

    assert answer["hookSpecificOutput"]["updatedInput"]["model"] == "opus"


def test_one_use_of_the_tool_is_decided_once(
    hook: ClaudeCodeHook, hooked: Service, spawn_event: Change
) -> None:
    """The agent asks again where a call was deferred."""
    first, second = (hook.on_spawn(_event(spawn_event())) for _ in range(2))

    assert first == second
    assert len(hooked.recent) == 1


def test_no_tier_is_taken_that_a_spawn_cannot_name(
    make_router: Callable[..., Any], spawns: Spawns, spawn_event: Change
) -> None:
    """The better tier is a model that the tool would refuse."""
    tiers = TierSet((Tier(name="haiku"), Tier(name="high", models=("gpt-5",))))
    service = Service(make_router(tiers=tiers, strategy="greedy"))
    answer = ClaudeCodeHook(service, spawns, HookOptions()).on_spawn(_event(spawn_event()))
    service.close()

    assert answer["hookSpecificOutput"]["updatedInput"]["model"] == "haiku"


def test_where_no_tier_can_be_named_nothing_is_said(
    make_router: Callable[..., Any], spawns: Spawns, spawn_event: Change
) -> None:
    """A router for other models altogether."""
    service = Service(make_router())
    answer = ClaudeCodeHook(service, spawns, HookOptions()).on_spawn(_event(spawn_event()))
    service.close()

    assert answer == {}


def test_a_reached_cap_is_told_to_whoever_called(
    hook: ClaudeCodeHook, hooked: Service, spawn_event: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The edges turn it into "as you were"."""

    def refuse(*args: Any, **given: Any) -> Decision:
        raise CapError("a cap is reached")

    monkeypatch.setattr(hooked, "route", refuse)
    with pytest.raises(CapError):
        hook.on_spawn(_event(spawn_event()))


@pytest.mark.parametrize(
    ("changes", "is_spawn"),
    [
        ({}, True),
        ({"tool_name": "Task"}, True),
        ({"tool_name": "Bash"}, False),
        ({"hook_event_name": "PostToolUse"}, False),
    ],
    ids=["now", "formerly", "another tool", "afterwards"],
)
def test_a_spawn_is_recognised(
    spawn_event: Change, changes: dict[str, Any], is_spawn: bool
) -> None:
    """By event and tool, under both names that the tool has had."""
    assert _event(spawn_event(**changes)).is_spawn is is_spawn


def test_a_spawn_without_a_type_is_of_the_usual_one(spawn_event: Change) -> None:
    """As the file beside its transcript will say."""
    told = spawn_event()
    del told["tool_input"]["subagent_type"]

    assert task_of(_event(told)).task_type == "general-purpose"


@pytest.mark.parametrize(
    ("tier", "alias"),
    [
        (Tier(name="low", models=("anthropic/claude-haiku-4.5",)), "haiku"),
        (Tier(name="low", models=("claude-3-5-haiku-20241022",)), "haiku"),
        (Tier(name="x", model="us.anthropic.claude-sonnet-4-20250514-v1:0"), "sonnet"),
        (Tier(name="x", models=("claude-*opus*", "opus")), "opus"),
        (Tier(name="Opus"), "opus"),
        (Tier(name="x", models=("claude-fable-5",)), "fable"),
        (Tier(name="x", models=("my-opus-clone",)), None),
        (Tier(name="x", models=("claude-*",)), None),
    ],
)
def test_a_tier_is_named_as_the_tool_names_models(tier: Tier, alias: str | None) -> None:
    """The tool takes short names only."""
    assert alias_of(tier) == alias


def test_the_model_that_answered_is_held_against_the_one_given() -> None:
    """By its short name or its tier."""
    tiers = TierSet((Tier(name="low", models=("haiku", "glm-*")), Tier(name="opus")))
    spawn = Spawn(decision_id="d", tier="low", alias="haiku")
    answered = ("claude-haiku-4-5-20251001", "glm-5", "claude-opus-4-5", "unheard-of")

    assert [is_model_of(tiers, model, spawn) for model in answered] == [True, True, False, False]
