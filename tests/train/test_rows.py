"""Feature table → training rows."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from tracetier.errors import LeakageError, TableError, TrainingError
from tracetier.features.extract import extract
from tracetier.features.spec import fingerprint
from tracetier.records import Invocation
from tracetier.table import COLUMNS, TableWriter, column_names, read_table
from tracetier.tiers import Tier, TierSet
from tracetier.train.rows import task_rows

nan = np.nan
TIERS = TierSet((Tier(name="low"), Tier(name="high")))


def filled(n: int) -> Invocation:
    """Every column of the table known, each value another for another ``n``."""
    values: dict[str, object] = {}
    for column in COLUMNS:
        if column.name in Invocation.__struct_fields__:
            values[column.name] = {
                "string": f"{column.name} {n}",
                "float64": n / 8,
                "int64": n,
                "bool": n % 2 == 0,
                "list<string>": ["list_files", f"math.{n}"],
                "timestamp[us, UTC]": datetime(2025, 1, n, tzinfo=UTC),
            }[column.dtype]
    attrs = {"size": n / 8, "team": f"team {n}", "urgent": n % 2 == 0}
    return Invocation(**{**values, "tier": TIERS.names[n % 2], "attrs": attrs})  # type: ignore[arg-type]


FULL = msgspec.structs.replace(filled(2), task_text="Größe of 日本?\n(B) `x` 3.5")
BARE = Invocation(trace_id="bare", task_id="b", tier="high", y_quality=1.0)


def outcome(
    task_id: str,
    tier: str | None,
    quality: float | None,
    cost_usd: float | None = 0.1,
    **fields: object,
) -> Invocation:
    """One row of a task whose text is its id, unless told otherwise."""
    row = Invocation(trace_id="r", task_id=task_id, task_text=task_id, tier=tier)
    return msgspec.structs.replace(row, y_quality=quality, y_cost_usd=cost_usd, **fields)


def write(
    folder: Path, rows: Sequence[Invocation], *, feature_fingerprint: str | None = None
) -> pa.Table:
    """By way of Parquet, as every table comes."""
    with TableWriter(folder / "table", feature_fingerprint=feature_fingerprint) as writer:
        numbered = [msgspec.structs.replace(row, span_id=str(i)) for i, row in enumerate(rows)]
        writer.write(numbered)
    return read_table(folder / "table")


def test_a_table_rows_task_is_the_live_task(tmp_path: Path) -> None:
    """Field by field and feature by feature, with everything known and with nothing."""
    rows = task_rows(write(tmp_path, [FULL, BARE]), TIERS)

    for found, written in zip(rows.tasks, [FULL, BARE], strict=True):
        assert found == written.task
        np.testing.assert_array_equal(extract(found).row, extract(written.task).row)
        np.testing.assert_array_equal(extract(found).ids, extract(written.task).ids)


def test_outcomes_and_action_change_no_task(tmp_path: Path) -> None:
    """The same rows with other ``y_*``, tier and propensity give the same tasks."""
    late = [name for name in column_names("action", "after") if name in FULL.__struct_fields__]
    other = msgspec.structs.replace(FULL, **{name: getattr(filled(3), name) for name in late})
    assert all(getattr(FULL, name) != getattr(other, name) for name in late)

    one = task_rows(write(tmp_path / "one", [FULL]), TIERS)
    two = task_rows(write(tmp_path / "two", [other]), TIERS)

    assert one.tasks == two.tasks
    assert one.task_ids == two.task_ids


def test_rows_are_gathered_by_task_and_tier(tmp_path: Path) -> None:
    """In order of appearance; the mean of what was seen twice, nan for what never was."""
    table = write(
        tmp_path,
        [
            outcome("b", "low", 0.2, 1.0, p_log=0.5),
            outcome("a", "high", 1.0, None),
            outcome("b", "low", 0.4, 3.0),
            outcome("b", "high", None, 5.0),
        ],
    )

    rows = task_rows(table, TIERS)

    assert rows.task_ids == ["b", "a"]
    np.testing.assert_allclose(rows.quality, [[0.3, nan], [nan, 1.0]])
    np.testing.assert_allclose(rows.cost_usd, [[2.0, 5.0], [nan, nan]])
    np.testing.assert_allclose(rows.p_log, [[0.5, nan], [nan, nan]])


def test_rows_of_other_tiers_or_of_none_are_not_used(tmp_path: Path) -> None:
    """But their task is there, without outcomes."""
    table = write(
        tmp_path, [outcome("a", "huge", 1.0), outcome("b", "low", 0.5), outcome("c", None, 0.5)]
    )

    rows = task_rows(table, TIERS)

    assert rows.task_ids == ["a", "b", "c"]
    np.testing.assert_allclose(rows.quality, [[nan, nan], [0.5, nan], [nan, nan]])


def test_the_model_of_a_tier_is_the_one_seen_most_often(tmp_path: Path) -> None:
    """``None`` where no row names one."""
    models = ["small-2", "small-1", "small-2"]
    table = write(
        tmp_path,
        [
            *(outcome(str(i), "low", 0.5, model=m) for i, m in enumerate(models)),
            outcome("x", "high", 0.5),
        ],
    )

    assert task_rows(table, TIERS).models == ("small-2", None)


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        pytest.param([("a", None), ("b", None), ("a", None)], [0, 1, 0], id="same text"),
        pytest.param([("a", "s"), ("b", "s"), ("c", "t")], [0, 0, 1], id="same session"),
        pytest.param([("a", "s"), ("b", "s"), ("b", "t"), ("c", "t")], [0] * 4, id="a chain"),
        pytest.param([("", None), ("", None), ("", "")], [0, 1, 2], id="nothing known"),
        pytest.param([("s", None), ("b", "s")], [0, 1], id="a text is no session"),
    ],
)
def test_tasks_that_share_text_or_session_share_a_group(
    tmp_path: Path, tasks: list[tuple[str, str | None]], expected: list[int]
) -> None:
    """Directly, or by way of others."""
    table = write(
        tmp_path,
        [
            outcome(f"id {i}", "low", 0.5, task_text=text, session_id=session)
            for i, (text, session) in enumerate(tasks)
        ],
    )

    assert task_rows(table, TIERS).groups.tolist() == expected


def test_rows_taken_keep_together(tmp_path: Path) -> None:
    """Every field in the order asked for."""
    table = write(
        tmp_path, [outcome(name, "low", i / 4, p_log=0.5) for i, name in enumerate("abc")]
    )

    part = task_rows(table, TIERS).take(np.array([2, 0]))

    assert part.task_ids == [task.text for task in part.tasks] == ["c", "a"]
    assert part.groups.tolist() == [2, 0]
    assert part.quality[:, 0].tolist() == [0.5, 0.0]
    assert part.p_log.shape == part.cost_usd.shape == (2, 2)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([], id="no row"),
        pytest.param([outcome("a", "huge", 1.0)], id="no known tier"),
        pytest.param([outcome("a", "low", None)], id="no quality"),
    ],
)
def test_a_table_without_any_outcome_is_told(tmp_path: Path, rows: list[Invocation]) -> None:
    """With the number of rows, the tiers and the mend."""
    table = write(tmp_path, rows)

    with pytest.raises(TrainingError, match=rf"none of the {len(rows)} rows .*low, high.*--map"):
        task_rows(table, TIERS)


@pytest.mark.parametrize("name", ["y_output_tokens", "quality", "cost_usd", "latency_s"])
def test_an_attribute_with_the_name_of_an_outcome_is_refused(tmp_path: Path, name: str) -> None:
    """Planted among the user's own columns it would become a feature."""
    table = write(tmp_path, [outcome("a", "low", 0.5, attrs={name: 1.0, "team": "a"})])

    with pytest.raises(LeakageError, match=f"'attr_{name}' is not known before"):
        task_rows(table, TIERS)


def test_an_outcome_asked_for_as_a_feature_is_refused(tmp_path: Path) -> None:
    """What is known before is a feature without asking."""
    table = write(tmp_path, [outcome("a", "low", 0.5, attrs={"team": "a"})])

    with pytest.raises(LeakageError, match="'y_output_tokens' is not known before"):
        task_rows(table, TIERS, extra_features=["attr_team", "y_output_tokens"])
    asked = task_rows(table, TIERS, extra_features=["attr_team", "level"])
    assert asked.tasks == task_rows(table, TIERS).tasks


def test_a_row_without_task_is_told(tmp_path: Path) -> None:
    """A table made elsewhere may have one."""
    table = write(tmp_path, [outcome("a", "low", 0.5), outcome("b", "low", 0.5)])
    at = table.column_names.index("task_id")
    broken = table.set_column(at, table.field(at), pa.array(["a", None]))

    with pytest.raises(TableError, match="row 1 has no task_id"):
        task_rows(broken, TIERS)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(pa.array([7], pa.int32()), 7, id="whole number"),
        pytest.param(pa.array([2.5], pa.float32()), 2.5, id="single precision"),
        pytest.param(pa.array(["x"]).dictionary_encode(), "x", id="category"),
        pytest.param(pa.array(["x"], pa.large_string()), "x", id="large text"),
        pytest.param(pa.array([None], pa.null()), None, id="all null"),
    ],
)
def test_attributes_may_have_any_type_of_number_or_text(
    tmp_path: Path, values: pa.Array, expected: object
) -> None:
    """As other programs write them."""
    table = write(tmp_path, [outcome("a", "low", 0.5)]).append_column("attr_own", values)

    (task,) = task_rows(table, TIERS).tasks

    assert (task.attrs or {}).get("own") == expected


def test_an_attribute_that_is_no_value_is_told(tmp_path: Path) -> None:
    """By name, with its type and the mend."""
    table = write(tmp_path, [outcome("a", "low", 0.5)])
    lists = table.append_column("attr_tags", pa.array([["x"]]))

    with pytest.raises(TableError, match=r"'attr_tags' is list<.*>, an attribute must .*cast it"):
        task_rows(lists, TIERS)


def test_a_table_in_many_pieces_is_the_same_table(tmp_path: Path) -> None:
    """Parquet parts and batches become chunks of a column."""
    whole = write(tmp_path, [FULL, BARE, outcome("c", "low", 0.2), outcome("a", "high", 0.1)])
    pieces = pa.concat_tables([whole.slice(i, 1) for i in range(4)])

    one, two = task_rows(whole, TIERS), task_rows(pieces, TIERS)

    assert (one.task_ids, one.tasks, one.models) == (two.task_ids, two.tasks, two.models)
    for name in ("groups", "quality", "cost_usd", "p_log"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_tasks_whose_text_is_withheld_share_a_group_by_its_hash(tmp_path: Path) -> None:
    """The same hash is the same text; no text and no hash joins nothing."""
    hashes = ["a1", "b2", "a1", None, None]
    rows = [outcome(f"t{i}", "low", 0.5) for i in range(5)]
    rows = [
        msgspec.structs.replace(row, task_text="", task_text_hash=known)
        for row, known in zip(rows, hashes, strict=True)
    ]

    found = task_rows(write(tmp_path, rows, feature_fingerprint=fingerprint()), TIERS)

    assert found.groups.tolist() == [0, 1, 0, 2, 3]
    assert found.withheld is not None
    assert found.withheld.rows.tolist() == [0, 1, 2]
    assert [task.text for task in found.tasks_by_hash] == ["a1", "b2", "a1", "", ""]
    part = found.take(np.array([3, 1]))
    assert part.withheld is not None
    assert part.withheld.rows.tolist() == [1]


def test_features_of_withheld_texts_must_be_of_this_version(tmp_path: Path) -> None:
    """They cannot be extracted again."""
    row = msgspec.structs.replace(outcome("a", "low", 0.5), task_text="", task_text_hash="h")

    with pytest.raises(TableError, match="ingest the logs again with --no-text"):
        task_rows(write(tmp_path, [row], feature_fingerprint="of-old"), TIERS)
