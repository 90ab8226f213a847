"""What a table claims is checked before a row is handed out."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tracetier.errors import TableError, TierError
from tracetier.records import SCHEMA_VERSION, Invocation
from tracetier.table import (
    TableWriter,
    column_names,
    read_info,
    read_table,
    read_tiers,
    table_fingerprint,
)

Make = Callable[..., Invocation]


def _rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    pq.write_table(change(pq.read_table(path)), path)


def test_a_directory_and_its_parts_and_a_single_file_are_all_tables(
    table: Path, tmp_path: Path
) -> None:
    """With ``_table.json``, without it, and one part of it."""
    loose = tmp_path / "loose"
    loose.mkdir()
    for part in table.glob("part-*"):
        (loose / part.name).write_bytes(part.read_bytes())

    assert read_table(table)["trace_id"].to_pylist() == ["t0", "t1", "t2"]
    assert read_table(loose).equals(read_table(table))
    assert read_table(table / "part-00001.parquet")["trace_id"].to_pylist() == ["t2"]
    assert read_table(loose).schema.metadata[b"tracetier.tiers"] == b'["low","high"]'


def test_all_columns_come_in_their_order(table: Path) -> None:
    """Without attributes and features there are no others."""
    assert tuple(read_table(table).column_names) == column_names()


def test_a_table_without_rows_can_be_read(tmp_path: Path) -> None:
    """It has the columns, and no part."""
    with TableWriter(tmp_path / "t"):
        pass

    assert read_table(tmp_path / "t").num_rows == 0
    assert tuple(read_table(tmp_path / "t").column_names) == column_names()


def test_a_column_unknown_to_an_older_version_is_null(table: Path) -> None:
    """Stored records only ever gain fields that may be missing."""
    part = table / "part-00001.parquet"
    _rewrite(part, lambda old: old.drop_columns(["y_error_type", "level"]))

    assert read_table(part)["y_error_type"].to_pylist() == [None]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(
            lambda old: old.append_column("difficulty", pa.array(["hard"])),
            "column 'difficulty'.*call it attr_difficulty if it is known before the decision",
            id="foreign column",
        ),
        pytest.param(
            lambda old: old.drop_columns(["task_id"]), "no column 'task_id'", id="missing column"
        ),
        pytest.param(
            lambda old: old.set_column(
                old.column_names.index("y_cost_usd"), "y_cost_usd", pa.array(["0.1"])
            ),
            "column 'y_cost_usd'.* is string, must be double",
            id="wrong type",
        ),
        pytest.param(
            lambda old: old.replace_schema_metadata({"tracetier.schema_version": "99"}),
            f"schema version 99, this program reads up to {SCHEMA_VERSION}; use a newer",
            id="future version",
        ),
        pytest.param(
            lambda old: old.replace_schema_metadata({}),
            "is Parquet but no feature table.*tracetier ingest",
            id="not ours",
        ),
    ],
)
def test_a_part_that_is_not_right_is_told(
    table: Path, change: Callable[[pa.Table], pa.Table], told: str
) -> None:
    """Each fault by name, with the mend."""
    part = table / "part-00001.parquet"
    _rewrite(part, change)

    with pytest.raises(TableError, match=told):
        read_table(part)


def test_a_damaged_part_is_told(table: Path) -> None:
    """Cut in the middle."""
    part = table / "part-00001.parquet"
    part.write_bytes(part.read_bytes()[:-200])

    with pytest.raises(TableError, match=r"part-00001\.parquet' cannot be read as Parquet"):
        read_table(table)


def test_a_missing_part_is_told(table: Path) -> None:
    """A copy that was interrupted."""
    (table / "part-00000.parquet").unlink()

    with pytest.raises(TableError, match=r"part-00000\.parquet is missing \(1 such files\)"):
        read_table(table)


def test_a_part_too_many_is_told(table: Path) -> None:
    """A stray file would add rows that no run wrote."""
    (table / "part-00009.parquet").write_bytes((table / "part-00000.parquet").read_bytes())

    with pytest.raises(TableError, match=r"part-00009\.parquet is not named in its _table\.json"):
        read_table(table)


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_no_table_is_told_with_the_way_to_one(tmp_path: Path, name: str) -> None:
    """A path that does not exist, and a folder that holds nothing."""
    (tmp_path / "empty").mkdir()

    with pytest.raises(TableError, match=r"is not a feature table.*tracetier ingest LOGS"):
        read_table(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"{", "cannot be read"), (b'{"schema_version": 2}', "schema version 2")],
    ids=["damaged", "future"],
)
def test_damaged_or_future_facts_are_told(table: Path, content: bytes, told: str) -> None:
    """``_table.json`` is checked like the rest."""
    (table / "_table.json").write_bytes(content)

    with pytest.raises(TableError, match=told):
        read_info(table)


def test_tiers_are_those_stated_else_ordered_by_cost(table: Path) -> None:
    """Mean costs: low 0.002, high 0.01."""
    facts = msgspec.structs.replace(read_info(table), tiers=())
    assert read_tiers(table) == ("low", "high")
    assert read_tiers(table / "part-00000.parquet") == ("low", "high")

    for part in table.glob("part-*"):
        _rewrite(part, lambda old: old.replace_schema_metadata({"tracetier.schema_version": "1"}))
    (table / "_table.json").write_bytes(msgspec.json.encode(facts))
    assert read_tiers(table) == ("low", "high")
    assert read_tiers(table / "part-00000.parquet") == ("low",)


def test_tiers_without_cost_have_no_order(tmp_path: Path, make_row: Make) -> None:
    """A guess would turn the whole frontier round."""
    with TableWriter(tmp_path / "t") as writer:
        writer.write([make_row(0, y_cost_usd=0.1), make_row(1, tier="high")])

    with pytest.raises(TierError, match="mean cost of tier 'high' is unknown"):
        read_tiers(tmp_path / "t")


def test_the_fingerprint_follows_the_content(tmp_path: Path, make_row: Make) -> None:
    """The same rows twice, then one value changed."""
    for name, cost in (("a", 0.1), ("b", 0.1), ("c", 0.2)):
        with TableWriter(tmp_path / name) as writer:
            writer.write([make_row(0, y_cost_usd=cost)])

    prints = [table_fingerprint(tmp_path / name) for name in "abc"]
    assert prints[0] == prints[1] != prints[2]
    assert len(prints[0]) == 64
