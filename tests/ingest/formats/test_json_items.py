"""The same records from lines, a list, documents, CSV and Parquet."""

import gzip
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.ingest.formats import _json_items
from tracetier.ingest.formats._json_items import as_row, read_items, record_paths
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.source import Source, read_head

Write = Callable[..., Path]
TEXT = 'ä \u2028 "]", \\ 🐦'


class Bird(msgspec.Struct, frozen=True):
    """A record."""

    name: str | None = None
    n: object = None


BIRDS = [{"name": TEXT, "n": 1}, {"name": "wren", "n": 2}, {"name": None, "n": 3}]
EXPECTED = [(TEXT, "1"), ("wren", "2"), (None, "3")]


def _read(path: Path) -> list[Bird | Issue]:
    return list(read_items(Source(path), Bird))


def _plain(path: Path) -> list[tuple[str | None, str]]:
    return [(bird.name, str(bird.n)) for bird in _read(path) if isinstance(bird, Bird)]


def test_each_container_gives_the_same_records(tmp_path: Path) -> None:
    """Compact or printed, packed or not."""
    lines = "".join(json.dumps(bird) + "\n" for bird in BIRDS)
    texts = {
        "lines": lines.encode(),
        "list": json.dumps(BIRDS).encode(),
        "printed": json.dumps(BIRDS, indent=2, ensure_ascii=False).encode(),
        "marked": b"\xef\xbb\xbf" + json.dumps(BIRDS).encode(),
        "pages": json.dumps(BIRDS[:1]).encode() + b"\n" + json.dumps(BIRDS[1:]).encode(),
        "packed": gzip.compress(json.dumps(BIRDS).encode()),
    }
    for name, data in texts.items():
        (tmp_path / name).write_bytes(data)
    pq.write_table(pa.Table.from_pylist(BIRDS), tmp_path / "parquet")

    for name in (*texts, "parquet"):
        assert _plain(tmp_path / name) == EXPECTED, name


def test_a_csv_gives_texts(tmp_path: Path) -> None:
    """Empty cells are nothing."""
    (tmp_path / "a.csv").write_text('name,n\nwren,2\n"a ""b""",\n')

    assert _read(tmp_path / "a.csv") == [Bird("wren", "2"), Bird('a "b"', None)]


def test_a_list_is_read_without_holding_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An export of a table is one list on one line."""
    bird = json.dumps({"name": "wren" * 1000, "n": 1}).encode()
    path = tmp_path / "list.json"
    path.write_bytes(b"[" + b",".join([bird] * 2_000) + b"]")
    monkeypatch.setattr(_json_items, "LINE_BYTES", 1_000_000)
    source = Source(path)
    _ = source.head
    tracemalloc.start()
    try:
        n_birds = sum(isinstance(item, Bird) for item in read_items(source, Bird))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (n_birds, source.line) == (2_000, 2_000)
    assert peak < path.stat().st_size / 1.5


@pytest.mark.parametrize(
    ("text", "n_birds", "reason"),
    [
        ('[{"n": 1}, {"n": 2', 1, "not_json"),
        ('[{"n": 1}, {"n": 2}', 2, "not_json"),
        ('[{"n": 1}, nonsense, {"n": 2}]', 1, "not_json"),
        ('[{"n": 1}, 5, {"n": 2}]', 2, "bad_value"),
        ('[{"n": 1}, {"name": [1]}, {"n": 2}]', 2, "bad_value"),
        ('[{"n": 1}] and more', 1, "not_json"),
        ("[" + "[" * 100_000, 0, "too_deep"),
        ("[]", 0, None),
        ("[ ]\n[ ]", 0, None),
    ],
)
def test_a_broken_list_is_one_issue(
    text: str, n_birds: int, reason: str | None, tmp_path: Path
) -> None:
    """What stands before the damage is read."""
    (tmp_path / "a.json").write_text(text)
    found = _read(tmp_path / "a.json")

    assert sum(isinstance(item, Bird) for item in found) == n_birds
    assert [item.reason for item in found if isinstance(item, Issue)] == (
        [reason] if reason else []
    )


def test_an_element_that_is_too_long_ends_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bytes are not held."""
    monkeypatch.setattr(_json_items, "LINE_BYTES", 1000)
    (tmp_path / "a.json").write_text(json.dumps([{"n": 1}, {"name": "x" * 5_000_000}]))
    first, second = _read(tmp_path / "a.json")

    assert first == Bird(n=1)
    assert isinstance(second, Issue)
    assert (second.reason, second.line) == ("too_long", 2)


def test_bytes_that_are_not_utf8_cost_one_record(tmp_path: Path) -> None:
    """In a list as on a line."""
    (tmp_path / "a.json").write_bytes(b'[{"name": "\xff"}, {"n": 2}]')
    issue, bird = _read(tmp_path / "a.json")

    assert isinstance(issue, Issue)
    assert (issue.reason, issue.line) == ("not_utf8", 1)
    assert bird == Bird(n=2)


def test_a_packed_list_that_ends_early_is_told(tmp_path: Path) -> None:
    """By the damage, not by the JSON that it broke."""
    packed = gzip.compress(json.dumps(BIRDS * 1000).encode())
    (tmp_path / "a.json.gz").write_bytes(packed[:-20])
    *birds, last = _read(tmp_path / "a.json.gz")

    assert birds
    assert isinstance(last, Issue)


@given(cut=st.integers(0, 200), at=st.integers(0, 200))
def test_no_cut_of_a_list_loses_what_is_before_it(
    cut: int, at: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Records, then at most one issue."""
    data = json.dumps(BIRDS).encode()
    path = tmp_path_factory.mktemp("cut") / "a.json"
    path.write_bytes(b"[" + data[1 : len(data) - cut % len(data)] + b"\0" * (at % 2))
    found = _read(path)

    numbers = [item.n for item in found if isinstance(item, Bird)]

    assert numbers == [1, 2, 3][: len(numbers)]
    assert len(numbers) == 3 or sum(isinstance(item, Issue) for item in found) == 1


def test_paths_are_those_of_a_record(tmp_path: Path, write_lines: Write) -> None:
    """Of each container."""
    (tmp_path / "a.json").write_text(json.dumps(BIRDS))
    (tmp_path / "a.csv").write_text("name,n\nwren,1\n")
    (tmp_path / "a.txt").write_text("wren")

    assert record_paths(read_head(tmp_path / "a.json")) == {"name", "n"}
    assert record_paths(read_head(tmp_path / "a.csv")) == {"name", "n"}
    assert record_paths(read_head(write_lines([{"a": {"b": 1}}]))) == {"a", "a.b"}
    assert record_paths(read_head(tmp_path / "a.txt")) == frozenset()


def test_a_record_within_another_names_what_is_wrong() -> None:
    """With its place."""
    with pytest.raises(Fault) as caught:
        as_row({"name": 5}, Bird)

    assert (caught.value.reason, caught.value.pointer) == ("bad_value", "name")
