"""Records of a tau2 result: the agent and the domain, and one simulation per task and trial."""

from msgspec import Raw, Struct

from tracetier.ingest.formats._chat_messages import Content


class Participant(Struct, frozen=True):
    """The agent, or the simulated user."""

    llm: str | None = None
    implementation: str | None = None


class Environment(Struct, frozen=True):
    """What the tasks are about."""

    domain_name: str | None = None


class Setup(Struct, frozen=True):
    """What was run."""

    agent_info: Participant = Participant()
    environment_info: Environment = Environment()


class Results(Struct, frozen=True):
    """``results.json``; newer ones keep the simulations in files of their own."""

    info: Setup = Setup()
    simulations: list[Raw] | None = None


class Usage(Struct, frozen=True):
    """Tokens of one message."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Turn(Struct, frozen=True):
    """One message of the agent, the simulated user, or a tool."""

    role: str | None = None
    content: Content = None
    name: str | None = None
    requestor: str | None = None
    error: bool | None = None
    timestamp: str | None = None
    cost: float | None = None
    usage: Usage | None = None
    generation_time_seconds: float | None = None


class RewardInfo(Struct, frozen=True):
    """The reward, and what it is made of."""

    reward: float | None = None


class Simulation(Struct, frozen=True):
    """One run."""

    id: str | None = None
    task_id: str | int | None = None
    trial: int | None = None
    start_time: str | None = None
    end_time: str | None = None
    duration: float | None = None
    termination_reason: str | None = None
    agent_cost: float | None = None
    reward_info: RewardInfo | None = None
    messages: list[Turn] | None = None
