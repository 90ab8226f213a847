"""Formats are found, not listed, and each knows its own files."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracetier.errors import FormatError
from tracetier.ingest import formats, registry
from tracetier.ingest.head import Head
from tracetier.ingest.registry import (
    detect_format,
    entry_points_of_others,
    format_named,
    formats_by_name,
    own_names,
    refuse_unreadable,
)
from tracetier.ingest.source import read_head

_PLUGIN = """
class Ours:
    name = "ours"
    def matches(self, head):
        return 1.0 if head.data.startswith(b"OURS") else 0.0
    def read(self, source, context):
        yield from ()
FORMAT = Ours
"""


@pytest.fixture
def fresh() -> Iterator[None]:
    """Look for formats anew, before and after."""
    _forget()
    yield
    _forget()


def _forget() -> None:
    own_names.cache_clear()
    formats_by_name.cache_clear()
    entry_points_of_others.cache_clear()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place where packages are installed."""
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def _install(site: Path, entry: str) -> None:
    """Write what a package manager leaves of a package with one entry point."""
    info = site / "ours-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ours\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[tracetier.formats]\n{entry}\n")


@pytest.mark.usefixtures("fresh")
def test_a_format_is_one_new_file(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else has to be told of it."""
    (site / "ours.py").write_text(_PLUGIN)
    (site / "_shared.py").write_text("")
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(site)])
    monkeypatch.delitem(sys.modules, f"{formats.__name__}.ours", raising=False)

    assert "ours" in formats_by_name()
    assert detect_format(Head(path=site / "x", data=b"OURS...")).name == "ours"


@pytest.mark.usefixtures("fresh")
def test_an_entry_point_adds_a_format(site: Path) -> None:
    """As the package of an outsider declares it."""
    (site / "outsider.py").write_text(_PLUGIN)
    _install(site, "ours = outsider:Ours")

    assert list(formats_by_name())[-1] == "ours"
    assert format_named("ours").name == "ours"


class _Sure:
    """A format that is so sure of every file."""

    def __init__(self, name: str, sure: float) -> None:
        self.name, self._sure = name, sure
        self.n_asked = 0

    def matches(self, head: Head) -> float:
        self.n_asked += 1
        return self._sure


def test_the_surest_format_is_taken_and_nothing_asked_after_a_certain_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Among equals the first; what comes after a sign of its own is not even loaded."""
    every = [_Sure("maybe", 0.5), _Sure("again", 0.5), _Sure("own", 1.0), _Sure("late", 1.0)]
    monkeypatch.setattr(registry, "_in_order", lambda: (lambda one=one: one for one in every))

    assert detect_format(Head(path=Path("x"), data=b"x")).name == "own"
    assert [one.n_asked for one in every] == [1, 1, 1, 0]

    del every[2:]
    assert detect_format(Head(path=Path("x"), data=b"x")).name == "maybe"


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("outcomes = json:loads", "format 'outcomes' of an entry point .* exists already"),
        ("ours = no_such_module:X", "'no_such_module:X' cannot be loaded: No module named"),
        ("ours = json:X", "'json:X' cannot be loaded"),
    ],
)
def test_a_broken_entry_point_is_told(site: Path, entry: str, told: str) -> None:
    """By its name, with the mend."""
    _install(site, entry)

    with pytest.raises(FormatError, match=told):
        formats_by_name()


def test_an_unknown_name_lists_the_known_ones() -> None:
    """With the closest."""
    with pytest.raises(
        FormatError,
        match=r"unknown format 'outcmes'; did you mean 'outcomes'\? Known are anthropic_api, ",
    ):
        format_named("outcmes")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b'{"question": "x", "answer": "y"}\n', "jsonl with the columns question, answer. Known"),
        (b"q,a\n1,2\n", "csv with the columns q, a. Known are anthropic_api, "),
        (b'{\n"a": 1}\n', "one JSON document"),
        (b"hello\n", "text. Known"),
        (",".join(f"c{i}" for i in range(20)).encode(), "c6, c7, .... Known"),
    ],
)
def test_a_file_in_no_known_format_is_told(tmp_path: Path, data: bytes, told: str) -> None:
    """With what it shows, and the way out by --map."""
    (tmp_path / "log").write_bytes(data)

    with pytest.raises(FormatError, match="log' is in no known format") as caught:
        detect_format(read_head(tmp_path / "log"))
    assert told in str(caught.value)
    assert "--map FILE" in str(caught.value)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\x80\x04\x95\x00", "is a Python pickle, which can run any code"),
        (b"\x28\xb5\x2f\xfd", "is zstd; only plain UTF-8 and gzip are read, convert it first"),
        (b"\xff\xfea\x00", "is UTF-16;"),
    ],
)
def test_what_no_format_may_read_is_refused(tmp_path: Path, data: bytes, told: str) -> None:
    """Even where the user names a format."""
    (tmp_path / "log").write_bytes(data)

    with pytest.raises(FormatError, match=told):
        refuse_unreadable(read_head(tmp_path / "log"))


def test_a_packed_pickle_is_refused(tmp_path: Path) -> None:
    """gzip hides it from a look at the first bytes."""
    import gzip

    (tmp_path / "log").write_bytes(gzip.compress(b"\x80\x04\x95\x00"))

    with pytest.raises(FormatError, match=r"pandas\.read_pickle\(FILE\)"):
        refuse_unreadable(read_head(tmp_path / "log"))


@pytest.mark.parametrize("name", formats_by_name())
@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"a,b\n", b"\x00\xff", b"PK\x03\x04", b"PAR1"])
def test_no_format_takes_or_trips_over_what_is_not_its_own(name: str, data: bytes) -> None:
    """Every format is asked about every file."""
    assert format_named(name).matches(Head(path=Path("nowhere"), data=data)) == 0
