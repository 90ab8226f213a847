"""``POST /hooks/claude-code``: the hook for agents on the service's own machine.

The answer is 200 with the agent's output or with ``{}``, whatever happens: the agent shows its user
any other as an error. Options stand in the address: ``?override=1&allow=1&quality_from=proxy:all``.
"""

import asyncio
import logging
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import msgspec
from fastapi import APIRouter, Request, Response

from tracetier.errors import TracetierError
from tracetier.serve.hooks.claude_code import Answer, ClaudeCodeHook, Event, read_event
from tracetier.serve.hooks.options import of_query
from tracetier.serve.hooks.spawns import Spawns, spawns_folder
from tracetier.serve.hooks.stop import StopReporter
from tracetier.serve.logs import tell
from tracetier.serve.service import Service
from tracetier.settings import Settings

DEADLINE_S: Final = 0.15
"""Seconds after which a spawn stays as it is."""

_MOST_AT_ONCE = 32
_MAY_REPORT = frozenset({"feedback"})


def router(service: Service, settings: Settings, *, spawns: Spawns | None = None) -> APIRouter:
    """Return the route; its spawns are by default those of the service's state."""
    spawns = spawns or Spawns(spawns_folder(service.health().store))
    reporter = StopReporter(service, spawns)
    threads = ThreadPoolExecutor(_MOST_AT_ONCE, thread_name_prefix="hooks")
    routes = APIRouter()

    @routes.post(
        "/hooks/claude-code",
        summary="Answer a hook event of Claude Code",
        description="PreToolUse of the tool Agent: its input with the model of the tier that was "
        "chosen. SubagentStop: the transcript is read from this machine's disk, and cost and "
        "declared proxies are reported. Anything else, and any failure: {}.",
        tags=["hooks"],
        openapi_extra={"requestBody": {"content": {"application/json": _EVENT}}},
    )
    async def claude_code(request: Request) -> Response:
        try:
            event, options = read_event(await request.body()), of_query(request.query_params)
            if event.is_spawn:
                hook = ClaudeCodeHook(service, spawns, options)
                return _json(await _decided(hook, event, threads))
            if event.is_stop and request.state.caller.may(_MAY_REPORT):
                reporter.submit(event, options.quality_from)
        except (TracetierError, msgspec.MsgspecError, OSError) as error:
            tell("hook unanswered", level=logging.WARNING, reason=type(error).__name__)
        return _json({})

    return routes


async def _decided(hook: ClaudeCodeHook, event: Event, threads: ThreadPoolExecutor) -> Answer:
    """Return the answer to a spawn, or nothing where it does not come in time."""
    deciding: Future[Answer] = threads.submit(hook.on_spawn, event)
    try:
        return await asyncio.wait_for(asyncio.wrap_future(deciding), DEADLINE_S)
    except TimeoutError:
        deciding.add_done_callback(lambda done: _forget(hook, event, done))
        tell("hook unanswered", level=logging.WARNING, reason="too slow")
        return {}


def _forget(hook: ClaudeCodeHook, event: Event, done: "Future[Answer]") -> None:
    if not done.cancelled() and done.exception() is None and done.result():
        hook.forget(event)


def _json(answer: Answer) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json")


_EVENT = {
    "schema": {"type": "object"},
    "example": {
        "hook_event_name": "PreToolUse",
        "session_id": "4f1c",
        "tool_name": "Agent",
        "tool_use_id": "toolu_01",
        "tool_input": {"prompt": "Find all API endpoints", "subagent_type": "Explore"},
    },
}
