"""What every test starts from: a clean environment, one thread, the same draws each time."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

import tracetier  # noqa: F401 - as a whole, before the runner loads its files one by one

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("TRACETIER_SHARED", ROOT.parent / "shared"))

# Before numpy is imported: tests run side by side, each with a core of its own.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# No deadline: the machine may be busy. The same examples each time: a failure is found again.
settings.register_profile("tracetier", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("tracetier")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer's own shell reaches a test."""
    for name in [name for name in os.environ if name.startswith("TRACETIER_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def root() -> Path:
    """Top folder of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of the shared data, which is never part of the repository."""
    if not SHARED.is_dir():
        pytest.skip(f"no shared data at {SHARED}; set TRACETIER_SHARED to its folder")
    return SHARED
