"""OpenTelemetry's GenAI traces: samples, every envelope, and what they are told from."""

import json
from collections import Counter
from pathlib import Path

import pytest
from tests.ingest.formats.otel_spans import CALL, ENVELOPES, EXPECTED, otlp_span, read, request

from tracetier.ingest.formats.openinference import Openinference
from tracetier.ingest.formats.otel_genai import OtelGenai
from tracetier.ingest.source import Source
from tracetier.ingest.span import Span

GOLDEN = Path(__file__).parents[2] / "golden" / "ingest"


@pytest.mark.parametrize(
    ("name", "kinds", "n_in", "n_out"),
    [
        (
            "strands_bedrock_claude.otlp.json",
            {"call": 4, "agent": 1, "tool": 3, "group": 4},
            4094,
            464,
        ),
        ("pydantic_ai_delegation.otlp.json", {"call": 3, "agent": 2, "tool": 1}, 160, 16),
        ("kagent_tempo_batches.json", {"call": 6, "agent": 2, "tool": 1, "group": 77}, 13944, 387),
    ],
)
def test_samples_have_the_numbers_of_their_page(
    name: str, kinds: dict[str, int], n_in: int, n_out: int, shared: Path
) -> None:
    """Sums over calls alone; kagent's six reports are two calls, which the assembler finds."""
    found = read(shared / "samples" / "otel_genai" / name)
    spans = [item for item in found if isinstance(item, Span)]
    calls = [span for span in spans if span.kind == "call"]

    assert len(spans) == len(found)
    assert Counter(span.kind for span in spans) == kinds
    assert sum(span.input_tokens or 0 for span in calls) == n_in
    assert sum(span.output_tokens or 0 for span in calls) == n_out


def test_a_delegated_run_hangs_below_the_tool_that_asked_for_it(shared: Path) -> None:
    """Though its conversation id is another one."""
    found = read(shared / "samples" / "otel_genai" / "pydantic_ai_delegation.otlp.json")
    spans = {item.span_id: item for item in found if isinstance(item, Span)}
    helper = next(span for span in spans.values() if span.name == "helper_agent" and _is_run(span))
    tool = spans[str(helper.parent_id)]
    boss = spans[str(tool.parent_id)]

    assert (tool.kind, tool.name) == ("tool", "ask_helper")
    assert (boss.kind, boss.name, boss.parent_id) == ("agent", "boss_agent", None)
    assert (helper.text, boss.text) == ("answer?", "What is the answer?")
    assert helper.session_id != boss.session_id


def _is_run(span: Span) -> bool:
    return span.kind == "agent"


def test_nested_reporters_of_a_call_hold_what_tells_that_they_are_one(shared: Path) -> None:
    """Of each chain the innermost knows the answer's id; all have its tokens, and lie around it."""
    found = read(shared / "samples" / "otel_genai" / "kagent_tempo_batches.json")
    spans = {item.span_id: item for item in found if isinstance(item, Span)}
    innermost = [span for span in spans.values() if span.response_id]
    n_reporters = 0
    for span in innermost:
        outer: Span | None = span
        while outer is not None and outer.kind == "call":
            n_reporters += 1
            assert (outer.input_tokens, outer.output_tokens) == (
                span.input_tokens,
                span.output_tokens,
            )
            assert outer.start is not None
            assert span.start is not None
            assert outer.start <= span.start
            outer = spans.get(str(outer.parent_id))

    assert n_reporters == 6
    assert sorted((s.input_tokens, s.output_tokens) for s in innermost) == [(2256, 13), (2392, 116)]
    assert {s.model_answered for s in innermost} == {"gpt-4.1-mini-2025-04-14"}
    assert {s.text for s in innermost} == {"list all helm releases\n"}


def test_only_its_own_samples_are_recognised(shared: Path) -> None:
    """All others are foreign, but for OpenInference's in the same envelope."""
    for path in GOLDEN.glob("*/input.*"):
        assert OtelGenai().matches(Source(path).head) == (path.parent.name == "otel_genai"), path
    own = shared / "samples" / "otel_genai"
    for path in (shared / "samples").rglob("*"):
        if path.is_file():
            surest = OtelGenai().matches(Source(path).head)
            if path.parent == own:
                assert surest == 1, path
            else:
                assert surest == (0.5 if path.name.endswith("openinference.otlp.jsonl") else 0), (
                    path
                )


@pytest.mark.parametrize("envelope", ENVELOPES)
@pytest.mark.parametrize("indent", [None, 2])
def test_each_envelope_is_recognised_and_tells_the_same_span(
    envelope: str, indent: int | None, tmp_path: Path
) -> None:
    """Hex, ``0x`` and base64 ids; ns as text, number and float; us; ISO times."""
    path = tmp_path / "log"
    path.write_text(json.dumps(ENVELOPES[envelope], indent=indent))
    head = Source(path).head

    assert (OtelGenai().matches(head), Openinference().matches(head)) == (1, 0)
    assert read(path) == [EXPECTED]


def test_a_document_is_recognised_by_its_first_bytes(tmp_path: Path) -> None:
    """Though it goes on for longer than the head, and begins with something else."""
    spans = [otlp_span(CALL, spanId=f"{i:016x}") for i in range(1, 201)]
    path = tmp_path / "log"
    path.write_text(json.dumps({"comment": "x", **request(*spans)}, indent=1))

    assert path.stat().st_size > 100_000
    assert OtelGenai().matches(Source(path).head) == 1
    assert len(read(path)) == 200
