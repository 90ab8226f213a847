"""A table is written whole or not at all, and holds what it was given."""

import errno
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tracetier.errors import StorageError, TableError
from tracetier.records import Invocation, Task
from tracetier.table import TableWriter, read_info, read_table

Make = Callable[..., Invocation]

_TEXT = st.text(max_size=20)
_COUNT = st.integers(0, 2**53)
_NUMBER = st.floats(0, 1e9)


def _at(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "x": st.none(),  # no column of its own
    "tools": st.lists(_TEXT, max_size=3),
    "level": st.sampled_from(["call", "agent_run", "task"]),
    "attrs": st.fixed_dictionaries({}, optional={"a": _NUMBER, "b": _TEXT, "c": st.booleans()}),
}


def _strategy(field: msgspec.structs.FieldInfo) -> st.SearchStrategy[Any]:
    by_type: dict[Any, st.SearchStrategy[Any]] = {
        str: _TEXT,
        str | None: _TEXT,
        int | None: _COUNT,
        float | None: _NUMBER,
        bool | None: st.booleans(),
        datetime | None: st.integers(0, 7 * 10**15).map(_at),
    }
    known = _VALUES[field.name] if field.name in _VALUES else by_type[field.type]
    return known if field.type is str else st.none() | known


_ROWS = st.lists(
    st.builds(
        Invocation,
        **{field.name: _strategy(field) for field in msgspec.structs.fields(Invocation)},
    ),
    min_size=1,
    max_size=4,
)


@given(rows=_ROWS)
def test_an_invocation_comes_back_from_parquet_as_it_was(
    rows: list[Invocation], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Encode and decode are inverse for every column and every attribute."""
    out = tmp_path_factory.mktemp("round") / "table"
    with TableWriter(out) as writer:
        writer.write(rows, source_format="canonical", source_file="a.jsonl")

    back = read_table(out).to_pylist()
    for row, got in zip(rows, back, strict=True):
        attrs = {f"attr_{name}": value for name, value in (row.attrs or {}).items()}
        plain = msgspec.structs.asdict(row)
        plain.pop("attrs")
        expected = plain | attrs | {"source_format": "canonical", "source_file": "a.jsonl"}
        assert {name: value for name, value in got.items() if value is not None} == {
            name: value for name, value in expected.items() if value is not None
        }


def test_features_are_extracted_from_the_task_and_null_where_unknown(
    tmp_path: Path, make_row: Make
) -> None:
    """The extractor sees a `Task`, and nan becomes null."""

    def extract(task: Task) -> NDArray[np.float64]:
        return np.array([len(task.text), np.nan if task.n_tools is None else task.n_tools])

    with TableWriter(tmp_path / "t", x_columns=["x_chars", "x_tools"], extract=extract) as writer:
        writer.write([make_row(0, task_text="abc"), make_row(1, task_text="abcd", n_tools=2)])

    table = read_table(tmp_path / "t")
    assert table["x_chars"].to_pylist() == [3.0, 4.0]
    assert table["x_tools"].to_pylist() == [None, 2.0]


def test_tiers_of_one_task_are_extracted_once(tmp_path: Path, make_row: Make) -> None:
    """Rows that stand side by side and differ in their tier only."""
    seen: list[str] = []

    def extract(task: Task) -> NDArray[np.float64]:
        seen.append(task.text)
        return np.array([float(len(seen))])

    texts = ["a", "a", "b", "a"]
    with TableWriter(tmp_path / "t", x_columns=["x_n"], extract=extract) as writer:
        writer.write([make_row(i, task_text=text) for i, text in enumerate(texts[:3])])
        writer.write([make_row(9, task_text="a")])

    assert seen == ["a", "b", "a"]
    assert read_table(tmp_path / "t")["x_n"].to_pylist() == [1.0, 1.0, 2.0, 3.0]


def test_a_new_attribute_starts_a_new_part(tmp_path: Path, make_row: Make) -> None:
    """Rows before it have null there."""
    with TableWriter(tmp_path / "t") as writer:
        writer.write([make_row(0, attrs={"team": "a"})])
        writer.write([make_row(1, attrs={"size": 2})])

    table = read_table(tmp_path / "t")
    assert table["attr_team"].to_pylist() == ["a", None]
    assert table["attr_size"].to_pylist() == [None, 2.0]
    assert len(read_info(tmp_path / "t").parts) == 2
    assert read_info(tmp_path / "t").attrs == {"attr_team": "string", "attr_size": "float64"}


def test_an_attribute_of_two_types_names_the_column(tmp_path: Path, make_row: Make) -> None:
    """The first value decides the type."""
    rows = [make_row(0, attrs={"team": "a"}), make_row(1, attrs={"team": 1})]
    with (
        pytest.raises(TableError, match="'attr_team' holds string, then came a float64"),
        TableWriter(tmp_path / "t") as writer,
    ):
        writer.write(rows)

    assert list(tmp_path.iterdir()) == []


def test_parts_are_cut_by_rows_and_listed_with_their_hashes(table: Path) -> None:
    """Two rows, then one."""
    info = read_info(table)

    assert [(part.name, part.n_rows) for part in info.parts] == [
        ("part-00000.parquet", 2),
        ("part-00001.parquet", 1),
    ]
    assert (info.n_rows, info.tiers) == (3, ("low", "high"))
    assert all(len(part.sha256) == 64 for part in info.parts)
    assert (
        pq.ParquetFile(table / "part-00000.parquet").metadata.row_group(0).column(0).compression
        == "ZSTD"
    )


def test_the_order_of_the_tiers_can_be_told_at_the_end(tmp_path: Path, make_row: Make) -> None:
    """It is known only when the costs are."""
    with TableWriter(tmp_path / "t") as writer:
        writer.write([make_row(0)])
        info = writer.close(tiers=("b", "a"))
        assert writer.close() == info

    assert read_info(tmp_path / "t").tiers == ("b", "a")


def test_a_table_is_replaced_whole(table: Path, make_row: Make) -> None:
    """Until the new one is closed, the old one stands; afterwards nothing is left of it."""
    with TableWriter(table) as writer:
        writer.write([make_row(7)])
        assert read_table(table).num_rows == 3

    assert read_table(table)["trace_id"].to_pylist() == ["t7"]
    assert [entry.name for entry in table.parent.iterdir()] == ["table"]


def test_a_failure_leaves_the_old_table(table: Path, make_row: Make) -> None:
    """An error in the middle of a run."""

    def run() -> None:
        with TableWriter(table) as writer:
            writer.write([make_row(7)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        run()

    assert read_table(table).num_rows == 3
    assert [entry.name for entry in table.parent.iterdir()] == ["table"]


@contextmanager
def _files_limited_to(n_bytes: int) -> Iterator[None]:
    """Make the system itself refuse to write longer files, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("limit", [1, 1000, 20_000], ids=["magic", "schema", "rows"])
def test_a_refusing_disk_leaves_the_old_table(table: Path, make_row: Make, limit: int) -> None:
    """The system refuses at the start of the part, in its schema, or in its rows."""
    texts = np.random.default_rng(0).bytes(60_000).hex()
    rows = [make_row(i, task_text=texts[i::10]) for i in range(10)]
    with (
        pytest.raises(StorageError, match="File too large; what stood there is untouched"),
        _files_limited_to(limit),
        TableWriter(table) as writer,
    ):
        writer.write(rows)

    assert read_table(table).num_rows == 3
    assert [entry.name for entry in table.parent.iterdir()] == ["table"]


def test_a_full_disk_names_the_table_and_the_mend(
    table: Path, make_row: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ENOSPC while a row group is written."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "Error writing bytes to file")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", refuse)
    with (
        pytest.raises(StorageError, match=r"table'.*: No space left on device; .*free some space"),
        TableWriter(table) as writer,
    ):
        writer.write([make_row(7)])

    assert read_table(table).num_rows == 3


def test_a_failed_last_move_puts_the_old_table_back(
    table: Path, make_row: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of the two renames fails."""
    rename = Path.rename

    def fail_on_partial(self: Path, target: Path) -> Path:
        if self.is_dir() and ".partial-" in self.name:
            raise OSError(errno.EACCES, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_on_partial)
    with pytest.raises(StorageError, match="Permission denied"), TableWriter(table) as writer:
        writer.write([make_row(7)])

    assert read_table(table).num_rows == 3
    assert [entry.name for entry in table.parent.iterdir()] == ["table"]


def test_a_folder_that_is_no_table_is_never_replaced(tmp_path: Path) -> None:
    """The user's own files are worth more than a run."""
    (tmp_path / "notes.txt").write_text("mine")

    with pytest.raises(TableError, match="not a feature table, so it is not replaced"):
        TableWriter(tmp_path)

    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_file_is_never_replaced(tmp_path: Path) -> None:
    """``--out table.parquet`` is a common slip."""
    (tmp_path / "t.parquet").write_text("mine")

    with pytest.raises(TableError, match=r"t\.parquet' exists and is not a feature table"):
        TableWriter(tmp_path / "t.parquet")


def test_a_table_that_holds_something_else_is_not_replaced(table: Path) -> None:
    """A file that somebody put beside the parts."""
    (table / "notes.txt").write_text("mine")

    with pytest.raises(TableError, match=r"also holds 'notes\.txt' \(1 such entries\)"):
        TableWriter(table)


def test_what_appears_at_the_target_meanwhile_is_not_replaced(
    tmp_path: Path, make_row: Make
) -> None:
    """It was free when the run began."""
    out = tmp_path / "t"
    with TableWriter(out) as writer:
        writer.write([make_row(0)])
        out.mkdir()
        (out / "notes.txt").write_text("mine")
        with pytest.raises(TableError, match="is not a feature table"):
            writer.close()
        (out / "notes.txt").rename(tmp_path / "notes.txt")

    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_an_empty_folder_and_missing_parents_are_taken(tmp_path: Path, make_row: Make) -> None:
    """A folder made in advance, and one two levels down."""
    (tmp_path / "made").mkdir()
    for out in (tmp_path / "made", tmp_path / "a" / "b"):
        with TableWriter(out) as writer:
            writer.write([make_row(0)])
        assert read_table(out).num_rows == 1


def test_a_table_is_as_open_to_others_as_any_new_folder(tmp_path: Path, make_row: Make) -> None:
    """Temporary folders of the system's own making would be closed to all others."""
    with TableWriter(tmp_path / "t") as writer:
        writer.write([make_row(0)])
    (tmp_path / "plain").mkdir()

    assert (tmp_path / "t").stat().st_mode == (tmp_path / "plain").stat().st_mode
