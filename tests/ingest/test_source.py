"""Bytes, lines and damage of one file."""

import gzip
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.errors import InputError, RecordError
from tracetier.ingest.issue import Issue
from tracetier.ingest.source import Source, _unzipped, read_head


def _lines(path: Path, **options: int) -> list[bytes | Issue]:
    return list(Source(path, **options).lines())  # type: ignore[arg-type]


def test_lines_end_at_a_line_feed_only(tmp_path: Path) -> None:
    """U+0085 and U+2028 stand inside strings of real logs, and so may a carriage return."""
    path = tmp_path / "a.jsonl"
    path.write_bytes("one\u0085\u2028\r\ntwo".encode())

    assert _lines(path) == ["one\u0085\u2028\r".encode(), b"two"]


def test_blank_lines_are_left_out_but_counted(tmp_path: Path) -> None:
    """So that issues point at the line an editor shows."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n  \none\n\ntwo\n")
    source = Source(path)

    assert [(line, source.line) for line in source.lines()] == [(b"one", 3), (b"two", 5)]


def test_a_byte_order_mark_is_taken_off(tmp_path: Path) -> None:
    """Windows tools write one."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbfone\ntwo\n")

    assert _lines(path) == [b"one", b"two"]


def test_gzip_is_known_by_its_bytes_not_its_name(tmp_path: Path) -> None:
    """Two members, as appending makes them, and padding."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(gzip.compress(b"one\ntw") + b"\0\0" + gzip.compress(b"o\n"))

    assert _lines(path) == [b"one", b"two"]


@given(
    lines=st.lists(st.binary(max_size=30).filter(lambda line: b"\n" not in line), max_size=40),
    cut=st.integers(1, 60),
)
def test_lines_are_those_of_a_plain_split(
    lines: list[bytes], cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Against ``bytes.split``, packed in members of any size."""
    whole = b"\n".join(lines)
    path = tmp_path_factory.mktemp("lines") / "a.gz"
    pieces = [whole[i : i + cut] for i in range(0, len(whole), cut)] or [b""]
    path.write_bytes(b"".join(map(gzip.compress, pieces)))
    expected = whole.removeprefix(b"\xef\xbb\xbf").split(b"\n")

    assert _lines(path) == [line for line in expected if line.strip()]


def test_what_precedes_the_end_of_a_cut_gzip_is_read(tmp_path: Path) -> None:
    """All whole lines, the started one, and an issue for the file."""
    path = tmp_path / "a.gz"
    packer = zlib.compressobj(wbits=31)
    whole = packer.compress(b"one\ntwo\nthr") + packer.flush(zlib.Z_FULL_FLUSH)
    path.write_bytes(whole)

    *lines, issue = _lines(path)
    assert lines == [b"one", b"two", b"thr"]
    assert isinstance(issue, Issue)
    assert (issue.reason, issue.line) == ("damaged", None)
    assert f"gzip stream ends early, after {len(whole)} bytes" in issue.message


@pytest.mark.parametrize("n_bytes", [1, 7, 500])
def test_nothing_is_left_in_the_decompressor(n_bytes: int) -> None:
    """A cut file whose last bytes stand for more output than one piece holds."""
    packed = gzip.compress(b"a" * 5000)[:-12]
    expected = zlib.decompressobj(wbits=31).decompress(packed)
    found: list[bytes] = []

    with pytest.raises(RecordError, match="ends early"):
        found.extend(_unzipped([packed], n_bytes))
    assert b"".join(found) == expected


def test_what_precedes_damage_in_a_gzip_is_read(tmp_path: Path) -> None:
    """A wrong checksum: the bytes are there, but not to be trusted silently."""
    path = tmp_path / "a.gz"
    packed = bytearray(gzip.compress(b"one\ntwo\n"))
    packed[-8] ^= 1
    path.write_bytes(packed)

    *lines, issue = _lines(path)
    assert lines == [b"one", b"two"]
    assert isinstance(issue, Issue)
    assert "gzip stream is damaged" in issue.message


def test_a_line_that_is_too_long_is_an_issue(tmp_path: Path) -> None:
    """In the middle, over several chunks, and at the end."""
    path = tmp_path / "a.jsonl"
    long = b"x" * 3_000_000
    path.write_bytes(b"one\n" + long + b"\ntwo\n" + b"y" * 20 + b"\nz\n" + long)

    found = _lines(path, line_bytes=10)
    assert [line if isinstance(line, bytes) else (line.reason, line.line) for line in found] == [
        b"one",
        ("too_long", 2),
        b"two",
        ("too_long", 4),
        b"z",
        ("too_long", 6),
    ]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """32 MB of zeros, packed to 32 kB, and one line of 8 MB that is over the limit."""
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress((b"0" * 999 + b"\n") * 32_000 + b"0" * 8_000_000))

    tracemalloc.start()
    n_lines = sum(1 for _ in Source(path, line_bytes=2_000_000).lines())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n_lines == 32_001
    assert peak < 8_000_000


def test_progress_adds_up_to_the_bytes_on_disk(tmp_path: Path) -> None:
    """Of the packed file, not of what it holds."""
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"one\n" * 100_000))
    told: list[int] = []

    list(Source(path, on_bytes=told.append).lines())
    assert sum(told) == path.stat().st_size


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    """It vanished after it was listed."""
    with pytest.raises(InputError, match=r"cannot read .*gone': No such file"):
        _lines(tmp_path / "gone")


def test_the_head_is_64_kib_or_the_first_line(tmp_path: Path) -> None:
    """A first prompt of 200 kB must not hide what the file is."""
    short, long = tmp_path / "short", tmp_path / "long"
    short.write_bytes(b"one\n" * 100_000)
    long.write_bytes(b"x" * 200_000 + b"\n" + b"two\n" * 100_000)

    assert len(read_head(short).data) == 64 * 1024
    assert b"\n" in read_head(long).data
    assert len(read_head(long).data) < 300_000
