"""The MCP server, asked by the official client: in memory, over stdio and over HTTP."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason='needs pip install "tracetier[mcp]"')

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from tracetier.errors import SettingsError
from tracetier.serve.mcp_server import INSTRUCTIONS, make_server, run
from tracetier.serve.service import Service

ROOT = Path(__file__).parents[2]
ARTIFACT = str(ROOT / "tests" / "golden" / "artifact_v2" / "artifact")
TOOLS = ["route_task", "report_outcome", "explain_decision", "routing_report"]

Job = Callable[[Client], Awaitable[Any]]


def _ask(target: Any, job: Job) -> Any:
    """Run a job with a client of a server, an address or a transport."""

    async def go() -> Any:
        async with Client(target) as client:
            return await job(client)

    return asyncio.run(go())


def _call(service: Service, tool: str, **given: Any) -> Any:
    """Call one tool of the server over a service."""
    return _ask(make_server(service), lambda client: client.call_tool(tool, given))


async def _exchange(client: Client) -> list[dict[str, Any]]:
    """Route a task, report it, ask why, and ask what it saved."""
    routed = await client.call_tool("route_task", {"text": "Rename foo to bar."})
    told = {"decision_id": routed.structured_content["decision_id"]}
    report = told | {"quality": 8.5, "cost_usd": 0.012}
    found = [
        routed,
        await client.call_tool("report_outcome", report),
        await client.call_tool("explain_decision", told),
        await client.call_tool("routing_report", {}),
    ]
    assert not any(each.is_error for each in found), found
    return [each.structured_content for each in found]


def _check(told: list[dict[str, Any]]) -> None:
    routed, reported, explained, report = told
    assert reported == {
        "decision_id": routed["decision_id"],
        "learned": ["quality", "cost_usd"],
    }
    assert (explained["tier"], explained["reasons"]) == (routed["tier"], routed["reasons"])
    assert (explained["quality"], explained["cost_usd"]) == (8.5, 0.012)
    assert not explained["waits_for_outcome"]
    assert (report["decisions"], report["mean_quality"]) == (1, 8.5)
    assert report["spend_usd"] == pytest.approx(0.012)
    assert sum(each["probability"] for each in routed["tiers"]) == pytest.approx(1.0)


def test_the_four_tools_are_offered_with_words_for_a_model(service: Service) -> None:
    """What each is for, what each argument means and its range, what comes back."""

    async def look(client: Client) -> Any:
        return client.instructions, (await client.list_tools()).tools

    instructions, tools = _ask(make_server(service), look)
    by_name = {tool.name: tool for tool in tools}
    quality = by_name["report_outcome"].input_schema["properties"]["quality"]["anyOf"][0]

    assert instructions == INSTRUCTIONS
    assert [tool.name for tool in tools] == TOOLS
    for tool in tools:
        assert len(tool.description) > 60
        for each in tool.input_schema["properties"].values():
            assert each["description"]
        assert tool.output_schema["properties"]
        assert not tool.annotations.destructive_hint
    assert (quality["minimum"], quality["maximum"]) == (0, 10)
    assert by_name["route_task"].input_schema["required"] == ["text"]
    assert by_name["explain_decision"].annotations.read_only_hint


def test_a_task_is_routed_reported_and_explained(service: Service) -> None:
    """In memory, with the service's own figures."""
    told = _ask(make_server(service), _exchange)
    _check(told)

    assert [view.source for view in service.recent.last(1)] == ["mcp"]


def test_what_is_told_of_a_task_reaches_the_router(service: Service) -> None:
    """Type, tiers and lambda; the tiers come with what is expected of them, 0-10."""
    found = _call(service, "route_task", text="x", task_type="edit", allowed_tiers=["low"], lam=2)
    told = found.structured_content
    (view,) = service.recent.last(1)

    assert (told["tier"], told["model"], view.task_type) == ("low", None, "edit")
    assert (view.decision.bucket, view.decision.lam) == ("edit", 2.0)
    assert [round(each["quality"], 6) for each in told["tiers"]] == [6.0, 9.0]


@pytest.mark.parametrize(
    ("tool", "given", "told"),
    [
        ("report_outcome", {"decision_id": "nope", "quality": 5}, "no decision 'nope' is known"),
        ("report_outcome", {"decision_id": "nope"}, "give at least one"),
        ("report_outcome", {"decision_id": "nope", "quality": 11}, "less than or equal to 10"),
        ("report_outcome", {"quality": 5}, "decision_id"),
        ("explain_decision", {"decision_id": "nope"}, "give the decision_id that route_task"),
        ("route_task", {"text": "x", "allowed_tiers": ["hgih"]}, "did you mean 'high'"),
        ("route_task", {"text": ""}, "at least 1 character"),
        ("route_task", {"text": "x", "lam": -1}, "greater than or equal to 0"),
        ("routing_report", {"days": 0}, "greater than or equal to 1"),
    ],
)
def test_an_error_is_the_tools_and_says_what_to_do(
    service: Service, tool: str, given: dict[str, Any], told: str
) -> None:
    """The model reads it and does better; nothing is lost."""
    found = _call(service, tool, **given)

    assert found.is_error
    assert told in found.content[0].text


def test_an_error_of_ours_keeps_its_inside(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug is told as one, without what was in it."""

    def fail(*args: Any, **given: Any) -> Any:
        raise RuntimeError("s3cret")

    monkeypatch.setattr(service, "route", fail)
    found = _call(service, "route_task", text="x")

    assert found.is_error
    assert "s3cret" not in found.content[0].text


def test_a_second_report_does_no_harm(service: Service) -> None:
    """It taught nothing, and says so."""
    told = _call(service, "route_task", text="x").structured_content
    report = {"decision_id": told["decision_id"], "quality": 5}
    learned = [
        _call(service, "report_outcome", **report).structured_content["learned"] for _ in range(2)
    ]

    assert learned == [["quality"], []]


def test_a_decision_of_another_process_is_explained_as_far_as_known(service: Service) -> None:
    """The state holds its tier, not its reasons."""
    decision_id = service.router.route(_task()).decision_id
    told = _call(service, "explain_decision", decision_id=decision_id).structured_content

    assert told["waits_for_outcome"]
    assert (told["bucket"], told["reasons"], told["explored"]) == ("other", [], None)


def _task() -> Any:
    from tracetier.records import Task

    return Task(text="x")


def test_other_machines_are_not_let_in(service: Service) -> None:
    """Nothing asks them who they are."""
    with pytest.raises(SettingsError, match="asks nobody for a token"):
        run(make_server(service), transport="http", host="0.0.0.0")


def _command(*arguments: str) -> list[str]:
    return ["-P", "-m", "tracetier", "mcp", ARTIFACT, "--state", "memory://", *arguments]


def _env() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT / "pipeline"), "OMP_NUM_THREADS": "1"}


def test_over_standard_input_and_output(tmp_path: Path) -> None:
    """A real process, and the protocol alone on its output, or the client would not follow."""
    server = StdioServerParameters(
        command=sys.executable, args=_command(), env=_env(), cwd=tmp_path
    )
    _check(_ask(stdio_client(server), _exchange))


def test_standard_output_holds_the_protocol_alone(tmp_path: Path) -> None:
    """Every line of it is a message, and an end of input is an end."""
    hello = (
        b'{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": '
        b'"2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}\n'
    )
    done = subprocess.run(
        [sys.executable, *_command()],
        input=hello,
        capture_output=True,
        cwd=tmp_path,
        env=_env(),
        timeout=60,
        check=True,
    )

    assert done.stdout.startswith(b'{"jsonrpc":"2.0"')
    assert done.stdout.count(b"\n") == 1


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A server over streamable HTTP in a process of its own."""
    port = _free_port()
    with subprocess.Popen(
        [sys.executable, *_command("--transport", "http", "--port", str(port))],
        cwd=tmp_path,
        env=_env(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/mcp"
        process.terminate()


@pytest.mark.slow
def test_over_streamable_http(address: str) -> None:
    """A real process, one session after the other over the same state."""
    _check(_ask(address, _exchange))
    report = _ask(address, lambda client: client.call_tool("routing_report", {}))

    assert report.structured_content["decisions"] == 1
