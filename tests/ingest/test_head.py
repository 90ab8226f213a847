"""What the first bytes show."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tracetier.ingest.head import Head


def _head(data: bytes) -> Head:
    return Head(path=Path("a.log"), data=data)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b'{"a": 1}\n{"a": 2}\n', "jsonl"),
        (b'\xef\xbb\xbf\n{"a": NaN}', "jsonl"),
        (b'oops\n{"a": 1}\noops\noops\n', "jsonl"),
        (b'{"a": "cut\n{"a": 1}\n', "jsonl"),
        (b'{"a": 1', "json"),
        (b'{\n"a": [\n{"b": 1},\n{"b": 2}\n]\n}\n', "json"),
        (b'[{"a": 1}]', "json"),
        (b'[\n{"a": 1},\n{"a": 2}\n]', "json"),
        (b"a,b\n1,2\n", "csv"),
        (b"a\tb\r\n1\t2\r\n", "csv"),
        (b"only one column\n", "text"),
        (b"\x00\x01,\x02", "text"),
        (b" \n\n", "empty"),
        (b"", "empty"),
        (b"PK\x03\x04", "zip"),
        (b"\x80\x04\x95", "pickle"),
        (b"\x80\x05\x95", "pickle"),
    ],
)
def test_kind_is_told_by_the_bytes(data: bytes, kind: str) -> None:
    """The name ``a.log`` says nothing."""
    assert _head(data).kind == kind


def test_a_line_that_was_cut_off_is_no_record() -> None:
    """The head ends anywhere."""
    head = _head(b'{"a": 1}\n{"b": 1, "c"')

    assert (head.kind, head.columns) == ("jsonl", ("a",))


def test_columns_are_those_of_the_first_ten_records() -> None:
    """Optional fields need not be on the first line."""
    assert _head(b'{"a": 1}\n{"b": 2, "a": 3}\n').columns == ("a", "b")
    assert len(_head(b"".join(b'{"c%d": 1}\n' % i for i in range(20))).columns) == 10


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [(b'a,"b, c",d\n', ","), (b"a\tb, c\td\n", "\t"), (b"a;b;d\r\n", ";")],
)
def test_the_csv_delimiter_is_the_most_frequent(header: bytes, delimiter: str) -> None:
    """Quoted names may hold another one."""
    head = _head(header)

    assert head.delimiter == delimiter
    assert head.columns[0] == "a"
    assert head.columns[-1] == "d"


def test_parquet_columns_come_from_its_schema(tmp_path: Path) -> None:
    """They stand at the end of the file, not in the head."""
    pq.write_table(pa.table({"a": [1], "b": ["x"]}), tmp_path / "t")
    head = Head(path=tmp_path / "t", data=(tmp_path / "t").read_bytes()[:100])

    assert (head.kind, head.columns) == ("parquet", ("a", "b"))
    assert head.has("a", "b")
    assert not head.has("a", "c")


def test_damaged_parquet_has_no_columns(tmp_path: Path) -> None:
    """The damage is told by the reading, which keeps what can be kept."""
    (tmp_path / "t").write_bytes(b"PAR1 and no more")

    assert Head(path=tmp_path / "t", data=b"PAR1 and no more").columns == ()


@pytest.mark.parametrize(
    ("data", "packed"),
    [(b"\x28\xb5\x2f\xfd", "zstd"), (b"\xff\xfea\x00", "UTF-16"), (b'{"a": 1}', None)],
)
def test_what_must_be_converted_first_is_named(data: bytes, packed: str | None) -> None:
    """Neither is guessed at."""
    assert _head(data).packed == packed


def test_deep_nesting_does_not_break_recognition() -> None:
    """A hundred thousand brackets on the first line."""
    data = b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b'}\n{"b": 1}\n'

    assert _head(data).columns == ("b",)
