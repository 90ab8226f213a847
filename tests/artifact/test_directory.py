"""Reading a directory that is replaced at the worst moment."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tracetier.artifact import directory
from tracetier.artifact.audit import audit
from tracetier.artifact.directory import read_directory
from tracetier.artifact.save import ArtifactParts, save_artifact
from tracetier.errors import ArtifactError

Change = Callable[..., ArtifactParts]


@pytest.mark.parametrize("after_call", [False, True], ids=["before listing", "after listing"])
def test_a_directory_replaced_while_it_is_read_is_read_again(
    saved: Path, change: Change, monkeypatch: pytest.MonkeyPatch, after_call: bool
) -> None:
    """The old directory is open but its files are gone; the reader ends up with the new ones."""
    real, new = os.listdir, change(card="new")
    n_calls = 0

    def replacing(descriptor: int) -> list[str]:
        nonlocal n_calls
        n_calls += 1
        names = real(descriptor)
        if n_calls == 1:
            save_artifact(saved, parts=new)
        return names if after_call else real(descriptor)

    monkeypatch.setattr("tracetier.artifact.directory.os.listdir", replacing)

    assert audit(saved).card == "new"


def test_files_read_from_a_replaced_directory_are_not_mixed(
    saved: Path, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replaced after the last file was read: complete, but no longer what the path leads to."""
    real, new = directory._read_all, change(card="new")
    n_calls = 0

    def replacing(descriptor: int, path: Path) -> dict[str, bytes]:
        nonlocal n_calls
        n_calls += 1
        files = real(descriptor, path)
        if n_calls == 1:
            save_artifact(saved, parts=new)
        return files

    monkeypatch.setattr(directory, "_read_all", replacing)

    assert read_directory(saved)["CARD.md"] == b"new"


def test_a_directory_replaced_without_end_is_told(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader gives up after some attempts instead of trying for ever."""
    monkeypatch.setattr(directory, "_is_still", lambda *_: False)

    with pytest.raises(ArtifactError, match="was replaced 8 times while reading; try again"):
        read_directory(saved)
