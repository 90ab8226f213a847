"""Which tool started which sub-agent.

By id where the log has one: the result names the agent (2.x), the file beside the transcript names
the tool, a workflow's folder is named by its run. Else by the prompt (1.x). Never by order:
sub-agents that run side by side start and end in another one than their tools.
"""

from collections import defaultdict, deque
from collections.abc import Iterable
from typing import NamedTuple

from tracetier.ingest.formats._claude_session import Session
from tracetier.ingest.formats._claude_steps import Run, ToolUse


class Launch(NamedTuple):
    """How a sub-agent came about.

    Attributes
    ----------
    parent : ToolUse, optional
        The tool below which it ran.
    asks : list of ToolUse
        The uses of a tool that asked it something: several where it was resumed, none where it
        ran within a workflow or nobody names it.
    """

    parent: ToolUse | None
    asks: list[ToolUse]


def launches_of(session: Session) -> dict[str, Launch]:
    """Return how each sub-agent with a transcript came about, by span id."""
    agents = [run for run in session.runs if run.kind == "agent"]
    names = _Names(session)
    found = {run.span_id: launch for run in agents if (launch := names.find(run)) is not None}
    taken = _taken(found)
    waiting = _by_prompt(tool for tool in session.tools.values() if id(tool) not in taken)
    for run in agents:
        if run.span_id not in found:
            asks = waiting.get(run.text.strip()) if run.text.strip() else None
            ask = [asks.popleft()] if asks else []
            found[run.span_id] = Launch(ask[0] if ask else None, ask)
    return found


def without_transcript(session: Session, launches: dict[str, Launch]) -> list[list[ToolUse]]:
    """Return the asks of each sub-agent that ran, but whose transcript is not there."""
    taken = _taken(launches)
    lost: defaultdict[str, list[ToolUse]] = defaultdict(list)
    for tool in session.tools.values():
        if tool.has_run and id(tool) not in taken and tool.result is not None:
            lost[tool.result.agent_id or tool.span_id].append(tool)
    return list(lost.values())


class _Names:
    """The tools of a session by the names that they give to sub-agents."""

    def __init__(self, session: Session) -> None:
        self._tools = session.tools
        self._by_agent: defaultdict[str, list[ToolUse]] = defaultdict(list)
        self._by_workflow: dict[str, ToolUse] = {}
        for tool in session.tools.values():
            if tool.result is not None and tool.result.agent_id is not None:
                self._by_agent[tool.result.agent_id].append(tool)
            if tool.result is not None and tool.result.run_id is not None:
                self._by_workflow.setdefault(tool.result.run_id, tool)

    def find(self, run: Run) -> Launch | None:
        """Return how a sub-agent came about, where a name tells."""
        asks = self._by_agent.get(run.agent_id or "")
        if asks:
            return Launch(asks[0], asks)
        tool = self._tools.get(run.meta.tool_use_id or "")
        if tool is not None:
            return Launch(tool, [tool])
        flow = self._by_workflow.get(run.workflow or "")
        return None if flow is None else Launch(flow, [])


def _taken(launches: dict[str, Launch]) -> set[int]:
    return {id(ask) for launch in launches.values() for ask in launch.asks}


def _by_prompt(tools: Iterable[ToolUse]) -> dict[str, deque[ToolUse]]:
    found: defaultdict[str, deque[ToolUse]] = defaultdict(deque)
    for tool in tools:
        if tool.ask is not None:
            found[tool.ask.prompt.strip()].append(tool)
    return found
