"""A small log with its table and artifact, and a runner of the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tracetier.api import ingest, train
from tracetier.cli.app import app
from tracetier.demo.sample import synthetic_records
from tracetier.settings import Settings

N_TASKS = 100
Run = Callable[..., Result]


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100 synthetic tasks, each on haiku, sonnet and opus."""
    file = tmp_path_factory.mktemp("log") / "log.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in synthetic_records(N_TASKS)))
    return file


@pytest.fixture(scope="session")
def table(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log as a feature table."""
    out = tmp_path_factory.mktemp("table") / "table"
    ingest(log, out, settings=Settings())
    return out


@pytest.fixture(scope="session")
def artifact(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained on the table, for lambda 1."""
    out = tmp_path_factory.mktemp("artifact") / "artifact"
    train(table, out, lam=1.0, settings=Settings(n_jobs=1, folds=2))
    return out


@pytest.fixture
def damaged(artifact: Path, tmp_path: Path) -> Path:
    """The artifact with one byte flipped in its weights."""
    out = tmp_path / "damaged"
    out.mkdir()
    for file in artifact.iterdir():
        (out / file.name).write_bytes(file.read_bytes())
    weights = bytearray((out / "heads.npz").read_bytes())
    weights[len(weights) // 2] ^= 1
    (out / "heads.npz").write_bytes(weights)
    return out


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command line in an empty folder, wide enough for the paths of a test."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "160")
    runner = CliRunner()

    def call(*args: object, stdin: str | bytes | None = None) -> Result:
        return runner.invoke(app, [str(arg) for arg in args], input=stdin)

    return call
