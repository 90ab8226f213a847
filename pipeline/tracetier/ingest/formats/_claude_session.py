"""Lines of one session → its steps.

Lines of side chains and of forks stand between those of the main chain, so each line belongs to
what its parent belongs to, never to what stands before it in the file.
"""

import re
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

from tracetier.ingest.formats._claude_files import agent_id_of, meta_of, run_id_of
from tracetier.ingest.formats._claude_line import (
    AGENT_INPUT,
    AGENT_RESULT,
    FILE_INPUT,
    AgentResult,
    Block,
    Line,
    Message,
)
from tracetier.ingest.formats._claude_steps import Call, Ending, Retry, Run, ToolUse
from tracetier.ingest.formats._claude_text import (
    find_notices,
    is_refusal,
    prompt_of,
    what_is_said,
)
from tracetier.ingest.formats._cli_failure import failure_of
from tracetier.ingest.formats._part import part
from tracetier.ingest.formats._test_commands import have_passed, runs_tests

Told = Literal["step", "nothing", "copy", "broken"]
"""What a line was: part of a step, none, a copy of an earlier line, or short of what it needs."""

_SYNTHETIC = "<synthetic>"
_AGENT_TOOLS = frozenset({"Task", "Agent"})
_FILE_TOOLS = frozenset({"Edit", "MultiEdit", "NotebookEdit", "NotebookRead", "Read", "Write"})
_SHELLS = frozenset({"Bash", "PowerShell"})
_USES = ("tool_use", "server_tool_use")
_TOLD_OF_AGENT = (b'"agentId"', b'"runId"', b'"totalDurationMs"')
_AGENT_ID = re.compile(rb"\bagentId: ?([\w-]+)")


class Place(NamedTuple):
    """What a line belongs to, for the lines that follow it."""

    run: Run | None
    trace_id: str
    time: datetime | None


class Spot(NamedTuple):
    """Where a line stands: what it belongs to by what came before it, and when that was."""

    run: Run | None
    trace_id: str
    since: datetime | None
    time: datetime | None


class Session:
    """The steps of one main transcript and of those beside it.

    Parameters
    ----------
    name : str
        Session of lines that name none.

    Attributes
    ----------
    session_ids : set of str
        All that lines name.
    """

    def __init__(self, name: str) -> None:
        self.session_ids: set[str] = set()
        self.runs: list[Run] = []
        self.calls: dict[tuple[str, str, str | None], Call] = {}
        self.tools: dict[str, ToolUse] = {}
        self.retries: list[Retry] = []
        self.endings: dict[str, Ending] = {}
        self._session_id = name
        self._places: dict[str, Place] = {}
        self._traces: dict[str, str] = {}
        self._turns: dict[str, Run] = {}
        self._agents: dict[str, Run] = {}
        self._span_ids: set[str] = set()

    @property
    def trace_ids(self) -> set[str]:
        """Traces of the sessions whose first line is known."""
        return set(self._traces.values())

    def take(self, line: Line, *, agent_file: Path | None = None) -> Told:
        """Add a line to the steps.

        Parameters
        ----------
        line : Line
        agent_file : Path, optional
            The sub-agent's own transcript, where it is from one.
        """
        identity = line.identity
        if identity is not None and identity in self._places:
            return "copy"
        if line.session_id is not None:
            self._session_id = line.session_id
            self.session_ids.add(line.session_id)
        before = self._places.get(line.parent_uuid or "")
        before = before or self._places.get(line.logical_parent_uuid or "")
        trace_id = self._trace_of(line, identity, before)
        run = self._run_of(line, before, trace_id, agent_file)
        spot = Spot(run, trace_id, before.time if before else None, line.time)
        told, run = self._told(line, spot)
        if identity is not None:
            place = self._places[identity] = Place(run, trace_id, spot.time)
            self._places.setdefault(line.uuid or identity, place)
        return told

    def _told(self, line: Line, spot: Spot) -> tuple[Told, Run | None]:
        """Return what a line told, and the run that the lines after it belong to."""
        if line.type == "user":
            return self._user(line, spot)
        if line.type == "assistant":
            return self._assistant(line, spot)
        if line.subtype == "api_error" and spot.run is not None and line.uuid is not None:
            failure = failure_of(bytes(line.error).decode("utf-8", "replace"))
            retry = Retry(line.uuid, spot.run, spot.time, failure)
            self.retries.append(retry)
            spot.run.retries.append(retry)
            return "step", spot.run
        for raw in (line.content, line.attachment):
            if b"<task-notification>" in bytes(raw) and self._note_endings(
                bytes(raw).decode("utf-8", "replace"), spot.time
            ):
                return "step", spot.run
        return "nothing", spot.run

    def _trace_of(self, line: Line, identity: str | None, before: Place | None) -> str:
        """Return the trace: named after its first line, which a resumed session repeats."""
        known = self._traces.get(self._session_id)
        if known is not None:
            return known
        if identity is None or line.is_of_agent:
            return self._session_id
        return self._traces.setdefault(self._session_id, before.trace_id if before else identity)

    def _run_of(
        self, line: Line, before: Place | None, trace_id: str, agent_file: Path | None
    ) -> Run | None:
        run = before.run if before else None
        if agent_file is not None:
            return self._agent(agent_id_of(agent_file), line, trace_id, agent_file)
        if line.agent_id is not None:
            return self._agent(line.agent_id, line, trace_id, None)
        if line.is_sidechain:
            is_inside = run is not None and run.kind == "agent"
            return run if is_inside else self._agent(None, line, trace_id, None)
        if run is not None and run.kind == "turn":
            return run
        return self._turns.get(trace_id)

    def _agent(self, agent_id: str | None, line: Line, trace_id: str, file: Path | None) -> Run:
        span_id = agent_id or line.identity or "sidechain"
        if span_id in self._agents:
            return self._agents[span_id]
        run = Run("agent", span_id, trace_id, self._session_id)
        # A transcript that has lost its head begins with an answer: nobody knows when it was asked.
        run.start = None if line.type == "assistant" else line.time
        run.agent_id = agent_id
        if file is not None:
            run.workflow, run.meta = run_id_of(file), meta_of(file)
        self._agents[span_id] = run
        self.runs.append(run)
        return run

    def _user(self, line: Line, spot: Spot) -> tuple[Told, Run | None]:
        if line.message is None:
            return "broken", spot.run
        results = [block for block in line.message.blocks if block.type == "tool_result"]
        for block in results:
            self._finish(line, block, spot, is_only=len(results) == 1)
        said, run = what_is_said(line), spot.run
        if said.kind == "interrupt" and run is not None:
            run.is_cancelled, run.is_answered = True, False
            return "step", run
        if results:
            return "step", run
        if said.kind == "notice" and self._note_endings(said.text, spot.time):
            return "step", run
        if line.is_of_agent and run is not None:
            return self._opens_agent(line, run), run
        if said.kind in ("task", "command"):
            return "step", self._open_turn(line, said.text, spot.trace_id)
        return "nothing", run

    def _opens_agent(self, line: Line, run: Run) -> Told:
        if run.text or run.n_calls:
            return "nothing"
        run.text, run.start, run.is_opened_here = prompt_of(line), line.time, True
        return "step"

    def _open_turn(self, line: Line | None, text: str, trace_id: str) -> Run:
        """Open a turn; without a line, for what comes before the user's first one."""
        span_id = (line and line.identity) or f"{trace_id}/turn/{len(self.runs)}"
        run = Run("turn", span_id, trace_id, self._session_id, text=text)
        if line is not None:
            run.start, run.is_opened_here = line.time, True
        self._turns[trace_id] = run
        self.runs.append(run)
        return run

    def _assistant(self, line: Line, spot: Spot) -> tuple[Told, Run | None]:
        message = line.message
        if message is None or not (message.id or line.uuid):
            return "broken", spot.run
        run = spot.run or self._open_turn(None, "", spot.trace_id)
        if message.model == _SYNTHETIC or line.is_api_error_message:
            return self._fail(line, message, run), run
        call = self._call(line, message, spot, run)
        for block in message.blocks:
            if block.type in _USES and block.id is not None:
                self._use(block, call, spot.time)
        kinds = {block.type for block in message.blocks}
        run.is_answered = "text" in kinds and not kinds.intersection(_USES)
        run.failure, run.is_cancelled, run.last = None, False, spot.time
        return "step", run

    def _fail(self, line: Line, message: Message, run: Run) -> Told:
        if not line.is_api_error_message and b'"' not in bytes(line.error):
            return "nothing"
        told = [block.text or "" for block in message.blocks]
        told += [f"status {line.api_error_status}", bytes(line.error).decode("utf-8", "replace")]
        run.failure = failure_of(" ".join(told))
        run.is_answered, run.last = False, line.time
        return "step"

    def _call(self, line: Line, message: Message, spot: Spot, run: Run) -> Call:
        said_by = run.span_id if run.kind == "agent" else ""
        key = (said_by, message.id or line.identity or "", line.request_id)
        call = self.calls.get(key)
        if call is None:
            start = spot.since
            if start is not None and spot.time is not None and start > spot.time:
                start = spot.time
            span_id = self._free(key)
            call = Call(span_id, run, message.id or None, start, spot.time)
            self.calls[key] = call
            run.n_calls += 1
            for retry in run.retries:
                retry.call = call
            run.retries.clear()
        call.end = spot.time or call.end
        call.model = message.model or call.model
        call.usage = message.usage or call.usage
        call.cost_usd = line.cost_usd or call.cost_usd
        call.duration_s = line.duration_ms / 1000 if line.duration_ms else call.duration_s
        return call

    def _free(self, key: tuple[str, str, str | None]) -> str:
        """Return a span id for a call that no other has: an agent may repeat another's answer."""
        said_by, message_id, request_id = key
        every = (message_id, f"{said_by}/{message_id}", f"{said_by}/{message_id}/{request_id}")
        found = next((name for name in every if name not in self._span_ids), every[-1])
        self._span_ids.add(found)
        return found

    def _use(self, block: Block, call: Call, time: datetime | None) -> None:
        tool = self._tool(block.id or "", call.run.trace_id)
        tool.run, tool.call, tool.name, tool.start = call.run, call, block.name, time
        if block.name in _AGENT_TOOLS:
            tool.ask = part(block.input, AGENT_INPUT)
        elif block.name in _SHELLS:
            tool.is_test = runs_tests(bytes(block.input).decode("utf-8", "replace"))
        elif block.name in _FILE_TOOLS and (file := part(block.input, FILE_INPUT)):
            path = file.file_path or file.notebook_path
            tool.files = (path,) if path else ()

    def _finish(self, line: Line, block: Block, spot: Spot, *, is_only: bool) -> None:
        tool = self._tool(block.tool_use_id or line.uuid or "", spot.trace_id)
        tool.run, tool.end = tool.run or spot.run, spot.time
        content, told = bytes(block.content), bytes(line.tool_use_result)
        tool.outcome = "error" if block.is_error else "ok"
        if tool.is_test:
            tool.have_passed = have_passed(content.decode("utf-8", "replace"))
        if block.is_error and is_refusal(content):
            tool.outcome = "cancelled"
        if is_only and any(sign in told for sign in _TOLD_OF_AGENT):
            tool.result = part(line.tool_use_result, AGENT_RESULT)
        elif tool.ask is not None and (found := _AGENT_ID.search(content)):
            tool.result = AgentResult(agent_id=found[1].decode())
        if tool.run is not None:
            tool.run.is_answered, tool.run.last = False, spot.time

    def _tool(self, span_id: str, trace_id: str) -> ToolUse:
        new = ToolUse(span_id, trace_id, self._session_id)
        return self.tools.setdefault(span_id, new)

    def _note_endings(self, text: str, time: datetime | None) -> bool:
        notices = find_notices(text)
        for notice in notices:
            for name in (notice.task_id, notice.tool_use_id):
                if name:
                    self.endings.setdefault(name, Ending(notice.status, time))
        return bool(notices)
