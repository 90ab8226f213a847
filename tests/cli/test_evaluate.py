"""``tracetier evaluate``: lambda and seed from flag, file or environment; bad input told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import Result

Run = Callable[..., Result]


def test_the_result_is_shown_with_its_controls(run: Run, artifact: Path, table: Path) -> None:
    """At the artifact's own lambda."""
    found = run("evaluate", artifact, table)

    assert (found.exit_code, found.stderr) == (0, "")
    assert "Policies at lambda 1;" in found.stdout
    for row in ("always haiku", "router", "shuffled", "oracle"):
        assert row in found.stdout


def test_a_flag_comes_before_the_environment_and_that_before_the_file(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where none speaks, the artifact's lambda counts."""

    class Terms(NamedTuple):
        lam: float | None
        seed: int

        def summary(self) -> dict[str, object]:
            return self._asdict()

    def evaluate(artifact: Path, table: Path, *, lam: float, seed: int, progress: object) -> Terms:
        return Terms(lam, seed)

    def terms(*args: object) -> tuple[float | None, int]:
        found = json.loads(run("evaluate", "artifact", "table", "--json", *args).stdout)
        return found["lam"], found["seed"]

    monkeypatch.setattr("tracetier.api.evaluate", evaluate)
    assert terms() == (None, 0)
    Path("tracetier.toml").write_text("[route]\nlam = 2\n[train]\nseed = 3\n")
    assert terms() == (2.0, 3)
    monkeypatch.setenv("TRACETIER_LAM", "4")
    assert terms() == (4.0, 3)
    assert terms("--lam", "5", "--seed", "6") == (5.0, 6)


def test_bad_input_is_told(run: Run, artifact: Path, table: Path, damaged: Path) -> None:
    """A damaged artifact, a path that is none, a table that is none."""
    for args, told in (
        ((damaged, table), "does not match the manifest"),
        (("nowhere", table), "does not exist"),
        ((artifact, "nowhere"), "is not a feature table"),
    ):
        found = run("evaluate", *args)

        assert found.exit_code == 2
        assert told in found.stderr
        assert found.stdout == ""
