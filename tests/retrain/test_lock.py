"""Two runs at a time do not meet."""

from pathlib import Path

import pytest

from tracetier.errors import StorageError, WorkError
from tracetier.retrain.lock import locked


def test_a_second_run_is_told_and_the_next_may_go(tmp_path: Path) -> None:
    """The lock ends with the block, also by an error."""
    file = tmp_path / "work" / "lock"
    with (
        pytest.raises(WorkError, match="another run holds"),
        locked(file),
        locked(file),
    ):
        pass
    with locked(file):
        assert file.exists()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """With the option that names it."""
    (tmp_path / "file").write_text("")

    with pytest.raises(StorageError, match="give an --out"), locked(tmp_path / "file" / "lock"):
        pass
