"""Arrays put together from buffers are those that Arrow makes of the same values."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.table.arrays import NO_TIME, array_of, array_of_numbers, microseconds_of
from tracetier.table.columns import arrow_type

_EAST = timezone(timedelta(hours=2))
_VALUES: dict[str, list[Any]] = {
    "string": ["a", None, "", "ü\n"],
    "int64": [0, None, -1, 2**53],
    "float64": [0.5, None, 1, float("inf")],
    "bool": [True, None, False, *[True] * 9],
    "list<string>": [["bash", "édit"], None, [], [""]],
    "timestamp[us, UTC]": [
        datetime(2025, 1, 6, 9, 3, 0, 7, tzinfo=UTC),
        None,
        datetime(2025, 1, 6, 11, 3, tzinfo=_EAST),
        datetime(1960, 1, 1, tzinfo=UTC).replace(tzinfo=None),  # without a zone it is UTC
    ],
}


@pytest.mark.parametrize("dtype", _VALUES)
@pytest.mark.parametrize("part", ["all", "known", "none", "empty"])
def test_values_become_what_arrow_makes_of_them(dtype: str, part: str) -> None:
    """With nulls, without, with nothing else, and without any row."""
    values = _VALUES[dtype]
    if part != "all":
        values = [v for v in values if (v is not None) is (part == "known")]
    if part == "empty":
        values = []
    found = array_of(values, dtype)
    found.validate(full=True)
    assert found.equals(pa.array(values, arrow_type(dtype)))


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.bool_, np.float64])
def test_numbers_keep_their_type(dtype: Any) -> None:
    """As Arrow does, without pandas."""
    values: np.ndarray[Any, Any] = np.array([0, 1, 1, 0, 1, 1, 0, 1, 1], dtype)
    assert array_of_numbers(values).equals(pa.array(values))


def test_no_array_needs_pandas() -> None:
    """Its import takes longer than reading 30 MB of logs, in every process."""
    program = (
        "import sys; from tracetier.table.arrays import NO_TIME, array_of, microseconds_of\n"
        "array_of(['a'], 'string'); array_of([[]], 'list<string>'); array_of([1, None], 'int64')\n"
        "assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@given(st.lists(st.none() | st.integers(-(2**50), 2**50), max_size=30), st.integers(0, 10))
def test_times_are_read_without_compute_functions(times: list[int | None], start: int) -> None:
    """Also of slices and of several chunks; what is unknown comes last."""
    whole = pa.array(times, pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    column = pa.chunked_array([whole.slice(start), whole.slice(0, start)], whole.type)
    expected = [NO_TIME if time is None else time for time in times[start:] + times[:start]]

    assert microseconds_of(column).tolist() == expected
