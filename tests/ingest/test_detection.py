"""Which format a file is in: its own, or none, and never another's.

The samples are mutated as files are in practice: cut short, packed, spaced out, their keys in
another order, with keys that the format does not know.
"""

import csv
import gzip
import io
import json
import pickle
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import SHARED

from tracetier.errors import FormatError
from tracetier.ingest.head import HEAD_BYTES
from tracetier.ingest.registry import detect_format, formats_by_name, refuse_unreadable
from tracetier.ingest.source import read_head

FORMAT_OF = {
    "api_logs/anthropic_messages.jsonl": "anthropic_api",
    "api_logs/openai_chat_and_responses.jsonl": "openai_api",
    "atif/*": "atif",
    "claude_code/**/*.jsonl": "claude_code",
    "inspect_ai/*": "inspect_ai",
    "langfuse/*": "langfuse",
    "langsmith/*": "langsmith",
    "litellm/*": "litellm",
    "mlflow/*": "mlflow",
    "openai_agents_sdk/*": "openai_agents",
    "openhands/*": "openhands",
    "openinference_phoenix/*": "openinference",
    "otel_genai/*": "otel_genai",
    "router_tables/llmrouter_queries.jsonl": "llmrouter",
    "router_tables/paretobandit_val.jsonl": "paretobandit",
    "router_tables/routellm_gsm8k_responses.csv": "routellm",
    "router_tables/routerarena_claude3haiku.jsonl": "routerarena",
    "swe_agent/*.traj": "swe_agent",
    "swe_agent/mini*.json": "mini_swe_agent",
    "tau_bench/gpt*": "tau_bench",
    "tau_bench/tau2*": "tau2",
}
GOLDEN = Path(__file__).parents[1] / "golden" / "ingest"
SAMPLES = SHARED / "samples"
N_CUTS = 12


def _cases() -> list[Any]:
    found = {
        path: name
        for pattern, name in FORMAT_OF.items()
        for path in sorted(SAMPLES.glob(pattern))
        if path.is_file()
    }
    golden = {path: path.parent.name for path in sorted(GOLDEN.glob("*/input.*"))}
    known = {path: name for path, name in golden.items() if name in formats_by_name()}
    known.pop(GOLDEN / "mapped" / "input.jsonl", None)  # the user's own format, never guessed
    return [
        pytest.param(path, name, id=f"{path.parent.name}/{path.name}")
        for path, name in (found | known).items()
    ]


def _guess(path: Path) -> str | None:
    """Return the name of the format that is found, ``None`` for unknown."""
    try:
        return _find(path)
    except FormatError:
        return None


def _find(path: Path) -> str:
    head = read_head(path)
    refuse_unreadable(head)
    return detect_format(head).name


def _rename(key: str) -> str:
    return f"zz_{key}"


def _deep(value: Any, draw: random.Random, change: Callable[[dict[str, Any]], Any]) -> Any:
    """Apply a change to every object, from within."""
    if isinstance(value, dict):
        return change({key: _deep(item, draw, change) for key, item in value.items()})
    return [_deep(item, draw, change) for item in value] if isinstance(value, list) else value


def _mutants(raw: bytes, draw: random.Random) -> Iterator[tuple[str, bytes]]:
    """Yield what may come of a file's bytes, and the name of what was done."""
    yield "BOM", b"\xef\xbb\xbf" + raw
    yield "packed", gzip.compress(raw, mtime=0)
    yield "blank lines", b"\n \n" + raw + b"\n\n"
    for _ in range(N_CUTS):
        yield "cut", raw[: draw.randrange(1, len(raw))]
    yield "cut in front", raw[draw.randrange(len(raw)) :]
    lines = raw.split(b"\n")
    start = draw.randrange(len(lines))
    yield "lines left out", b"\n".join(lines[start : start + draw.randint(1, 20)])
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return
    yield "line ends of Windows", text.replace("\n", "\r\n").encode()
    records = _records(text)
    if records is not None:
        yield from _of_records(records, draw, is_document=_is_document(text))
    elif "," in text.partition("\n")[0]:
        yield "columns in another order", _shuffled_csv(text, draw)


def _records(text: str) -> list[Any] | None:
    try:
        return [json.loads(text)]
    except ValueError:
        pass
    found = []
    for line in text.split("\n"):
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found if found and all(isinstance(item, dict | list) for item in found) else None


def _is_document(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _of_records(
    records: list[Any], draw: random.Random, *, is_document: bool
) -> Iterator[tuple[str, bytes]]:
    def shuffled(found: dict[str, Any]) -> dict[str, Any]:
        keys = list(found)
        draw.shuffle(keys)
        return {key: found[key] for key in keys}

    def with_more(found: dict[str, Any]) -> dict[str, Any]:
        return {"zz_note": "x", **found, "zz_more": {"a": [1, None]}}

    def renamed(found: dict[str, Any]) -> dict[str, Any]:
        return {_rename(k) if draw.random() < 0.1 else k: v for k, v in found.items()}

    def without(found: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in found.items() if draw.random() > 0.1}

    for name, change in (
        ("keys shuffled", shuffled),
        ("keys added", with_more),
        ("keys renamed", renamed),
        ("keys left out", without),
    ):
        for _ in range(4):
            changed = [_deep(record, draw, change) for record in records]
            yield name, b"\n".join(json.dumps(record).encode() for record in changed)
    if is_document:
        yield "indented", json.dumps(records[0], indent=2).encode()
        yield "compact", json.dumps(records[0], separators=(",", ":")).encode()
        yield "not ASCII", json.dumps(records[0], ensure_ascii=False).encode(errors="replace")


def _shuffled_csv(text: str, draw: random.Random) -> bytes:
    csv.field_size_limit(2**24)
    rows = list(csv.reader(io.StringIO(text, newline="")))
    order = list(range(len(rows[0])))
    draw.shuffle(order)
    out = io.StringIO(newline="")
    csv.writer(out).writerows([[row[i] for i in order] for row in rows if len(row) == len(order)])
    return out.getvalue().encode()


@pytest.mark.parametrize(("path", "name"), _cases())
def test_a_file_goes_to_its_format(path: Path, name: str) -> None:
    """By its content."""
    assert _guess(path) == name


@pytest.mark.parametrize(("path", "name"), _cases())
def test_a_mutation_is_never_taken_for_another_format(
    path: Path, name: str, tmp_path: Path
) -> None:
    """It may be unknown; what only looks otherwise is still known."""
    place = tmp_path / path.name
    raw = path.read_bytes()
    guesses = []
    for how, mutant in _mutants(raw, random.Random(f"{path.parent.name}/{path.name}")):
        place.write_bytes(mutant)
        guesses.append((how, _guess(place)))
    kept = {"BOM", "packed", "compact"}
    if len(raw) < HEAD_BYTES:  # or the signs may have moved behind the head
        kept |= {"keys shuffled", "keys added", "indented"}
    if path.suffix != ".csv":
        kept.add("blank lines")
    lost = [how for how, found in guesses if how in kept and found is None]

    assert [guess for guess in guesses if guess[1] not in (name, None)] == []
    assert path.suffix == ".eval" or lost == []


def test_every_sample_has_a_format(shared: Path) -> None:
    """A new one must be said here to be of one."""
    files = {path for path in (shared / "samples").rglob("*") if path.is_file()}
    said = {path for pattern in FORMAT_OF for path in (shared / "samples").glob(pattern)}

    assert files - said == {shared / "samples" / "README.md"}


def _foreign(seed: int) -> bytes:
    """Return JSON that says nothing."""
    draw = random.Random(seed)
    words = ["a", "b", "name", "value", "items", "status", "id", "type", "data", "time", "text"]

    def value(depth: int) -> Any:
        kind = draw.randrange(6 if depth else 4)
        if kind == 4:
            return {draw.choice(words): value(depth - 1) for _ in range(draw.randint(0, 6))}
        if kind == 5:
            return [value(depth - 1) for _ in range(draw.randint(0, 4))]
        return (draw.choice(words), draw.random(), None, draw.randrange(10**6))[kind]

    records = [{"id": i, **{w: value(3) for w in draw.sample(words, 4)}} for i in range(3)]
    if seed % 3 == 0:
        return json.dumps(records).encode()
    return b"\n".join(json.dumps(record).encode() for record in records)


FOREIGN = {
    **{f"JSON {seed}": _foreign(seed) for seed in range(30)},
    "CSV": b"id,name,price\n1,a,2.5\n2,b,3.5\n",
    "TSV": b"id\tname\n1\ta\n",
    "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n",
    "HTML": b"<!DOCTYPE html>\n<html><head><title>spend</title></head></html>\n",
    "empty": b"",
    "blank": b" \n\n",
    "pickle": pickle.dumps({"prompt": "x", "gpt-4": 1.0}),
    "ZIP": b"PK\x03\x04" + bytes(40),
    "PNG": b"\x89PNG\r\n\x1a\n" + bytes(40),
    "YAML": b"name: x\nitems:\n  - a\n",
    "text": b"just words, and a comma\n",
    "package.json": b'{"name": "x", "version": "1.0.0", "dependencies": {"a": "^1"}}',
    "GeoJSON": b'{"type": "FeatureCollection", "features": []}',
    "notebook": b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
    "a number": b"7",
    "null": b"null\n",
    "list": b"[]",
    "object": b"{}",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_file_is_unknown_with_the_known_ones_named(name: str, tmp_path: Path) -> None:
    """And what to do about it."""
    path = tmp_path / "file"
    path.write_bytes(FOREIGN[name])
    told = "pickle" if name == "pickle" else ", ".join(formats_by_name())

    with pytest.raises(FormatError, match=told):
        _find(path)
