"""Processes that decide and report under kills: the benchmark of stores, short, as a test."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("store", ["sqlite", "redis"])
def test_twenty_thousand_reports_of_four_processes_under_kills(
    root: Path, tmp_path: Path, store: str, request: pytest.FixtureRequest
) -> None:
    """None that was acknowledged is lost, none learned twice, and the state is one fold's."""
    if store == "redis":
        request.getfixturevalue("redis_binary")
    options = ["--feedbacks", "20000", "--kills", "6", "--together", "50"]
    options += ["--stores", store]
    done = subprocess.run(
        [sys.executable, str(root / "benchmarks" / "state.py"), "--json", *options],
        env=os.environ | {"TMPDIR": str(tmp_path)} if store != "redis" else os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)[store]

    assert found["kills"] == 6
    assert found["acknowledged"] >= 20_000
    assert found["lost"] == found["learned_twice"] == found["acknowledged_twice"] == 0
    assert found["learned"] >= found["acknowledged"]
    assert found["same_document"]
    assert found["same_counts"]
