"""Who trains and who is tested, by time, source and group."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from tracetier.errors import SettingsError, TableError
from tracetier.evaluate.splits import (
    MAX_SOURCES,
    by_group,
    by_source,
    by_time,
    checked_kind,
    task_sources,
    task_times,
)


def test_every_row_is_tested_once_by_group_and_no_group_is_parted() -> None:
    """Two rows a group, five folds."""
    groups = np.arange(40) // 2
    parts = by_group(groups, seed=3)

    assert sorted(np.concatenate([part.test for part in parts]).tolist()) == list(range(40))
    for part in parts:
        assert not set(groups[part.train]) & set(groups[part.test])


def test_nothing_that_trains_is_younger_than_what_is_tested() -> None:
    """A group is as late as its latest task."""
    seconds = np.array([5.0, 1.0, 2.0, 3.0, 4.0, 0.0, 9.0, 8.0, 7.0, 6.0])
    (part,) = by_time(np.arange(10), seconds)

    assert len(part.train) == 7
    assert seconds[part.train].max() < seconds[part.test].min()
    (together,) = by_time(np.array([0, 1, 2, 0]), np.array([0.0, 1.0, 2.0, 9.0]))
    assert together.test.tolist() == [0, 3]


def test_times_that_cannot_be_split_are_told() -> None:
    """Unknown ones are counted; equal ones have no later."""
    with pytest.raises(TableError, match="1 of 3 tasks have no timestamp"):
        by_time(np.arange(3), np.array([0.0, np.nan, 1.0]))
    with pytest.raises(TableError, match="all tasks came at one time"):
        by_time(np.arange(3), np.zeros(3))


def test_a_source_is_left_out_with_all_that_shares_a_group_with_it() -> None:
    """Row 3 has the text of row 0 under another source: it may not train for it."""
    parts = {p.name: p for p in by_source(np.array([0, 1, 2, 0]), ["a", "a", "b", "b"])}

    assert parts["a"].test.tolist() == [0, 1]
    assert parts["a"].train.tolist() == [2]
    assert parts["b"].train.tolist() == [1]


def test_rare_sources_are_left_out_together() -> None:
    """Of 12, nine alone and three in one training; every row is tested once."""
    sources = [f"s{i}" for i in range(12) for _ in range(20 - i)]
    parts = by_source(np.arange(len(sources)), sources)

    assert len(parts) == MAX_SOURCES
    assert parts[-1].name == "3 rarer sources"
    tested = np.concatenate([part.test for part in parts])
    assert sorted(tested.tolist()) == list(range(len(sources)))


def test_one_source_cannot_be_left_out() -> None:
    """The message says how to name another column."""
    with pytest.raises(TableError, match=r"all 2 tasks are of one source .*--source"):
        by_source(np.arange(2), [None, None])


def test_an_unknown_split_lists_the_known_ones() -> None:
    """As every unknown name does."""
    assert checked_kind("time") == "time"
    with pytest.raises(SettingsError, match="'tme' is not known; known: time, source, group"):
        checked_kind("tme")


def test_times_and_sources_are_those_of_the_task() -> None:
    """The earliest time of its rows, the source of the first; unknown stays unknown."""
    day = [datetime(2025, 1, d, tzinfo=UTC) for d in (2, 1)]
    table = pa.table(
        {
            "task_id": ["a", "a", "b"],
            "timestamp": [day[0], day[1], None],
            "attr_team": [1, 2, None],
        }
    )
    found = task_times(table, ["a", "b"])

    assert found[0] == day[1].timestamp()
    assert np.isnan(found[1])
    assert task_sources(table, ["a", "b"], "attr_team") == ["1", None]
    with pytest.raises(SettingsError, match=r"'team' is not in the table; it has .*attr_team"):
        task_sources(table, ["a"], "team")
