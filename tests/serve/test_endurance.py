"""The service under load while things fail: the benchmark of it, short, as a test."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.serve.conftest import Redis

FAULTS = ("redis and worker killed", "a worker starts a year ahead", "artifact swapped")


@pytest.mark.slow
def test_a_minute_of_faults_loses_nothing_and_fails_only_as_declared(
    root: Path, redis: "Redis"
) -> None:
    """The store and a worker die, an artifact is swapped, a worker starts in another year."""
    options = ["--minutes", "1.2", "--turn-s", "10", "--rate", "100", "--json"]
    done = subprocess.run(
        [sys.executable, "endurance.py", *options, "--faults", *FAULTS],
        cwd=root / "benchmarks",
        env=os.environ | {"PYTHONPATH": str(root / "pipeline")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)

    assert found["verdict"] == []
    assert {phase["name"] for phase in found["phases"]} >= set(FAULTS) - _left_out(found)
    assert found["account"]["acknowledged"] > 500


def _left_out(found: dict[str, object]) -> set[str]:
    """Return what cannot be had on every machine."""
    return set() if found["can_move_clocks"] else {"a worker starts a year ahead"}
