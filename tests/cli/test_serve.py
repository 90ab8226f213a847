"""``tracetier serve``: what it refuses before it starts, and what it prints when it does."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

pytest.importorskip("fastapi", reason='needs pip install "tracetier[serve]"')

Run = Callable[..., Result]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What would have been served; nothing is."""
    found: list[Any] = []
    monkeypatch.setattr("tracetier.serve.run.serve", lambda config, socket: found.append(config))
    return found


def test_it_says_what_it_serves_and_how_to_try_it(
    run: Run, artifact: Path, started: list[Any]
) -> None:
    """Address, state, who may call, and a line to copy."""
    result = run("serve", artifact, "--port", 0)

    assert result.exit_code == 0
    for words in (
        "sqlite://state/bandit.db",
        "this machine alone",
        "/docs",
        "curl http://127.0.0.1:",
    ):
        assert words in result.stdout
    assert started[0].workers == 1


def test_with_tokens_it_names_them_and_shows_none(
    run: Run, artifact: Path, started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names and roles; the line to try has the header."""
    monkeypatch.setenv("TRACETIER_TOKENS", "ci:route,feedback:0123456789abcdef")

    result = run("serve", artifact, "--port", 0, "--host", "0.0.0.0")

    assert "ci (feedback, route)" in result.stdout
    assert "Authorization: Bearer TOKEN" in result.stdout
    assert "0123456789abcdef" not in result.output


def test_json_prints_log_lines_alone(run: Run, artifact: Path, started: list[Any]) -> None:
    """A collector of logs reads no table."""
    assert run("serve", artifact, "--port", 0, "--json").stdout == ""


def test_flags_become_settings(run: Run, artifact: Path, started: list[Any]) -> None:
    """Lambda, strategy and the rate of one caller."""
    run("serve", artifact, "--port", 0, "--lam", 2, "--requests-per-s", 5, "--strategy", "seed")

    settings = started[0].settings()
    assert (settings.lam, settings.requests_per_s, settings.strategy) == (2.0, 5.0, "seed")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--host", "0.0.0.0"), "no token is declared"),
        (("--workers", 2, "--state", "memory://"), "cannot share a state in memory"),
        (("--tokens-file", "missing"), "cannot be read"),
        (("--models", "missing"), "is no folder"),
    ],
)
def test_what_cannot_be_served_is_told_in_one_line(
    run: Run, artifact: Path, started: list[Any], flags: tuple[object, ...], words: str
) -> None:
    """Exit code 2, the way out, and nothing started."""
    result = run("serve", artifact, "--port", 0, *flags)

    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert started == []


def test_a_port_that_is_taken_is_told(run: Run, artifact: Path, started: list[Any]) -> None:
    """Before the artifact is loaded."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("serve", artifact, "--port", taken.getsockname()[1])

    assert result.exit_code == 2
    assert "give another --host or --port" in result.stderr


def test_a_missing_artifact_is_told(run: Run) -> None:
    """By the real start, which gets no further."""
    result = run("serve", "missing", "--port", 0, "--state", "memory://")

    assert result.exit_code == 2
    assert "missing" in result.stderr
