"""Claude Code's hook events and their answers.

    PreToolUse of the tool Agent (formerly Task) -> the same input with the tier's model
    SubagentStop -> nothing to say; the transcript is read and the outcome reported, see `stop`
    anything else -> nothing

"Nothing" is the empty object, which leaves the agent as it was. The shapes are those of Claude
Code's hooks reference as of October 2026; fields that it does not name are passed on untouched.
"""

import re
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from tracetier.records import Decision, Task
from tracetier.serve.hooks.options import HookOptions
from tracetier.serve.hooks.spawns import Spawn, Spawns
from tracetier.serve.service import Service
from tracetier.tiers import Tier, TierSet, family_of, normalize_model

AGENT_TOOLS: Final = frozenset({"Agent", "Task"})
"""The tool that spawns, by its name and its former one."""

ALIASES: Final = ("haiku", "sonnet", "opus", "fable")
"""The models that a spawn may name; the tool refuses any other, a full model name too."""

DEFAULT_AGENT: Final = "general-purpose"
"""The type of a sub-agent for which a spawn names none."""

_MODEL = re.compile(rf"claude-(?:[\d-]+-)?({'|'.join(ALIASES)})\b")
_KEPT_MODEL = ("resume",)  # what goes on goes on with the model that it has

Answer = dict[str, Any]  # Any: the agent's own input comes back in it


class Event(Struct, frozen=True, kw_only=True):
    """The fields of an event that are looked at; a text is empty where it is not told."""

    hook_event_name: str = ""
    session_id: str = ""
    tool_name: str = ""
    tool_use_id: str = ""
    tool_input: dict[str, Any] = field(default_factory=dict)  # Any: it is the agent's
    agent_id: str = ""
    agent_type: str = ""
    agent_transcript_path: str = ""
    last_assistant_message: str | None = None

    @property
    def is_spawn(self) -> bool:
        """Whether a sub-agent is about to be spawned."""
        return self.hook_event_name == "PreToolUse" and self.tool_name in AGENT_TOOLS

    @property
    def is_stop(self) -> bool:
        """Whether a sub-agent has stopped, and where it wrote is told."""
        return self.hook_event_name == "SubagentStop" and bool(self.agent_transcript_path)

    @property
    def prompt(self) -> str:
        """What the sub-agent is asked."""
        prompt = self.tool_input.get("prompt")
        return prompt if isinstance(prompt, str) else ""


def read_event(data: bytes) -> Event:
    """Read an event.

    Raises
    ------
    msgspec.MsgspecError
        If it is none.
    """
    return msgspec.json.decode(data, type=Event)


def alias_of(tier: Tier) -> str | None:
    """Return what a spawn calls a tier's model, ``None`` where it has no name for it.

    Examples
    --------
    >>> [alias_of(Tier(name="low", models=("claude-haiku-4-5",))), alias_of(Tier(name="opus"))]
    ['haiku', 'opus']
    >>> alias_of(Tier(name="mid", models=("gpt-5-mini",))) is None
    True
    """
    return next(
        (alias for name in (*tier.plain_models, tier.name) if (alias := _alias(name))), None
    )


def _alias(model: str) -> str | None:
    if model.lower() in ALIASES:
        return model.lower()
    found = _MODEL.match(normalize_model(model))
    return family_of(model) or (found[1] if found else None)


def is_model_of(tiers: TierSet, model: str, spawn: Spawn) -> bool:
    """Whether a model that answered is the one that the spawn was given.

    Examples
    --------
    >>> spawn = Spawn(decision_id="d", tier="low", alias="haiku")
    >>> low = TierSet((Tier(name="low", models=("haiku",)),))
    >>> is_model_of(low, "claude-haiku-4-5-20251001", spawn), is_model_of(low, "opus", spawn)
    (True, False)
    """
    return _alias(model) == spawn.alias or tiers.match(model) == spawn.tier


class ClaudeCodeHook:
    """Answers spawns.

    Parameters
    ----------
    service : Service
    spawns : Spawns
        Where each spawn's decision is kept until its sub-agent stops.
    options : HookOptions
    """

    def __init__(self, service: Service, spawns: Spawns, options: HookOptions) -> None:
        self._service, self._spawns, self._options = service, spawns, options

    def on_spawn(self, event: Event) -> Answer:
        """Return the answer to a spawn: its input with the model of the tier, or nothing.

        A spawn that names a model keeps it, unless the options say otherwise; so does one that
        goes on with an earlier sub-agent, and one that is asked about twice.

        Raises
        ------
        TracetierError
            If no tier can be taken.
        OSError
            If the decision cannot be kept.
        """
        asked = event.tool_input
        if (asked.get("model") and not self._options.overrides) or not event.prompt:
            return {}
        if any(asked.get(name) for name in _KEPT_MODEL):
            return {}
        known = self._spawns.of(event.tool_use_id) if event.tool_use_id else None
        if known is None:
            known = self._decide(event)
        if known is None:
            return {}
        return answer_with(event, known, allows=self._options.allows)

    def forget(self, event: Event) -> None:
        """Take back a spawn whose answer came too late to be heeded."""
        self._spawns.take(event.tool_use_id or None, event.session_id, event.prompt)

    def _decide(self, event: Event) -> Spawn | None:
        tiers = self._service.router.tiers
        aliases = {tier.name: alias for tier in tiers.tiers if (alias := alias_of(tier))}
        if not aliases:
            return None
        decision = self._service.route(task_of(event), allowed=list(aliases), source="hook")
        spawn = spawn_of(decision, aliases[decision.tier])
        self._spawns.put(event.tool_use_id, event.session_id, event.prompt, spawn)
        return spawn


def task_of(event: Event) -> Task:
    """Return a spawn as a task, in the words in which transcripts are read for training."""
    kind = event.tool_input.get("subagent_type")
    kind = kind if isinstance(kind, str) and kind else DEFAULT_AGENT
    return Task(
        text=event.prompt,
        task_type=kind,
        agent_name=kind,
        level="agent_run",
        session_id=event.session_id or None,
    )


def spawn_of(decision: Decision, alias: str) -> Spawn:
    """Return what is kept of a decision until its sub-agent stops."""
    return Spawn(decision_id=decision.decision_id, tier=decision.tier, alias=alias)


def answer_with(event: Event, spawn: Spawn, *, allows: bool) -> Answer:
    """Return the answer that gives a spawn its model.

    The input is replaced as a whole, so every field of it comes back. Without ``allows`` nothing is
    said of permission: who may run is not the router's to decide.
    """
    told: Answer = {"hookEventName": "PreToolUse"}
    if allows:
        reason = f"tracetier: tier {spawn.tier}, decision {spawn.decision_id}"
        told |= {"permissionDecision": "allow", "permissionDecisionReason": reason}
    told["updatedInput"] = event.tool_input | {"model": spawn.alias}
    return {"hookSpecificOutput": told}
