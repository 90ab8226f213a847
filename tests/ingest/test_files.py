"""Which files are read."""

import os
from pathlib import Path

import pytest

from tracetier.errors import InputError
from tracetier.ingest.files import find_files
from tracetier.records import Invocation
from tracetier.table import TableWriter


def _make_table(out: Path) -> None:
    with TableWriter(out) as writer:
        writer.write([Invocation(trace_id="t", task_id="k", tier="low")])


def test_a_folder_is_searched_in_order_without_hidden_files_and_tables(tmp_path: Path) -> None:
    """``ingest data --out data/table`` must not read its own result the second time."""
    for name in ("b.jsonl", "a/z.csv", ".hidden/x.jsonl", ".x.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    _make_table(tmp_path / "c")

    found = find_files(tmp_path)
    assert [str(file.path.relative_to(tmp_path)) for file in found] == ["a/z.csv", "b.jsonl"]
    assert [(file.is_named, file.n_bytes) for file in found] == [(False, 1), (False, 1)]


def test_a_named_table_is_read_by_its_parts(tmp_path: Path) -> None:
    """Not its issues, nor its summary."""
    _make_table(tmp_path / "c")

    assert [file.path.name for file in find_files(tmp_path / "c")] == ["part-00000.parquet"]


def test_a_file_is_read_once(tmp_path: Path) -> None:
    """Named, found in its folder, and found by a link."""
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    found = find_files([tmp_path / "a", str(tmp_path)])

    assert [(file.path.name, file.is_named) for file in found] == [("a", True)]


def test_a_folder_that_links_to_itself_ends(tmp_path: Path) -> None:
    """Linked folders are not entered."""
    (tmp_path / "a").write_text("x")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)

    assert len(find_files(tmp_path)) == 1


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A path that is not there, an empty folder, and a pipe."""
    with pytest.raises(InputError, match=r"no such file or folder: .*gone'; check the path"):
        find_files(tmp_path / "gone")
    with pytest.raises(InputError, match="nothing to read"):
        find_files([tmp_path])
    with pytest.raises(InputError, match="nothing to read: no path given"):
        find_files([])
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="no regular file"):
        find_files(tmp_path / "pipe")
