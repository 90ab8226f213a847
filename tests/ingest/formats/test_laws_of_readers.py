"""What holds for the readers of provider logs, agent runs and router tables, whatever the bytes."""

import csv
import io
import json
import random
from collections.abc import Iterator
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context, Format
from tracetier.ingest.source import Source, read_head
from tracetier.ingest.span import NoStep, Span
from tracetier.records import Invocation

GOLDEN = Path(__file__).parent.parent.parent / "golden" / "ingest"
SAMPLES = {
    "openai_api": ["api_logs/openai_chat_and_responses.jsonl"],
    "anthropic_api": ["api_logs/anthropic_messages.jsonl"],
    "openai_agents": ["openai_agents_sdk/traces.jsonl"],
    "inspect_ai": ["inspect_ai/*"],
    "swe_agent": ["swe_agent/*.traj"],
    "mini_swe_agent": ["swe_agent/mini*.json"],
    "openhands": ["openhands/*"],
    "atif": ["atif/*"],
    "tau_bench": ["tau_bench/gpt*"],
    "tau2": ["tau_bench/tau2*"],
    "routellm": ["router_tables/routellm*"],
    "routerbench": [],
    "llmrouter": ["router_tables/llmrouter*"],
    "routerarena": ["router_tables/routerarena*"],
    "llmrouterbench": [],
    "battles": [],
}
LINES = ["openai_api", "anthropic_api", "openai_agents", "llmrouter", "routerarena"]
ODD: list[Any] = [
    None, True, -1, 10**30, 1e308, 0.5, "", "x" * 50, "\ud83d", "2026-99-99", [], {}, [[]],
    [None], {"a": {}}, [{"a": 1}], float("nan"),
]  # fmt: skip
TOKENS = (b"\n", b'"', b"{", b"}", b"[", b"]", b",", b":", b"NaN", b"1e999", b"\\ud800", b"\xff")


def _format(name: str) -> Format:
    found: Format = import_module(f"tracetier.ingest.formats.{name}").FORMAT()
    return found


def _golden(name: str) -> Path:
    (path,) = (GOLDEN / name).glob("input.*")
    return path


def _read(name: str, path: Path) -> list[tuple[int, Any]]:
    source = Source(path)
    found = _format(name).read(source, Context())
    return [(source.line, item) for item in found]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_format_takes_its_own_samples_and_no_others(name: str, shared: Path) -> None:
    """Over all shared data, and the hand-made logs of every format."""
    folder = shared / "samples"
    own = {path for pattern in SAMPLES[name] for path in folder.glob(pattern)}
    files = [path for path in shared.rglob("*.*") if path.is_file()]
    taken = {path for path in files if _format(name).matches(read_head(path)) > 0}
    golden = {path.parent.name for path in GOLDEN.glob("*/input.*")
              if _format(name).matches(read_head(path)) > 0}  # fmt: skip

    assert taken == own
    assert golden == {name}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_whole_logs_are_read_alike_each_time(name: str) -> None:
    """Ids come from the content."""
    first = _read(name, _golden(name))

    assert first == _read(name, _golden(name))
    assert any(isinstance(item, Span | Invocation) for _, item in first)


@pytest.mark.parametrize("name", SAMPLES)
@settings(max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_damaged_bytes_never_raise(
    name: str, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A few bytes changed, a token put in, a piece cut out or repeated."""
    draw = random.Random(seed)
    data = bytearray(_golden(name).read_bytes())
    for _ in range(draw.randint(1, 4)):
        start = draw.randrange(len(data) + 1)
        end = min(len(data), start + draw.choice([0, 1, 1, 5, 300]))
        data[start:end] = draw.choice([b"", draw.choice(TOKENS), draw.randbytes(2)])
    path = tmp_path_factory.mktemp("fuzz") / _golden(name).name
    path.write_bytes(data)

    _check(name, path)


@pytest.mark.parametrize("name", [name for name in SAMPLES if not name.startswith("route")])
@settings(max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_values_of_other_types_never_raise(
    name: str, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A field that is missing, or holds something of another kind, is an issue or is unknown."""
    draw = random.Random(seed)
    path = tmp_path_factory.mktemp("fuzz") / _golden(name).name
    path.write_text("\n".join(_mutated(_golden(name).read_text(), draw)))

    _check(name, path)


@pytest.mark.parametrize("name", ["routellm", "routerbench", "battles"])
@settings(max_examples=30)
@given(seed=st.integers(0, 2**32))
def test_odd_cells_never_raise(
    name: str, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nor do headers that say other things."""
    draw = random.Random(seed)
    rows = list(csv.reader(io.StringIO(_golden(name).read_text())))
    row = draw.choice(rows)
    row[draw.randrange(len(row))] = draw.choice(["", "nan", "1e999", "['", "[" * 999, "True", "x"])
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    path = tmp_path_factory.mktemp("fuzz") / "input.csv"
    path.write_text(out.getvalue())

    _check(name, path)


@pytest.mark.parametrize("name", LINES)
def test_every_line_is_told_once_however_it_ends(name: str, tmp_path: Path) -> None:
    """Lines that are cut, deep, not UTF-8 or hold line breaks of Unicode, and a BOM before all."""
    whole = [line for line in _golden(name).read_bytes().split(b"\n") if line]
    odd = [b"{", b'{"a": ' + b"[" * 100_000, b'{"id": "\xff"}', "[\u2028]".encode(), b"7", b"{}"]
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b"\n".join([*whole, *odd]))
    told = _read(name, path)

    assert {line for line, _ in told} == set(range(1, len(whole) + len(odd) + 1))
    assert len([item for line, item in told if line > len(whole)]) == len(odd)
    assert all(isinstance(item, Issue) for line, item in told if line > len(whole))


def _check(name: str, path: Path) -> None:
    source = Source(path)
    assert 0 <= _format(name).matches(source.head) <= 1
    for line, item in _read(name, path):
        assert isinstance(item, Span | Invocation | NoStep | Issue)
        if not isinstance(item, Issue):
            continue
        assert item.reason
        assert item.line is None or item.line == line


def _mutated(text: str, draw: random.Random) -> Iterator[str]:
    try:
        records = [json.loads(text)]
    except ValueError:
        records = [json.loads(line) for line in text.split("\n")[:-1] if line.endswith("}")
                   and line.count("{") == line.count("}")]  # fmt: skip
    for record in records:
        for _ in range(draw.randint(1, 3)):
            _mutate(record, draw)
        yield json.dumps(record)


def _mutate(at: Any, draw: random.Random) -> None:
    """Replace, or leave out, a value somewhere within."""
    while at:
        key = draw.choice(list(at)) if isinstance(at, dict) else draw.randrange(len(at))
        if isinstance(at[key], dict | list) and at[key] and draw.random() < 0.8:
            at = at[key]
        elif draw.random() < 0.2:
            del at[key]
            return
        else:
            at[key] = deepcopy(draw.choice(ODD))
            return
