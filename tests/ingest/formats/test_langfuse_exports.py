"""Langfuse's traces, pages and exports: each form says the same."""

import json
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from tests.ingest.formats.langfuse_observations import (
    GOLDEN,
    NINE,
    Write,
    observation,
    read_items,
    spans_in,
)

from tracetier.ingest.formats.langfuse import Langfuse
from tracetier.ingest.issue import Issue
from tracetier.ingest.source import Source
from tracetier.ingest.span import Addition, NoStep, Score, Span


def test_a_trace_of_the_api_gives_its_texts_session_and_scores(tmp_path: Path) -> None:
    """Children stand before their parents; a list may name scores by id alone."""
    trace = {
        "id": "t1",
        "name": "birds",
        "sessionId": "s1",
        "input": json.dumps(json.dumps({"prompt": "Name a bird."})),
        "observations": [
            observation(id="o2", parentObservationId="o1", input=None),
            observation(id="o1", type="SPAN", input=None, model=None),
        ],
        "scores": [
            "score-id",
            {"id": "x", "name": "good", "value": 1, "dataType": "BOOLEAN", "source": "API"},
            {"id": "y", "name": "bad", "value": "high", "dataType": "NUMERIC"},
        ],
    }
    (tmp_path / "a.json").write_text(json.dumps(trace, indent=1))
    child, root, score, broken = read_items(tmp_path / "a.json")

    assert isinstance(child, Span)
    assert isinstance(root, Span)
    assert (child.text, child.session_id, child.task_type) == ("", "s1", "birds")
    assert (root.text, root.session_id, root.kind) == ("Name a bird.", "s1", "group")
    assert score == Addition(trace_id="t1", scores=(Score(name="good", value=True),))
    assert isinstance(broken, Issue)
    assert (broken.reason, broken.pointer) == ("bad_value", "value")


def test_pages_of_the_api_hold_records(tmp_path: Path) -> None:
    """Observations, scores, or traces with all that is theirs."""
    score = {"traceId": "t1", "observationId": "o1", "name": "a", "value": 1, "dataType": "NUMERIC"}
    page = {"data": [observation(), score, {"id": "t2", "observations": [observation(id="o9")]}]}
    (tmp_path / "a.json").write_text(json.dumps(page))
    first, second, third = read_items(tmp_path / "a.json")

    assert isinstance(first, Span)
    assert isinstance(second, Addition)
    assert isinstance(third, Span)
    assert (first.span_id, second.span_id, third.span_id) == ("o1", "o1", "o9")
    assert Langfuse().matches(Source(tmp_path / "a.json").head) == 1


def test_one_broken_observation_costs_no_other(tmp_path: Path) -> None:
    """It is known by its number."""
    trace = {"id": "t1", "sessionId": None}
    observations = [
        observation(),
        observation(id="o2", startTime="soon"),
        5,
        observation(id="o4"),
    ]
    document = {"trace": trace, "observations": observations}
    (tmp_path / "a.json").write_text(json.dumps(document, indent=1))
    items = read_items(tmp_path / "a.json")

    assert [span.span_id for span in spans_in(items)] == ["o1", "o4"]
    issues = [item for item in items if isinstance(item, Issue)]
    assert [(issue.line, issue.reason) for issue in issues] == [(2, "bad_value"), (3, "bad_value")]


def test_a_row_of_a_trace_tells_the_session(write_lines: Write) -> None:
    """Older exports keep it apart from the observations."""
    row = {
        "id": "t1",
        "timestamp": "2026-10-05 09:00:00.000000",
        "name": "birds",
        "session_id": "s1",
        "bookmarked": False,
        "public": False,
        "tags": [],
        "input": "Name a bird.",
    }
    path = write_lines([row])

    assert Langfuse().matches(Source(path).head) == 1
    assert read_items(path) == [
        Span(
            trace_id="t1",
            span_id="t1",
            kind="group",
            session_id="s1",
            start=NINE,
            task_type="birds",
            text="Name a bird.",
        )
    ]


def test_an_export_says_the_same_in_each_of_its_forms(tmp_path: Path) -> None:
    """Lines, a list, CSV with JSON texts, and Parquet with maps and times."""
    rows = [json.loads(line) for line in GOLDEN.read_text().split("\n")[:4]]
    kept = {
        name: [row.get(name) for row in rows]
        for name in rows[0]
        if name not in ("metadata", "cost_details", "tool_definitions", "usage_details", "tags")
    }
    objects = ("usage_details", "cost_details", "tool_definitions")
    texts = {name: [json.dumps(row.get(name)) for row in rows] for name in objects}
    (tmp_path / "a.json").write_text(json.dumps(rows))
    pa.csv.write_csv(pa.table(kept | texts), tmp_path / "a.csv")
    counts = pa.array([list(row["usage_details"].items()) for row in rows], _map(pa.int64()))
    costs = pa.array([list(row["cost_details"].items()) for row in rows], _map(pa.float64()))
    tools = pa.array(
        [list(row.get("tool_definitions", {}).items()) for row in rows], _map(pa.string())
    )
    times = {
        name: pa.array([datetime.fromisoformat(row[name]) for row in rows], pa.timestamp("us"))
        for name in ("start_time", "end_time")
    }
    typed = {"usage_details": counts, "cost_details": costs, "tool_definitions": tools}
    pq.write_table(pa.table(kept | typed | times), tmp_path / "a.parquet")

    expected = spans_in(read_items(GOLDEN))
    for name in ("a.json", "a.csv", "a.parquet"):
        assert Langfuse().matches(Source(tmp_path / name).head) == 1
        assert spans_in(read_items(tmp_path / name)) == expected, name


def test_scores_are_recognised_by_themselves(write_lines: Write) -> None:
    """An export writes them into a folder of their own."""
    lines = GOLDEN.read_text().split("\n")[4:7]
    path = write_lines([line.encode() for line in lines])

    assert Langfuse().matches(Source(path).head) == 1
    assert [type(item) for item in read_items(path)] == [Addition, Addition, NoStep]


def _map(values: pa.DataType) -> pa.DataType:
    return pa.map_(pa.string(), values)
