"""What goes on in a Codex thread at one time: the run, the call in it, and the tools in use."""

from collections.abc import Iterable
from datetime import datetime

from tracetier.ingest.formats._cli_failure import Failure
from tracetier.ingest.formats._codex_record import Tokens
from tracetier.ingest.formats._codex_steps import (
    Call,
    Identity,
    Run,
    call_span,
    run_span,
    tool_span,
)
from tracetier.ingest.formats._codex_tool import Tool
from tracetier.ingest.span import Outcome, Span


class Runs:
    """The steps of one thread, from their beginning to their end.

    Parameters
    ----------
    name : str
        Id of a thread whose file has lost its head.

    Attributes
    ----------
    owner : Identity
        Whose thread it is.
    model : str, optional
        The one that is asked from here on.
    finished : list of Span
        Steps that are over; the caller takes them out.
    """

    def __init__(self, name: str) -> None:
        self.owner = Identity(name, name)
        self.model: str | None = None
        self.finished: list[Span] = []
        self._run: Run | None = None
        self._call: Call | None = None
        self._tools: dict[str, Tool] = {}
        self._span_ids: set[str] = set()

    def begin(self, turn_id: str | None, time: datetime | None) -> None:
        """Begin a turn, which ends the one before; a sub-agent goes on."""
        run = self._run
        if run is None or run.kind == "turn":
            self.end()
            run = self._new_run(turn_id, time)
        run.is_begun = True

    def end_turn(self, outcome: Outcome, time: datetime | None) -> bool:
        """End a turn as the log says; a sub-agent may be given another one."""
        run = self._run
        if run is None:
            return False
        run.outcome, run.last = outcome, time or run.last
        self._end_call()
        if run.kind == "turn":
            self.end()
        return True

    def ask(self, text: str, time: datetime | None) -> bool:
        """Take a text as the task, unless one is known or the agent is at work already."""
        run = self._run
        if not text:
            return False
        if run is None or (run.kind == "turn" and run.n_calls and not run.is_begun):
            self.end()
            run = self._new_run(None, time)
        if run.text or run.n_calls:
            return False
        run.text = text
        return True

    def fail(self, failure: Failure, turn_id: str | None, time: datetime | None) -> None:
        """Take an error of the program, which stands while no answer comes after it."""
        run = self._run or self._new_run(turn_id, time)
        run.failure, run.last = failure, time or run.last

    def answer(
        self, since: datetime | None, time: datetime | None, *, is_message: bool = False
    ) -> Call:
        """Return the call that the model's output at this time is part of.

        Parameters
        ----------
        since, time : datetime, optional
            When the record before was written, and this one.
        is_message : bool
            Whether the output is what the user is told.
        """
        call = self._call
        if call is None or call.usage is not None or call.is_waited:
            call = self._new_call(since, time)
        call.end = time or call.end
        self._touch(time, is_message=is_message)
        return call

    def use(self, tool: Tool) -> None:
        """Take the use of a tool."""
        call_id, tool.span_id = tool.span_id, self._free(tool.span_id)
        self._tools[call_id] = tool

    def tool(self, call_id: str | None) -> Tool | None:
        """Return a tool that was used in this run."""
        return self._tools.get(call_id or "")

    def result(self, tool: Tool, outcome: Outcome, time: datetime | None) -> None:
        """Take the result of a tool: what the model says after it is another answer."""
        tool.end, tool.outcome = time, outcome
        if self._call is not None:
            self._call.is_waited = True
        self._touch(time)

    def used(
        self,
        usage: Tokens,
        response_id: str | None,
        since: datetime | None,
        time: datetime | None,
    ) -> None:
        """Take what a call used; without output it was one that is not kept, as of a compaction."""
        call = self._call
        if call is not None and call.usage == usage and response_id and not call.response_id:
            call.response_id = response_id  # a running total told it just before
            return
        if call is None or call.usage is not None:
            call = self._new_call(since, time)
        call.usage, call.response_id = usage, response_id
        if not call.is_waited:
            call.end = time or call.end

    def end(self) -> None:
        """End what is going on; a run in which the model was never asked is no step."""
        self._end_call()
        run, tools = self._run, self._tools
        self._run, self._tools = None, {}
        if run is not None and (run.n_calls or run.failure is not None):
            self.finished.append(run_span(run, self.owner))
            self.finished += self._tool_spans(tools.values(), is_cut=run.outcome == "cancelled")

    def _new_run(self, turn_id: str | None, time: datetime | None) -> Run:
        thread_id = self.owner.thread_id
        if self.owner.is_agent:
            self._run = Run("agent", self._free(thread_id), time)
        else:
            self._run = Run("turn", self._free(turn_id or f"{thread_id}/turn"), time)
        return self._run

    def _free(self, name: str) -> str:
        """Return a span id that no other step has; a broken log may repeat its ids."""
        found, n = name, 0
        while found in self._span_ids:
            found, n = f"{name}/{n}", n + 1
        self._span_ids.add(found)
        return found

    def _new_call(self, since: datetime | None, time: datetime | None) -> Call:
        self._end_call()
        run = self._run or self._new_run(None, time)
        run.failure, run.outcome = None, None
        span_id = f"{run.span_id}/call/{run.n_calls}"
        self._call = Call(span_id, run.span_id, self.model, since, time)
        run.n_calls += 1
        return self._call

    def _touch(self, time: datetime | None, *, is_message: bool = False) -> None:
        if self._run is not None:
            self._run.last, self._run.is_answered = time or self._run.last, is_message

    def _end_call(self) -> None:
        if self._call is not None:
            self.finished.append(call_span(self._call, self.owner))
        self._call = None

    def _tool_spans(self, tools: Iterable[Tool], *, is_cut: bool) -> list[Span]:
        return [tool_span(tool, self.owner, is_cut=is_cut) for tool in tools]
