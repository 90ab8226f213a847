"""Where machine code is kept, and that nothing hangs on its being kept."""

from pathlib import Path
from typing import Any

import numba
import pytest
from numba.core import config as numba_config

from tracetier.heads.compiled import jit


def double(value: int) -> int:
    """Return twice the value."""
    return 2 * value


def test_code_is_kept_in_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And numba's own setting is as before."""
    monkeypatch.setattr(jit, "code_folder", lambda: tmp_path / "a" / "b")
    settings: Any = numba_config
    before = settings.CACHE_DIR

    assert jit.kernel(double)(21) == 42
    assert list((tmp_path / "a" / "b").rglob("*.nbi"))
    assert before == settings.CACHE_DIR


def test_without_a_folder_kernels_are_compiled_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a file stands in the way, as where nothing may be written."""
    (tmp_path / "file").touch()
    monkeypatch.setattr(jit, "code_folder", lambda: tmp_path / "file" / "below")

    assert jit.kernel(double)(21) == 42


def test_without_a_home_kernels_are_compiled_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`Path.home` raises for a user whom the system does not know."""

    def no_home() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(jit, "code_folder", no_home)

    assert jit.kernel(double)(21) == 42


def test_the_folder_is_named_after_what_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below the folder that the environment names, if any."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    here = jit.code_folder.__wrapped__()
    monkeypatch.setattr(numba, "__version__", "0.0.1")
    of_another_version = jit.code_folder.__wrapped__()

    assert here.parent == of_another_version.parent == tmp_path / "tracetier"
    assert here != of_another_version
