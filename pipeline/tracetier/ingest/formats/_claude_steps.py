"""The steps of a session while its lines come in: turns and runs, their calls and their tools.

One answer comes in several lines, a tool's use and its result stand apart, and a sub-agent may be
told before the tool that started it. So steps are gathered here, without texts but for the tasks,
and are told once the file is read.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from tracetier.ingest.formats._claude_files import AgentMeta
from tracetier.ingest.formats._claude_line import AgentInput, AgentResult, Usage
from tracetier.ingest.formats._cli_failure import Failure
from tracetier.ingest.span import Outcome


@dataclass(slots=True)
class Run:
    """A user's turn of the main agent, or a sub-agent's run.

    Attributes
    ----------
    last : datetime, optional
        When its last line was written.
    workflow : str, optional
        Run of the workflow that started the sub-agent.
    n_calls : int
        Calls so far; a run without any told nothing.
    failure : Failure, optional
        What the program said instead of an answer, while no answer came after it.
    is_answered : bool
        Whether the last line is the model's text, with no tool to wait for.
    is_opened_here : bool
        Whether a line of the main file opened it.
    retries : list of Retry
        Failed attempts at the call that is still to come.
    """

    kind: Literal["turn", "agent"]
    span_id: str
    trace_id: str
    session_id: str
    text: str = ""
    start: datetime | None = None
    last: datetime | None = None
    agent_id: str | None = None
    workflow: str | None = None
    meta: AgentMeta = AgentMeta()  # noqa: RUF009 - frozen
    n_calls: int = 0
    failure: Failure | None = None
    is_cancelled: bool = False
    is_answered: bool = False
    is_opened_here: bool = False
    retries: list["Retry"] = field(default_factory=list)

    @property
    def is_step(self) -> bool:
        """Whether the model was asked anything in it."""
        return self.n_calls > 0 or self.failure is not None


@dataclass(slots=True)
class Call:
    """One answer of a model: all lines with one message id."""

    span_id: str
    run: Run
    response_id: str | None
    start: datetime | None
    end: datetime | None
    model: str | None = None
    usage: Usage | None = None
    cost_usd: float | None = None
    duration_s: float | None = None


@dataclass(slots=True)
class ToolUse:
    """One use of a tool; one that starts a sub-agent has what was asked and what came of it."""

    span_id: str
    trace_id: str
    session_id: str
    run: Run | None = None
    call: Call | None = None
    name: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    outcome: Outcome | None = None
    files: tuple[str, ...] = ()
    is_test: bool = False
    have_passed: bool | None = None
    ask: AgentInput | None = None
    result: AgentResult | None = None

    @property
    def has_run(self) -> bool:
        """Whether a sub-agent is known to have run: a tool that failed at once started none."""
        told = self.result
        return told is not None and (
            told.agent_id is not None or told.total_duration_ms is not None
        )


@dataclass(slots=True)
class Retry:
    """A failed attempt at a call, of which the program told before it tried again.

    Attributes
    ----------
    call : Call, optional
        The one that succeeded in the end, of the same model.
    """

    span_id: str
    run: Run
    time: datetime | None
    failure: Failure
    call: Call | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """When and how a background task ended, as its notification says."""

    status: str | None
    time: datetime | None
