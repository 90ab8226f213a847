"""Records of an OpenHands conversation: its state with the usage of every call, and its events."""

from typing import Any

from msgspec import Struct

from tracetier.ingest.formats._chat_messages import Content


class CallCost(Struct, frozen=True):
    """Cost of one call in USD, and when it was over."""

    model: str | None = None
    cost: float | None = None
    timestamp: float | None = None


class CallLatency(Struct, frozen=True):
    """Seconds that one call took."""

    model: str | None = None
    latency: float | None = None
    response_id: str | None = None


class CallUsage(Struct, frozen=True):
    """Tokens of one call; the prompt includes what came from the cache."""

    model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    response_id: str | None = None


class Metrics(Struct, frozen=True):
    """Usage for one purpose: the agent itself, its condenser, a sub-agent."""

    model_name: str | None = None
    accumulated_cost: float | None = None
    accumulated_token_usage: CallUsage | None = None
    costs: list[CallCost] = []
    response_latencies: list[CallLatency] = []
    token_usages: list[CallUsage] = []


class Stats(Struct, frozen=True):
    """Usage by purpose."""

    usage_to_metrics: dict[str, Metrics] = {}


class Llm(Struct, frozen=True):
    """The model that was asked for."""

    model: str | None = None


class NamedTool(Struct, frozen=True):
    """A tool that was offered."""

    name: str | None = None
    title: str | None = None


class Agent(Struct, frozen=True):
    """The agent as configured."""

    llm: Llm = Llm()
    tools: list[NamedTool | str] | None = None


class BaseState(Struct, frozen=True):
    """State of a conversation: ``base_state.json``."""

    id: str | None = None
    agent: Agent = Agent()
    execution_status: str | None = None
    stats: Stats = Stats()


class State(BaseState, frozen=True):
    """A state, or one that wraps it."""

    baseState: BaseState | None = None
    base_state: BaseState | None = None


class UserMessage(Struct, frozen=True):
    """A message as the model sees it."""

    role: str | None = None
    content: Content = None


class Action(Struct, frozen=True):
    """What the agent does; a path where it touches a file."""

    path: str | None = None
    command: object = None
    kind: str | None = None


class Observation(Struct, frozen=True):
    """What came of it."""

    is_error: bool | None = None
    exit_code: int | None = None
    content: object = None
    output: object = None
    timeout: Any = None


class Event(Struct, frozen=True):
    """One event."""

    kind: str = ""
    id: str | None = None
    timestamp: str | None = None
    source: str | None = None
    tools: list[NamedTool | str] | None = None
    llm_message: UserMessage | None = None
    llm_response_id: str | None = None
    action: Action | str | None = None
    observation: Observation | str | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None
    action_id: str | None = None
