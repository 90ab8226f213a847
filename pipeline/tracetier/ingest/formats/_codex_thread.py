"""Records of one Codex thread → its steps.

A thread is a main agent's, and then each turn of the user is a run, or a sub-agent's, and then the
whole of it is one. A call is a stretch of the model's output up to the count of its tokens; where
a log counts none, up to the result of a tool.
"""

from collections.abc import Callable
from datetime import datetime

from msgspec import Raw

from tracetier.ingest.formats._cli_failure import failure_of
from tracetier.ingest.formats._codex_history import History
from tracetier.ingest.formats._codex_record import (
    CHANGES,
    ITEM,
    TOKEN_INFO,
    Record,
    text_of,
)
from tracetier.ingest.formats._codex_runs import Runs
from tracetier.ingest.formats._codex_steps import identity_of
from tracetier.ingest.formats._codex_text import asked
from tracetier.ingest.formats._codex_tool import Tool, files_of, outcome_of
from tracetier.ingest.formats._codex_usage import Meter
from tracetier.ingest.formats._part import part
from tracetier.ingest.formats._test_commands import have_passed, runs_tests
from tracetier.ingest.span import Span

_DONE_AT_ONCE = frozenset({"image_generation_call", "web_search_call"})
"""Tools that the provider runs: their result is part of the answer."""


_OF_ANSWER = frozenset(
    {
        *("event_msg/agent_message", "event_msg/agent_reasoning"),
        *("event_msg/agent_reasoning_raw_content", "event_msg/agent_reasoning_section_break"),
        *("response_item/message", "response_item/reasoning"),
    }
)


class Thread:
    """The steps of one rollout.

    Parameters
    ----------
    name : str
        Id of a thread whose file has lost its head.
    """

    def __init__(self, name: str) -> None:
        self._runs = Runs(name)
        self._meter = Meter()
        self._history: History | None = None
        self._since: datetime | None = None

    def take(self, record: Record) -> bool:
        """Add a record to the steps, and return whether it told of one."""
        if self._history is None and record.type == "session_meta":
            owner = self._runs.owner = identity_of(record)
            self._history = History(record, has_parent=owner.parent_id is not None)
            told = False
        elif self._history is not None and self._history.holds(record):
            told = self._copied(record)
        else:
            handle = _HANDLERS.get(record.kind) or _HANDLERS.get(record.type)
            told = handle is not None and handle(self, record)
        if not _is_of_answer(record, told=told):
            self._since = record.time or self._since
        return told

    def close(self) -> None:
        """Finish what is going on where the file ends."""
        self._runs.end()

    def take_finished(self) -> list[Span]:
        """Return the steps that have ended since the last time."""
        found, self._runs.finished = self._runs.finished, []
        return found

    def _copied(self, record: Record) -> bool:
        info = part(record.payload.info, TOKEN_INFO)
        if info is not None:
            self._meter.rebase(info)
        return False

    def context(self, record: Record) -> bool:
        """Take the model that is asked from here on."""
        self._runs.model = record.payload.model or self._runs.model
        return False

    def begin(self, record: Record) -> bool:
        """Take the beginning of a turn."""
        self._runs.begin(record.payload.turn_id, record.time)
        return True

    def end(self, record: Record) -> bool:
        """Take the end of a turn."""
        is_cut = record.payload.type == "turn_aborted"
        return self._runs.end_turn("cancelled" if is_cut else "ok", record.time)

    def user(self, record: Record) -> bool:
        """Take what the user said, which a log tells up to three times."""
        return self._runs.ask(asked(text_of(record.payload.message)), record.time)

    def item(self, record: Record) -> bool:
        """Take an item that was completed: what the user said, or a command that ran."""
        item = part(record.payload.item, ITEM)
        if item is None:
            return False
        if item.type == "UserMessage":
            return self._runs.ask(asked(text_of(item.content)), record.time)
        is_failed = item.exit_code not in (None, 0) or item.status == "failed"
        return self._note(item.id, is_failed=is_failed)

    def message(self, record: Record) -> bool:
        """Take what the model said, or what it was told by the user."""
        told = record.payload
        if told.role == "user":
            return self._runs.ask(asked(text_of(told.content)), record.time)
        if told.role != "assistant":
            return False
        self._runs.answer(self._since, record.time, is_message=True)
        return True

    def thought(self, record: Record) -> bool:
        """Take what the model thought."""
        self._runs.answer(self._since, record.time)
        return True

    def mail(self, record: Record) -> bool:
        """Take what another agent said: to a sub-agent it is the task."""
        text = text_of(record.payload.content)
        return self._runs.owner.is_agent and self._runs.ask(text, record.time)

    def use(self, record: Record) -> bool:
        """Take the use of a tool."""
        told, call = record.payload, self._runs.answer(self._since, record.time)
        span_id = told.call_id or told.id or f"{call.span_id}/tool"
        name = told.name or (told.type or "").removesuffix("_call")
        tool = Tool(span_id, call.span_id, name, record.time)
        tool.files = files_of(told.arguments, told.input)
        tool.is_test = _is_test(told.arguments) or _is_test(told.input)
        if told.type in _DONE_AT_ONCE:
            tool.end, tool.outcome = record.time, "ok"
        self._runs.use(tool)
        return True

    def result(self, record: Record) -> bool:
        """Take the result of a tool."""
        tool = self._runs.tool(record.payload.call_id)
        if tool is not None:
            if tool.is_test:
                output = bytes(record.payload.output).decode("utf-8", "replace")
                tool.have_passed = have_passed(output)
            self._runs.result(tool, outcome_of(record.payload.output), record.time)
        return tool is not None

    def tool_event(self, record: Record) -> bool:
        """Take what an event tells of a tool beside its result."""
        told = record.payload
        is_failed = told.exit_code not in (None, 0) or told.success is False
        is_failed = is_failed or bytes(told.result).startswith(b'{"Err"')
        changes = part(told.changes, CHANGES)
        return self._note(told.call_id, is_failed=is_failed, files=tuple(changes or ()))

    def count(self, record: Record) -> bool:
        """Take a running total of tokens."""
        info = part(record.payload.info, TOKEN_INFO)
        usage = None if info is None else self._meter.count(info)
        if usage is not None:
            self._runs.used(usage, None, self._since, record.time)
        return usage is not None

    def usage(self, record: Record) -> bool:
        """Take the tokens of one answer."""
        told = record.payload
        if told.usage is None or told.thread_id not in (None, self._runs.owner.thread_id):
            return False
        usage = self._meter.record(told.usage, told.response_id)
        if usage is not None:
            self._runs.used(usage, told.response_id, self._since, record.time)
        return usage is not None

    def fail(self, record: Record) -> bool:
        """Take an error of the program."""
        told = record.payload
        message = bytes(told.message) + b" " + bytes(told.codex_error_info)
        failure = failure_of(message.decode("utf-8", "replace"))
        self._runs.fail(failure, told.turn_id, record.time)
        return True

    def _note(self, call_id: str | None, *, is_failed: bool, files: tuple[str, ...] = ()) -> bool:
        tool = self._runs.tool(call_id)
        if tool is None:
            return False
        tool.is_failed, tool.files = tool.is_failed or is_failed, files or tool.files
        return True


def _is_test(given: Raw) -> bool:
    """Whether the input of a tool, mostly JSON within JSON, is a command that runs tests."""
    return runs_tests(bytes(given).decode("utf-8", "replace").replace('\\"', '"'))


def _is_of_answer(record: Record, *, told: bool) -> bool:
    """Whether a record is written while an answer comes in, so that none can start after it."""
    if record.kind == "event_msg/token_count":
        return not told
    is_user = record.payload.role not in (None, "assistant")
    return record.kind in _OF_ANSWER and not is_user


_HANDLERS: dict[str, Callable[[Thread, Record], bool]] = {
    "turn_context": Thread.context,
    "token_usage_record": Thread.usage,
    "inter_agent_communication": Thread.mail,
    "event_msg/task_started": Thread.begin,
    "event_msg/turn_started": Thread.begin,
    "event_msg/task_complete": Thread.end,
    "event_msg/turn_complete": Thread.end,
    "event_msg/turn_aborted": Thread.end,
    "event_msg/user_message": Thread.user,
    "event_msg/item_completed": Thread.item,
    "event_msg/token_count": Thread.count,
    "event_msg/exec_command_end": Thread.tool_event,
    "event_msg/mcp_tool_call_end": Thread.tool_event,
    "event_msg/patch_apply_end": Thread.tool_event,
    "event_msg/error": Thread.fail,
    "response_item/message": Thread.message,
    "response_item/agent_message": Thread.mail,
    "response_item/reasoning": Thread.thought,
    "response_item/custom_tool_call": Thread.use,
    "response_item/function_call": Thread.use,
    "response_item/image_generation_call": Thread.use,
    "response_item/local_shell_call": Thread.use,
    "response_item/tool_search_call": Thread.use,
    "response_item/web_search_call": Thread.use,
    "response_item/custom_tool_call_output": Thread.result,
    "response_item/function_call_output": Thread.result,
    "response_item/tool_search_output": Thread.result,
}
USED = frozenset(_HANDLERS) | {"session_meta"}
"""Kinds of records that tell of steps."""
