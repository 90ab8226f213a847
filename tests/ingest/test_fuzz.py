"""Whatever the bytes: a table, or an error that is the user's to mend."""

import contextlib
import csv
import gzip
import io
import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracetier.errors import InputError
from tracetier.ingest.run import ingest
from tracetier.table import read_table

_ROWS = [
    {
        "trace_id": f"t{i}",
        "task_id": f"k{i // 2}",
        "timestamp": "2025-01-06T08:00:00Z",
        "prompt": 'Say "hi",\nthen \u2028 stop.',
        "tools": ["bash"],
        "tier": "low",
        "cost_usd": 0.5,
        "quality": 5.0,
        "attr_a": "x",
    }
    for i in range(4)
]


def _jsonl() -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in _ROWS)


def _csv() -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(_ROWS[0]))
    writer.writeheader()
    writer.writerows(_ROWS)
    return out.getvalue().encode()


def _parquet() -> bytes:
    out = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(_ROWS), out)
    return out.getvalue().to_pybytes()  # type: ignore[no-any-return]


_WHOLE = {
    "jsonl": _jsonl(),
    "gzip": gzip.compress(_jsonl(), mtime=0),
    "csv": _csv(),
    "parquet": _parquet(),
}
_TOKENS = (b"\n", b'"', b"{", b"}", b"[", b",", b"null", b"NaN", b"1e999", b"-", b"\\ud800", b"\0")


@pytest.mark.parametrize("container", _WHOLE)
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32))
def test_damaged_bytes_give_a_table_or_an_error_of_the_input(
    container: str, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A few bytes changed, a token put in, a piece cut out or repeated."""
    draw = random.Random(seed)
    data = bytearray(_WHOLE[container])
    for _ in range(draw.randint(1, 4)):
        start = draw.randrange(len(data) + 1)
        end = min(len(data), start + draw.choice([0, 1, 1, 5, 100]))
        data[start:end] = draw.choice([b"", draw.choice(_TOKENS), draw.randbytes(2)])
    place = tmp_path_factory.mktemp("fuzz")
    (place / "log").write_bytes(data)

    with contextlib.suppress(InputError):
        summary = ingest(place / "log", place / "t", format="outcomes")
        assert read_table(place / "t").num_rows == summary.n_rows
    assert {entry.name for entry in place.iterdir()} <= {"log", "t"}


def test_the_whole_bytes_are_read_in_full(tmp_path: Path) -> None:
    """Or the damage above would prove nothing."""
    for name, data in _WHOLE.items():
        (tmp_path / name).write_bytes(data)
        assert ingest(tmp_path / name, tmp_path / "t", strict=True).n_rows == 4
