"""Streams, widths and bars."""

import io
import json
import math

import pytest
from rich.text import Text

from tracetier.cli.terminal import progress, say, show, show_json, show_line


class _Terminal(io.StringIO):
    """A stream with someone in front of it."""

    def isatty(self) -> bool:
        return True


def test_json_is_one_document_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    """What is undefined is null: JSON knows no nan."""
    show_json({"a": math.nan, "b": (1, 2)})
    out, err = capsys.readouterr()

    assert json.loads(out) == {"a": None, "b": [1, 2]}
    assert err == ""


def test_what_is_said_beside_the_result_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """With its label, and brackets as they are."""
    say("see [this]", label="note: ", style="yellow")

    assert capsys.readouterr() == ("", "note: see [this]\n")


@pytest.mark.parametrize(("columns", "width"), [(None, 100), ("80", 80)])
def test_a_pipe_is_100_columns_wide_unless_it_is_told_otherwise(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    columns: str | None,
    width: int,
) -> None:
    """200 letters wrap at the width."""
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    show(Text("x" * 200))

    assert len(capsys.readouterr().out.splitlines()[0]) == width


def test_a_line_to_be_copied_is_never_broken(capsys: pytest.CaptureFixture[str]) -> None:
    """A command of 300 letters stays a command."""
    show_line("x" * 300)

    assert capsys.readouterr().out == "x" * 300 + "\n"


def test_progress_is_silent_where_no_one_looks(capsys: pytest.CaptureFixture[str]) -> None:
    """A log file is not filled with bars."""
    with progress() as tell:
        tell("reading", 0.5)

    assert capsys.readouterr() == ("", "")


def test_progress_shows_what_is_done_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """On stderr, and gone afterwards; brackets in what is done are no markup."""
    terminal, out = _Terminal(), io.StringIO()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("sys.stdout", out)
    with progress() as tell:
        tell("reading [all]", 0.5)

    assert "reading [all]" in terminal.getvalue()
    assert "50 %" in terminal.getvalue()
    assert out.getvalue() == ""


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bold may stay; colours go."""
    terminal = _Terminal()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr("sys.stdout", terminal)
    show(Text("good", style="green"))
    monkeypatch.setenv("NO_COLOR", "1")
    show(Text("good", style="green"))

    coloured, plain = terminal.getvalue().splitlines()
    assert coloured == "\x1b[32mgood\x1b[0m"
    assert plain == "good"
