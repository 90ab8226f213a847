"""Annotations of OpenInference spans become scores."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.ingest.formats.openinference_spans import (
    CALL,
    SPAN,
    TRACE,
    read,
    rest_span,
    told,
    write_csv,
)

from tracetier.ingest.formats.openinference import Openinference
from tracetier.ingest.issue import Fault
from tracetier.ingest.source import Source
from tracetier.ingest.span import Addition, NoStep, Score, Span


def annotation(**fields: Any) -> dict[str, Any]:
    """Build an annotation as Phoenix answers it."""
    return {
        "id": "U3BhbkFubm90YXRpb246MQ==",
        "span_id": SPAN,
        "name": "correctness",
        "annotator_kind": "LLM",
        "result": {"score": 0.5, "label": "half", "explanation": "Some of it."},
        "created_at": "2026-02-05T08:00:00+00:00",
        "updated_at": "2026-02-05T08:00:00+00:00",
        "metadata": {},
        "identifier": "",
        "source": "API",
    } | fields


GIVEN = datetime(2026, 2, 5, 8, 0, tzinfo=UTC)

HALF = Score(name="correctness", value=0.5, source="judge", time=GIVEN)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, Addition(span_id=SPAN, scores=(HALF,)), id="of a span"),
        pytest.param(
            {"span_id": None, "trace_id": TRACE},
            Addition(trace_id=TRACE, scores=(HALF,)),
            id="of a trace",
        ),
        pytest.param(
            {"span_id": None, "session_id": "talk"},
            Addition(session_id="talk", scores=(HALF,)),
            id="of a session",
        ),
        pytest.param(
            {"annotator_kind": "HUMAN", "result": {"label": "good"}, "updated_at": None},
            Addition(
                span_id=SPAN,
                scores=(Score(name="correctness", value="good", source="human", time=GIVEN),),
            ),
            id="a label",
        ),
        pytest.param(
            {"annotator_kind": "CODE", "result": {"score": 0}},
            Addition(
                span_id=SPAN,
                scores=(Score(name="correctness", value=0.0, source="programmatic", time=GIVEN),),
            ),
            id="zero is a score",
        ),
        pytest.param({"result": {"explanation": "?"}}, NoStep(), id="a note is no score"),
        pytest.param({"name": "note", "result": {"label": "x"}}, NoStep(), id="named so"),
        pytest.param({"document_position": 0}, NoStep(), id="of a retrieved document"),
        pytest.param({"result": None}, NoStep(), id="nothing"),
    ],
)
def test_annotations_become_scores_of_what_they_name(
    fields: dict[str, Any], expected: Addition | NoStep, tmp_path: Path
) -> None:
    """A file of them is recognised, and told to be of months later."""
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps({"data": [annotation(**fields)], "next_cursor": None}))

    assert Openinference().matches(Source(path).head) == 1
    assert read(path) == [expected]


def test_annotations_within_spans_and_traces_are_read_with_them() -> None:
    """As the command line exports them, and as the newest conventions write them."""
    inline = {
        "annotations.0.annotation.name": "helpful",
        "annotations.0.annotation.score": 1,
        "annotations.0.annotation.annotator_kind": "HUMAN",
        "evaluations.0.evaluation.name": "toxic",
        "evaluations.0.evaluation.label": "no",
    }
    span, whole = told(
        {
            "traceId": TRACE,
            "spans": [rest_span(CALL | inline, annotations=[annotation()])],
            "annotations": [annotation(span_id=None, trace_id=TRACE, name="solved")],
        }
    )

    assert isinstance(span, Span)
    assert span.scores == (
        HALF,
        Score(name="helpful", value=1.0, source="human"),
        Score(name="toxic", value="no"),
    )
    assert whole == Addition(
        trace_id=TRACE,
        scores=(Score(name="solved", value=0.5, source="judge", time=GIVEN),),
    )


def test_a_data_frame_of_annotations_is_read(tmp_path: Path) -> None:
    """One row each; rows without a score are no step."""
    row = {
        "span_id": SPAN,
        "annotation_name": "correctness",
        "annotator_kind": "LLM",
        "result.score": 0.5,
        "result.label": "half",
        "created_at": GIVEN,
    }
    path = write_csv(tmp_path / "log.csv", row, row | {"result.score": "nan", "result.label": None})

    assert Openinference().matches(Source(path).head) == 1
    assert read(path) == [Addition(span_id=SPAN, scores=(HALF,)), NoStep()]


def test_an_annotation_of_nothing_or_without_a_number_is_an_issue() -> None:
    """With what is missing."""
    lost, wrong = told([annotation(span_id=None), annotation(result={"score": "high"})])

    assert isinstance(lost, Fault)
    assert isinstance(wrong, Fault)
    assert (lost.reason, lost.pointer) == ("missing", "[0].span_id")
    assert (wrong.reason, wrong.pointer) == ("bad_value", "[1].score")
