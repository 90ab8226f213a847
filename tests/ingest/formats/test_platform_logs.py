"""What holds for the logs of all observability platforms and gateways alike."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracetier.ingest.formats.helicone import Helicone
from tracetier.ingest.formats.langfuse import Langfuse
from tracetier.ingest.formats.langsmith import LangSmith
from tracetier.ingest.formats.litellm import LiteLLM
from tracetier.ingest.formats.mlflow import MLflow
from tracetier.ingest.formats.portkey import Portkey
from tracetier.ingest.formats.weave import Weave
from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source, read_head
from tracetier.ingest.span import Addition, NoStep, Span

Write = Callable[..., Path]
GOLDEN = Path(__file__).parents[2] / "golden" / "ingest"
FORMATS: dict[str, Callable[[], Any]] = {
    "langfuse": Langfuse,
    "langsmith": LangSmith,
    "litellm": LiteLLM,
    "mlflow": MLflow,
    "weave": Weave,
    "helicone": Helicone,
    "portkey": Portkey,
}
WITH_SAMPLES = ("langfuse", "langsmith", "litellm", "mlflow")
TOKENS = (b"\n", b'"', b"{", b"}", b"[", b"]", b",", b"null", b"NaN", b"1e999", b"-1", b"\\ud800")
LEAVES: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["2026-10-05T09:00:00Z", "[]", "{}", '{"a": 1}', "9" * 30, "call"])
)


def _golden(name: str) -> Path:
    (path,) = (GOLDEN / name).glob("input.*")
    return path


def _read(name: str, path: Path) -> list[Any]:
    return list(FORMATS[name]().read(Source(path), Context()))


def _taken_by(path: Path) -> list[str]:
    head = read_head(path)
    return [name for name, factory in FORMATS.items() if factory().matches(head) > 0]


def _files(shared: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield each shared file with the format of ours to which it belongs, if any."""
    for path in sorted(shared.rglob("*")):
        if path.is_file():
            folder = path.relative_to(shared).parts[1:2]
            yield path, [name for name in WITH_SAMPLES if folder == (name,)]


def test_each_sample_goes_to_its_format_and_no_other_does(shared: Path) -> None:
    """Over every file that is shared, those of foreign formats among them."""
    found = {path.name: _taken_by(path) for path, _ in _files(shared)}
    expected = {path.name: names for path, names in _files(shared)}

    assert found == expected
    assert sum(map(len, expected.values())) == 10


def test_no_mutation_of_a_sample_goes_to_another_format(shared: Path, tmp_path: Path) -> None:
    """Cut, spliced with another file, or with bytes changed: its own format, or none."""
    draw = random.Random(20)
    whole = [(path.read_bytes()[:100_000], names) for path, names in _files(shared)]
    path = tmp_path / "log"
    for data, names in whole:
        for _ in range(4):
            mutated = bytearray(data)
            start = draw.randrange(len(mutated))
            mutated[start : start + draw.choice([1, 50, 5000])] = draw.choice(TOKENS)
            path.write_bytes(mutated[: draw.randrange(1, len(mutated) + 1)])
            assert set(_taken_by(path)) <= set(names)


@pytest.mark.parametrize("name", FORMATS)
def test_each_golden_log_goes_to_its_format(name: str) -> None:
    """And to none of the others."""
    assert _taken_by(_golden(name)) == [name]


@pytest.mark.parametrize("name", FORMATS)
def test_golden_logs_have_every_kind_of_line(name: str) -> None:
    """Or the mutations below would prove little."""
    items = _read(name, _golden(name))

    assert sum(isinstance(item, Span) for item in items) >= 3
    assert any(isinstance(item, Issue) for item in items)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_damaged_bytes_are_read_without_an_error(
    name: str, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A few bytes changed, a token put in, a piece cut out: records and issues, in line order."""
    draw = random.Random(seed)
    data = bytearray(_golden(name).read_bytes())
    for _ in range(draw.randint(1, 5)):
        start = draw.randrange(len(data) + 1)
        end = min(len(data), start + draw.choice([0, 1, 1, 5, 300]))
        data[start:end] = draw.choice([b"", draw.choice(TOKENS), draw.randbytes(2)])
    path = tmp_path_factory.mktemp("fuzz") / "log"
    path.write_bytes(data)

    for item in _read(name, path):
        assert isinstance(item, Span | Addition | NoStep | Issue)


def _odd(value: Any, draw: random.Random, leaves: list[Any]) -> Any:
    """Put odd values into a record, here and there."""
    if draw.random() < 0.15:
        return draw.choice(leaves)
    if isinstance(value, dict):
        return {
            key: _odd(item, draw, leaves) for key, item in value.items() if draw.random() > 0.05
        }
    return [_odd(item, draw, leaves) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "helicone"])
@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), leaves=st.lists(LEAVES, min_size=3, max_size=3))
def test_no_line_is_lost_whatever_its_values_are(
    name: str, seed: int, leaves: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Wrong types and missing keys: each line gives at least one item, and spans are sound."""
    draw = random.Random(seed)
    records = [json.loads(line) for line in _golden(name).read_text().strip().split("\n")]
    odd = [_odd(record, draw, leaves) for record in records]
    path = tmp_path_factory.mktemp("fuzz") / "log"
    path.write_text("".join(json.dumps(record) + "\n" for record in odd))
    source, seen = Source(path), set()
    for item in FORMATS[name]().read(source, Context()):
        seen.add(source.line)
        if isinstance(item, Span):
            _check(item)

    assert seen == set(range(1, len(odd) + 1))


def _check(span: Span) -> None:
    assert span.trace_id
    assert span.span_id
    assert span.start is None or span.start.utcoffset() is not None
    for count in (span.input_tokens, span.output_tokens, span.cache_read_tokens):
        assert count is None or 0 <= count <= 2**54
    assert span.cost_usd is None or 0 <= span.cost_usd < float("inf")
    (span.text + "".join(span.tools or ())).encode()


@pytest.mark.parametrize("name", WITH_SAMPLES)
def test_samples_are_read_without_issues(name: str, shared: Path) -> None:
    """They are what the tools really write."""
    for path in (shared / "samples" / name).iterdir():
        assert not [item for item in _read(name, path) if isinstance(item, Issue)]
