"""Traces and sessions that are spread over files give the rows of one file that holds all."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tracetier.ingest import join, plan, steps
from tracetier.ingest.assemble.group import Grouper
from tracetier.ingest.ids import ReadIds
from tracetier.ingest.ids_file import read_ids, write_ids
from tracetier.ingest.run import ingest
from tracetier.ingest.spread import NO_KEYS, FileIds, Sharing, Sightings, key_of, sharing_of
from tracetier.ingest.summary import IngestSummary
from tracetier.table import read_table

Write = Callable[..., Path]
SECOND = 1_000_000_000


def _span(trace: str, i: int, *, session: str | None = None, **fields: Any) -> dict[str, Any]:
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "claude-haiku-4-5",
        "gen_ai.usage.input_tokens": 100 + i,
        "gen_ai.usage.output_tokens": 10,
        "gen_ai.input.messages": json.dumps(
            [{"role": "user", "parts": [{"type": "text", "content": f"Task {trace}{i}."}]}]
        ),
    }
    if session:
        attributes["gen_ai.conversation.id"] = session
    start = 1_767_600_000 * SECOND + i * 10 * SECOND
    span = {
        "traceId": trace.ljust(32, "0"),
        "spanId": f"{i:016x}",
        "name": "chat",
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + 2 * SECOND),
        "attributes": [
            {"key": key, "value": {"intValue": v} if isinstance(v, int) else {"stringValue": v}}
            for key, v in attributes.items()
        ],
    } | fields
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def _agent(trace: str, i: int, **fields: Any) -> dict[str, Any]:
    line = _span(trace, i, **fields)
    line["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"] = [
        {"key": "gen_ai.operation.name", "value": {"stringValue": "invoke_agent"}},
        {"key": "gen_ai.agent.name", "value": {"stringValue": "coder"}},
    ]
    return line


def _lines() -> list[dict[str, Any]]:
    """Return a run with its calls, a session of two traces, and traces that stand alone."""
    run = f"{1:016x}"
    return [
        _span("a", 2, parentSpanId=run),
        _span("c", 20, session="s"),
        _span("e", 40),
        _span("a", 3, parentSpanId=run),
        _agent("a", 1),
        _span("d", 30, session="s"),
        _span("f", 50),
        _span("c", 21, session="s"),
        _span("a", 4, parentSpanId=run),
    ]


def _rows(table: Path) -> list[dict[str, Any]]:
    rows = read_table(table).sort_by([("trace_id", "ascending"), ("span_id", "ascending")])
    return [
        {name: value for name, value in row.items() if name != "source_file"}
        for row in rows.to_pylist()
    ]


def _split(lines: list[dict[str, Any]], n: int, write_lines: Write) -> Path:
    for k in range(n):
        write_lines(lines[k::n], f"logs{n}/{k}.jsonl")
    return write_lines([], f"logs{n}/empty.jsonl").parent


@pytest.mark.parametrize("level", ["call", "agent_run"])
@pytest.mark.parametrize("n_files", [2, 3, 9])
def test_files_that_share_traces_are_read_as_one(
    n_files: int, level: Any, write_lines: Write, tmp_path: Path
) -> None:
    """However the lines are dealt out: rows, state before them, costs."""
    lines = _lines()
    ingest(write_lines(lines, "one.jsonl"), tmp_path / "one", level=level)
    logs = _split(lines, n_files, write_lines)
    summary = ingest(logs, tmp_path / "many", level=level)

    assert _rows(tmp_path / "many") == _rows(tmp_path / "one")
    assert summary.n_records == summary.n_read == len(lines)
    assert summary.notes.get("cut_traces") is None
    assert sum(file.n_shared for file in summary.files) >= 4
    assert sum(file.n_rows for file in summary.files) == summary.n_rows


def test_the_state_before_a_session_goes_on_in_the_next_file(
    write_lines: Write, tmp_path: Path
) -> None:
    """The turn in the second file knows of the one in the first."""
    write_lines([_span("a", 1, session="s")], "logs/1.jsonl")
    write_lines([_span("b", 2, session="s")], "logs/2.jsonl")
    ingest(tmp_path / "logs", tmp_path / "t", level="call")
    first, second = _rows(tmp_path / "t")

    assert (first["turn_index"], second["turn_index"]) == (0, 1)
    assert (second["last_tier"], second["idle_s"]) == ("haiku", 8.0)


def _bytes(table: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in table.iterdir() if path.name != "summary.json"}


def test_two_processes_join_alike(write_lines: Write, tmp_path: Path) -> None:
    """Byte for byte."""
    logs = _split(_lines(), 3, write_lines)
    ingest(logs, tmp_path / "one")
    ingest(logs, tmp_path / "two", jobs=2)

    assert _bytes(tmp_path / "one") == _bytes(tmp_path / "two")


@pytest.mark.slow
def test_a_cluster_joins_alike(write_lines: Write, tmp_path: Path) -> None:
    """Byte for byte."""
    pytest.importorskip("distributed")
    logs = _split(_lines(), 3, write_lines)
    ingest(logs, tmp_path / "one")
    ingest(logs, tmp_path / "two", engine="dask://local?workers=2")

    assert _bytes(tmp_path / "one") == _bytes(tmp_path / "two")


def test_a_step_that_two_files_tell_counts_once(write_lines: Write, tmp_path: Path) -> None:
    """In the first; the other has a duplicate, told with its line."""
    line = _span("a", 1)
    write_lines([line], "logs/1.jsonl")
    write_lines([_span("b", 2), line], "logs/2.jsonl")
    summary = ingest(tmp_path / "logs", tmp_path / "t")
    (issue,) = pq.read_table(tmp_path / "t" / "issues.parquet").to_pylist()

    assert [(file.n_read, file.n_duplicates) for file in summary.files] == [(1, 0), (1, 1)]
    assert (Path(issue["file"]).name, issue["line"], issue["reason"]) == ("2.jsonl", 2, "duplicate")
    assert summary.n_records == 3


def _same(one: IngestSummary, other: IngestSummary) -> bool:
    return one.to_dict() | {"out": ""} == other.to_dict() | {"out": ""}


def test_a_new_file_that_goes_on_with_an_old_one_is_joined(
    write_lines: Write, tmp_path: Path
) -> None:
    """Added, changed and taken away again: always the table of a full reading."""
    logs, out = tmp_path / "logs", tmp_path / "t"
    write_lines([_span("a", 1, session="s"), _span("z", 9)], "logs/1.jsonl")
    write_lines([_span("y", 8)], "logs/2.jsonl")
    write_lines([_span("x", 7)], "logs/3.jsonl")
    first = summary = ingest(logs, out)
    write_lines([_span("b", 2, session="s")], "logs/4.jsonl")
    for k in range(3):
        if k == 1:
            write_lines([_span("c", 2, session="s"), _span("z", 10)], "logs/4.jsonl")
        elif k == 2:
            (logs / "4.jsonl").unlink()
        summary = ingest(logs, out)
        fresh = ingest(logs, tmp_path / "fresh", fresh=True)
        assert _same(summary, fresh)
        assert _rows(out) == _rows(tmp_path / "fresh")
    assert _same(first, summary)


def test_traces_that_are_cut_to_save_memory_are_counted(
    write_lines: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where more is held than may be, the report says so."""

    def small(**kwargs: Any) -> Grouper[int]:
        return Grouper(max_spans=3, **kwargs)

    monkeypatch.setattr(join, "Grouper", {int: small})
    first = [_span(name, 1 + i) for i, name in enumerate("abcdef")]
    write_lines(first, "logs/1.jsonl")
    write_lines([_span(name, 10 + i) for i, name in enumerate("abcdef")], "logs/2.jsonl")
    monkeypatch.setattr(steps, "_PENDING", 1)
    summary = ingest(tmp_path / "logs", tmp_path / "t", level="call")

    assert summary.n_rows == summary.n_read == 12
    assert summary.notes["cut_traces"] >= 1


def test_files_that_share_nothing_are_read_once(
    write_lines: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they name is collected on the way; it is kept, so that a new file need not ask either.

    Where the new one shares a trace all are asked that are not known.
    """
    asked: list[Path] = []

    class Noted(ReadIds, frozen=True):
        def __call__(self, file: tuple[Path, str | None]) -> Iterator[FileIds]:
            asked.append(file[0])
            return super().__call__(file)

    monkeypatch.setattr(plan, "ReadIds", Noted)
    logs = tmp_path / "logs"
    told: list[tuple[int, int]] = []
    write_lines([_span("a", 1)], "logs/1.jsonl")
    write_lines([_span("b", 2)], "logs/2.jsonl")
    ingest(logs, tmp_path / "t", progress=lambda done, total: told.append((done, total)))
    write_lines([_span("c", 3)], "logs/3.jsonl")
    summary = ingest(logs, tmp_path / "t")

    assert asked == []
    assert told[-1] == (told[-1][1], told[-1][1])
    assert sum(file.n_shared for file in summary.files) == 0

    write_lines([_span("a", 4)], "logs/4.jsonl")
    write_lines([_span("d", 5)], "logs/5.jsonl")
    summary = ingest(logs, tmp_path / "t")

    assert asked == [logs / "5.jsonl"]
    assert [file.n_shared for file in summary.files] == [1, 0, 0, 1, 0]


def test_the_first_name_that_two_files_have_is_noticed() -> None:
    """And names of steps, as soon as there is another file that may hold them."""

    def ids(groups: list[int], lone: list[int]) -> FileIds:
        return FileIds(groups=np.array(groups, np.int64), lone=np.array(lone, np.int64))

    found = Sightings()
    shared = []
    for one in (ids([1, 2], []), ids([3], []), ids([2, 4], [])):
        found.add(one)
        shared.append(found.are_shared)
    lone = Sightings()
    lone.add(ids([1], [7]))
    before = lone.are_shared
    lone.add(ids([2], []))

    assert shared == [False, False, True]
    assert (before, lone.are_shared) == (False, True)


def test_parts_of_a_file_name_what_both_name() -> None:
    """Each name once, in order."""
    one = FileIds(groups=np.array([1, 5]), lone=NO_KEYS, format="f")
    other = FileIds(groups=np.array([3, 5]), lone=np.array([2]))
    both = one.with_others(other)

    assert (both.groups.tolist(), both.lone.tolist(), both.format) == ([1, 3, 5], [2], "f")
    assert one.with_others(None) is one


def test_what_is_shared_is_what_two_files_name() -> None:
    """Four files, of which one does not count."""
    ids = [FileIds(groups=np.sort(np.array(keys)), lone=NO_KEYS) for keys in ([1, 2], [2, 3], [4])]
    found, last_of = sharing_of([ids[0], None, ids[1], ids[2]])

    assert [one.groups.tolist() for one in found] == [[2], [], [2], []]
    assert [bool(one) for one in found] == [True, False, True, False]
    assert last_of(("trace", "none")) == -1


def test_names_are_kept_for_the_next_run(tmp_path: Path) -> None:
    """As they were; damaged, they are asked again."""
    ids = {
        "a": FileIds(groups=np.array([-5, 3, 9]), lone=np.array([7])),
        "b": FileIds(groups=np.array([1]), lone=NO_KEYS),
    }
    write_ids(tmp_path, ids)
    found = read_ids(tmp_path)

    assert {name: (one.groups.tolist(), one.lone.tolist()) for name, one in found.items()} == {
        "a": ([-5, 3, 9], [7]),
        "b": ([1], []),
    }
    (tmp_path / "ids.parquet").write_bytes(b"x")
    assert read_ids(tmp_path) == {}


def test_a_hash_of_a_name_is_the_same_in_every_process() -> None:
    """Worked out once."""
    assert key_of(("trace", "a")) == key_of(("trace", "a")) != key_of(("session", "a"))
    assert not Sharing().holds_group(("trace", "a"))
