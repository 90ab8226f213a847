"""A session directory of Claude Code, read as somebody would who has read nothing."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tracetier.cli.app import app
from tracetier.table import read_table

SESSION = "claude_code/split_layout_v2.1"


@pytest.mark.parametrize("width", [80, 100])
def test_the_report_says_what_is_missing_and_how_to_supply_it(
    width: int, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No options: a table, and a report that fits the terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", str(width))
    done = CliRunner().invoke(app, ["ingest", str(shared / "samples" / SESSION), "--out", "t"])
    told = " ".join(done.stdout.split())

    assert done.exit_code == 0
    assert max(map(len, done.stdout.splitlines())) <= width
    assert read_table(tmp_path / "t").num_rows == 7
    assert "what can and cannot be learned" in told
    assert "no row has an outcome" in told
    assert "--scores FILE" in told
    assert "--quality-from proxy:all" in told
    assert re.search(r"claude-fx-1 → claude-fx-1 7", told)


def test_the_same_is_told_to_machines(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ``--json``, and in ``summary.json`` beside the table."""
    monkeypatch.chdir(tmp_path)
    args = ["ingest", str(shared / "samples" / SESSION), "--out", "t", "--json"]
    done = CliRunner().invoke(app, args)
    told = json.loads(done.stdout)
    kept = json.loads((tmp_path / "t" / "summary.json").read_text())

    assert told["findings"][0].startswith("no row has an outcome")
    assert {name: told[name] for name in ("findings", "types", "formats")} == {
        name: kept[name] for name in ("findings", "types", "formats")
    }
