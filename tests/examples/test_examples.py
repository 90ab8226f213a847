"""The examples do what they say, against the service and the fake upstream."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason='needs pip install "tracetier[serve]"')
pytest.importorskip("openai", reason="needs pip install openai")

from tests.serve.conftest import Server

from tracetier.ingest.run import ingest
from tracetier.table import read_table

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def upstream(root: Path) -> Iterator[str]:
    """URL of the fake upstream."""
    process = subprocess.Popen(
        [sys.executable, str(root / "examples" / "fake_upstream.py"), "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.kill()
    process.wait(30)
    process.stdout.close()


@pytest.fixture
def server(root: Path, upstream: str, tmp_path: Path) -> Iterator[Server]:
    """A service with the settings of the examples, and with a log."""
    settings = (root / "examples" / "tracetier.toml").read_text()
    (tmp_path / "tracetier.toml").write_text(settings.replace("http://127.0.0.1:9000/v1", upstream))
    running = Server(tmp_path, "--state", "memory://", "--log", "log")
    yield running
    running.close()


def _run(root: Path, name: str, *arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, str(root / "examples" / name), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(root / "pipeline")},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("name", "takes_upstream", "n_decisions", "n_judged", "n_costs"),
    [
        pytest.param("plain_loop.py", True, 6, 6, 6, id="plain loop"),
        pytest.param("openai_sdk.py", False, 3, 3, 3, id="gateway"),
        pytest.param("orchestrator.py", True, 4, 4, 0, id="orchestrator"),
    ],
)
def test_an_example_runs_and_its_decisions_are_in_the_log(
    name: str,
    takes_upstream: bool,
    n_decisions: int,
    n_judged: int,
    n_costs: int,
    root: Path,
    server: Server,
    upstream: str,
    tmp_path: Path,
) -> None:
    """Each with its outcome; the gateway reports costs by itself."""
    service = str(server.client.base_url)
    more = ("--upstream", upstream) if takes_upstream else ()
    lines = _run(root, name, "--service", service.rstrip("/"), *more)
    assert server.stop() == 0
    ingest(tmp_path / "log", tmp_path / "table")
    table = read_table(tmp_path / "table")
    known = [len(table) - table[column].null_count for column in ("y_quality", "y_cost_usd")]

    assert len(lines) >= n_decisions
    assert (len(table), *known) == (n_decisions, n_judged, n_costs)
    assert all(0 < p <= 1 for p in table["p_log"].to_pylist())
