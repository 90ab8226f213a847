"""Where machine code is kept, and that nothing hangs on its being kept."""

import os
import stat
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


POSIX = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="folders have no owner here")


@POSIX
def test_the_folder_is_made_for_this_user_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the user lets others do by default."""
    folder = tmp_path / "cache" / "tracetier" / "code"
    monkeypatch.setattr(jit, "code_folder", lambda: folder)
    before = os.umask(0)
    try:
        jit.kernel(double)(21)
    finally:
        os.umask(before)

    assert [stat.S_IMODE(each.stat().st_mode) for each in (folder.parent, folder)] == [0o700] * 2


@POSIX
@pytest.mark.parametrize("shared", ["the folder", "the one above"])
def test_code_that_others_may_write_is_not_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    shared: str,
) -> None:
    """It is compiled anew, the folder stays as it is, and a warning says so."""
    folder = tmp_path / "tracetier" / "code"
    folder.mkdir(mode=0o700, parents=True)
    (folder if shared == "the folder" else folder.parent).chmod(0o770)
    monkeypatch.setattr(jit, "code_folder", lambda: folder)

    assert jit.kernel(double)(21) == 42
    assert not list(folder.iterdir())
    assert "others may write" in caplog.text


@POSIX
def test_a_link_or_the_folder_of_another_is_not_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it leads, and what its owner will make of it, is not known."""
    folder, link = tmp_path / "own", tmp_path / "link"
    folder.mkdir(mode=0o700)
    link.symlink_to(folder)

    assert jit.is_private(folder)
    assert not jit.is_private(link)
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    assert not jit.is_private(folder)


def test_who_wants_no_code_kept_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read, and nothing written."""
    monkeypatch.setattr(jit, "code_folder", lambda: tmp_path / "a" / "b")
    monkeypatch.setenv(jit.NO_CACHE_VARIABLE, "1")

    assert jit.kernel(double)(21) == 42
    assert not (tmp_path / "a").exists()
