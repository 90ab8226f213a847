"""``tracetier mcp``: what is told where it cannot start. Its work is tested with a client."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]

GOLDEN = Path(__file__).parents[1] / "golden" / "artifact_v2" / "artifact"


def test_an_artifact_that_is_not_there_is_told(run: Run) -> None:
    """In one line, on stderr: standard output is the protocol's."""
    found = run("mcp", "nowhere")

    assert (found.exit_code, found.stdout) == (2, "")
    assert "nowhere does not exist" in found.stderr


def test_other_machines_are_not_let_in(run: Run) -> None:
    """It asks nobody for a token."""
    found = run("mcp", GOLDEN, "--state", "memory://", "--transport", "http", "--host", "0.0.0.0")

    assert (found.exit_code, found.stdout) == (2, "")
    assert "give 127.0.0.1" in found.stderr


def test_the_extra_that_it_needs_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the library is missing."""
    monkeypatch.delitem(sys.modules, "tracetier.serve.mcp_server", raising=False)
    monkeypatch.setitem(sys.modules, "mcp.server.mcpserver", None)
    found = run("mcp", GOLDEN)

    assert found.exit_code == 2
    assert 'pip install "tracetier[mcp]"' in found.stderr
