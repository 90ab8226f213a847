"""Small logs with everything that can be in them, and the rows and issues worked by hand."""

import json
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tracetier.ingest.run import ingest
from tracetier.table import X_PREFIX, read_info, read_table

GOLDEN = Path(__file__).parent.parent / "golden" / "ingest"
CASES = sorted(path.parent.name for path in GOLDEN.glob("*/expected.json"))


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is unknown, extracted, or of this machine."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
        if value is not None and not name.startswith(X_PREFIX) and name != "source_file"
    }


@pytest.mark.parametrize("case", CASES)
def test_a_log_gives_the_rows_and_issues_worked_by_hand(
    case: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    issues_of: Callable[[Path], list[dict[str, Any]]],
) -> None:
    """Ids that come from the content are pinned, so that tables made long apart still join."""
    shutil.copytree(GOLDEN / case, tmp_path / "log")
    monkeypatch.chdir(tmp_path / "log")
    (log,) = Path().glob("input.*")
    mapping = Path("map.toml") if Path("map.toml").exists() else None
    summary = ingest(log, tmp_path / "t", mapping=mapping)
    expected = json.loads(Path("expected.json").read_text())

    assert [_plain(row) for row in read_table(tmp_path / "t").to_pylist()] == expected["rows"]
    assert [
        {name: issue[name] for name in ("line", "pointer", "reason", "value")}
        for issue in sorted(issues_of(tmp_path / "t"), key=lambda issue: issue["line"] or 1e9)
    ] == expected["issues"]
    counts = {name: getattr(summary, f"n_{name}") for name in expected["counts"]}
    assert counts == expected["counts"]
    assert read_info(tmp_path / "t").tiers == tuple(expected["tiers"])


def test_every_format_has_a_golden_log() -> None:
    """A new format comes with one."""
    from tracetier.ingest.registry import formats_by_name

    assert set(formats_by_name()) <= set(CASES)
