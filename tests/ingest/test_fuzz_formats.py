"""Whatever happens to a log, its reader ends, and every record of it is accounted for.

Each format starts from its own small log, made by hand, and the log is damaged: cut, spliced with
another format's, filled with values of other types, with deep nesting, huge numbers, bytes that
are no UTF-8, line breaks of Unicode. What is read, told as an issue, without a step, or told twice
must add up to what the reader hands out, and a log of lines must give no fewer items than lines.
"""

import gc
import io
import json
import random
import resource
import signal
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tracetier.errors import InputError
from tracetier.ingest.batch import Piece
from tracetier.ingest.issue import Issue
from tracetier.ingest.mapping import read_mapping
from tracetier.ingest.read import read_piece
from tracetier.ingest.recipe import Recipe
from tracetier.ingest.registry import Context, format_named, formats_by_name
from tracetier.ingest.run import ingest
from tracetier.ingest.source import LINE_BYTES, Source
from tracetier.ingest.span import Addition, NoStep, PartOfStep, Span
from tracetier.records import Invocation

GOLDEN = Path(__file__).parents[1] / "golden" / "ingest"
FORMATS = sorted(formats_by_name())
NOT_BY_LINE = {  # one document, several lines a step, or CSV with its header and quoted breaks
    "atif", "inspect_ai", "llmrouterbench", "mini_swe_agent",
    "openhands", "routellm", "routerbench", "swe_agent", "tau2",
}  # fmt: skip
LINE_BY_LINE = {  # a record is a line, whatever it holds
    "canonical", "claude_code", "codex_cli", "decision_log", "outcomes", "mapped",
}  # fmt: skip
LIMIT_S = 20
N_FAST, N_SLOW = 20, 700
N_READ: Counter[str] = Counter()
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 10**30, -(2**63), 2**64, 1e308, -0.5, "", " ", "0", "-1", "1e999",
    "x" * 300, "\ud83d", "\u2028", "\u0085", "\0", "2026-99-99", "2026-01-01T00:00:00Z", "None",
    "NaN", "{", "[]", '{"a": 1}', [], {}, [[]], [None], [1, "a", {}], {"a": {}}, {"": None},
    {"type": None}, [{"type": "text", "text": None}], float("nan"), float("inf"),
)  # fmt: skip
TOKENS = (
    b"\n", b"\r", b'"', b"{", b"}", b"[", b"]", b",", b":", b"null", b"NaN", b"-Infinity", b"1e999",
    b"9" * 400, b"\\ud800", b"\xff", b"\xc3", b"\xe2\x80\xa8", b"\xc2\x85", b"\0", b"\xef\xbb\xbf",
    b"\n\n\n", b"[" * 600, b'{"a":' * 600,
)  # fmt: skip


def _whole(name: str) -> bytes:
    (path,) = (GOLDEN / name).glob("input.*")
    return path.read_bytes()


def _file_name(name: str) -> str:
    (path,) = (GOLDEN / name).glob("input.*")
    return path.name


WHOLE = {name: _whole(name) for name in FORMATS}


def _mutant(name: str, draw: random.Random) -> bytes:
    """Return a format's log with one to three damages."""
    raw = WHOLE[name]
    for _ in range(draw.randint(1, 3)):
        raw = draw.choice(DAMAGES)(raw, draw)
    return raw


def _cut(raw: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(raw) + 1)
    return raw[:at] if draw.random() < 0.7 else raw[at:]


def _spliced(raw: bytes, draw: random.Random) -> bytes:
    other = WHOLE[draw.choice(FORMATS)]
    if draw.random() < 0.5:  # line by line
        lines = raw.split(b"\n") + draw.sample(other.split(b"\n"), 1)
        draw.shuffle(lines)
        return b"\n".join(lines)
    at, start = draw.randrange(len(raw) + 1), draw.randrange(len(other) + 1)
    return raw[:at] + other[start : start + draw.randrange(400)] + raw[at:]


def _patched(raw: bytes, draw: random.Random) -> bytes:
    data = bytearray(raw)
    for _ in range(draw.randint(1, 4)):
        start = draw.randrange(len(data) + 1)
        end = min(len(data), start + draw.choice([0, 1, 1, 5, 200]))
        data[start:end] = draw.choice([b"", draw.choice(TOKENS), draw.randbytes(2)])
    return bytes(data)


def _repeated(raw: bytes, draw: random.Random) -> bytes:
    lines = raw.split(b"\n")
    return b"\n".join([*lines, *draw.choices(lines, k=draw.randint(1, 5))])


def _framed(raw: bytes, draw: random.Random) -> bytes:
    before = draw.choice([b"\xef\xbb\xbf", b"\n \n", b"{}\n", b"", b"\0"])
    return before + raw.replace(b"\n", draw.choice([b"\n", b"\r\n", b"\n\n"])) + b"\n"


def _retyped(raw: bytes, draw: random.Random) -> bytes:
    """Replace some values of the JSON by others of any type, or leave them out."""
    try:
        return json.dumps(_with_odd(json.loads(raw), draw)).encode()
    except (ValueError, RecursionError):
        pass
    lines = []
    for line in raw.split(b"\n"):
        try:
            lines.append(json.dumps(_with_odd(json.loads(line), draw)).encode())
        except (ValueError, RecursionError):
            lines.append(line)
    return b"\n".join(lines)


def _with_odd(record: Any, draw: random.Random) -> Any:
    for _ in range(draw.randint(1, 3)):
        at = record
        while isinstance(at, dict | list) and at:
            key = draw.choice(list(at)) if isinstance(at, dict) else draw.randrange(len(at))
            if isinstance(at[key], dict | list) and at[key] and draw.random() < 0.8:
                at = at[key]
                continue
            if draw.random() < 0.15:
                del at[key]
            elif draw.random() < 0.1:
                at[key] = _deep(at[key], draw.choice([5, 60, 500]))
            else:
                at[key] = draw.choice(ODD)
            break
    return record


def _deep(value: Any, depth: int) -> Any:
    for i in range(depth):
        value = [value] if i % 2 else {"content": value}
    return value


DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _cut, _spliced, _patched, _repeated, _framed, _retyped, _retyped, _retyped,
)  # fmt: skip


@contextmanager
def _in_time(what: str) -> Iterator[None]:
    """Fail, and do not hang; by processor time, since the clock goes on while a machine waits."""

    def fail(_number: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"{what} was not read within {LIMIT_S} s of processor time")

    before = signal.signal(signal.SIGPROF, fail)
    signal.setitimer(signal.ITIMER_PROF, LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _context(name: str) -> Context:
    has_map = name == "mapped"
    return Context(read_mapping(GOLDEN / "mapped" / "map.toml") if has_map else None)


def _items(name: str, path: Path) -> list[Any]:
    return list(format_named(name).read(Source(path), _context(name)))


def _check(name: str, path: Path) -> None:
    """Read a file by itself and through the pipeline, and compare the accounts."""
    items = _items(name, path)
    assert all(
        isinstance(item, Span | Addition | Invocation | PartOfStep | NoStep | Issue)
        for item in items
    )
    n_told = sum(map(_is_of_record, items))
    recipe = Recipe(format=name, mapping=_context(name).mapping)
    batches = list(read_piece(Piece(path=path, is_named=True), recipe))
    if batches[-1].error is not None:  # bytes that no format is given, such as those of a pickle
        assert isinstance(batches[-1].error, InputError)
        return
    counts = batches[-1].counts
    assert counts is not None
    flat = [batch.table for batch in batches if batch.table is not None and not batch.are_of_steps]
    n_kept = counts.n_read + sum(len(table) for table in flat)
    if Source(path).head.kind == "empty":
        assert n_kept + counts.n_rejected == 0
        return
    assert n_kept + counts.n_no_step + counts.n_rejected + counts.n_duplicates == n_told
    if name not in NOT_BY_LINE and Source(path).head.kind == "jsonl":
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
        n_lines = sum(not (not line or line.isspace()) for line in lines)
        assert n_told == n_lines if name in LINE_BY_LINE else n_told >= n_lines


def _is_of_record(item: Any) -> bool:
    if isinstance(item, Issue):
        return item.line is not None
    return not isinstance(item, Span) or item.is_record


def _run(name: str, n_inputs: int, place: Path) -> None:
    path = place / _file_name(name)
    for seed in range(n_inputs):
        raw = _mutant(name, random.Random(f"{name} {seed}"))
        path.write_bytes(raw)
        try:
            with _in_time(f"{name} {seed}"):
                _check(name, path)
        except Exception as error:
            error.add_note(f"mutant {seed} of {name}")
            raise


@pytest.mark.parametrize("name", FORMATS)
def test_the_whole_log_is_read(name: str, tmp_path: Path) -> None:
    """Or the damage below would prove nothing."""
    path = tmp_path / _file_name(name)
    path.write_bytes(WHOLE[name])
    _check(name, path)

    assert any(isinstance(item, Span | Invocation) for item in _items(name, path))


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_logs_are_accounted_for(name: str, tmp_path: Path) -> None:
    """A few hundred of them, the same each time."""
    _run(name, N_FAST, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_many_damaged_logs_are_accounted_for(name: str, tmp_path: Path) -> None:
    """The next test tells how many there were."""
    _run(name, N_SLOW, tmp_path)
    N_READ[name] += N_SLOW


@pytest.mark.slow
def test_more_than_20_000_damaged_logs_were_read(
    record_property: Callable[[str, object], None],
) -> None:
    """Over all formats; shown by ``pytest -rA``."""
    if set(N_READ) != set(FORMATS):
        pytest.skip("counts what the test before reads of all formats, which was not run whole")
    n_inputs = sum(N_READ.values())
    record_property("n_fuzzed_inputs", n_inputs)
    sys.stdout.write(f"{n_inputs:,} damaged logs of {len(N_READ)} formats were read\n")

    assert n_inputs >= 20_000


SPREAD = [name for name in FORMATS if getattr(formats_by_name()[name], "is_spread", False)]


def _run_two(name: str, n_inputs: int, place: Path) -> None:
    """Read a log and damaged copies of it by themselves, and then all as one."""
    folder = place / "logs"
    folder.mkdir()
    paths = [folder / f"{k}-{_file_name(name)}" for k in (0, 1)]
    paths[0].write_bytes(WHOLE[name])
    for seed in range(n_inputs):
        paths[1].write_bytes(_mutant(name, random.Random(f"two of {name} {seed}")))
        with _in_time(f"two files of {name} {seed}"):
            both = ingest(folder, place / "t", fresh=True)
            alone = [_records_alone(path) for path in paths]
        assert [file.n_records for file in both.files] == alone, seed
        assert sum(file.n_rows for file in both.files) == both.n_rows


def _records_alone(path: Path) -> int:
    counts = None
    n_flat = 0
    for batch in read_piece(Piece(path=path), Recipe()):
        counts = batch.counts or counts
        if batch.table is not None and not batch.are_of_steps:
            n_flat += len(batch.table)
    assert counts is not None
    told = (counts.n_read, counts.n_no_step, counts.n_rejected, counts.n_duplicates)
    return sum(told) + n_flat


@pytest.mark.parametrize("name", SPREAD)
def test_damaged_logs_that_are_read_as_one_are_accounted_for(name: str, tmp_path: Path) -> None:
    """Each file has as many records as by itself; what it repeats is a duplicate."""
    _run_two(name, 3, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", SPREAD)
def test_many_damaged_logs_that_are_read_as_one(name: str, tmp_path: Path) -> None:
    """A hundred of each format that can be spread over files."""
    _run_two(name, 100, tmp_path)


def _packed(draw: random.Random) -> bytes:
    """Return an archive of Inspect's, its members damaged and then its bytes."""
    log = json.loads(WHOLE["inspect_ai"])
    header = {key: value for key, value in log.items() if key != "samples"}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", json.dumps(header))
        for i, sample in enumerate(log["samples"]):
            raw = json.dumps(sample).encode()
            changed = _retyped(raw, draw) if draw.random() < 0.8 else _patched(raw, draw)
            archive.writestr(f"samples/{i}_epoch_1.json", changed)
    raw = out.getvalue()
    return raw if draw.random() < 0.5 else _patched(raw, draw)


@pytest.mark.parametrize("seed", range(40))
def test_damaged_archives_are_accounted_for(seed: int, tmp_path: Path) -> None:
    """Of Inspect, whose logs are ZIP files."""
    path = tmp_path / "log.eval"
    path.write_bytes(_packed(random.Random(seed)))

    with _in_time(f"archive {seed}"):
        _check("inspect_ai", path)


@pytest.fixture(scope="module")
def long_line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of one line that is longer than any reader holds."""
    path = tmp_path_factory.mktemp("long") / "line"
    with path.open("wb") as file:
        file.write(b'{"type": "user", "text": "')
        for _ in range(LINE_BYTES // 2**20 + 1):
            file.write(b"x" * 2**20)
        file.write(b'"}')
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_a_line_of_64_mb_is_told_and_not_held_for_long(
    name: str, long_line: Path, tmp_path: Path
) -> None:
    """It is one issue, or one document that says nothing of that format."""
    path = tmp_path / _file_name(name)
    path.hardlink_to(long_line)
    gc.collect()
    with _in_time(f"long line of {name}"):
        items = _items(name, path)

    of_records = [item for item in items if not isinstance(item, Issue) or item.line is not None]
    assert len(of_records) <= 2
    assert not any(isinstance(item, Invocation) for item in items)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 4 * 2**20  # KiB
