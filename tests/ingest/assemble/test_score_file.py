"""Outcomes of the user's, joined by any id."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tracetier.errors import RecordError
from tracetier.ingest.assemble.assemble import assemble
from tracetier.ingest.assemble.judge import Judges, given_quality, read_judges
from tracetier.ingest.assemble.score_file import ScoreFile, read_score_file
from tracetier.ingest.assemble.score_map import ScoreMap, ScoreRule
from tracetier.ingest.span import Score, Span
from tracetier.records import Invocation

Step = Callable[..., Span]
NO_RULES = ScoreMap({})


@pytest.fixture
def outcomes(tmp_path: Path) -> Callable[..., ScoreFile]:
    """Write and read a file of outcomes."""

    def read(*rows: dict[str, Any], scores: ScoreMap = NO_RULES) -> ScoreFile:
        path = tmp_path / "outcomes.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return read_score_file(path, scores)

    return read


def _qualities(given: ScoreFile, spans: list[Span], level: Any = "call") -> dict[str, Any]:
    rows = assemble(spans, level, judges=Judges(NO_RULES, given)).rows
    return {row.span_id or "": row.y_quality for row in rows}


@pytest.fixture
def run(step: Step) -> list[Span]:
    """An agent of two calls, with an outcome of its own in the log."""
    own = Score(name="reward", value=0, low=0, high=1, better="high")
    return [
        step("agent", "run", None, 0, 9, session_id="s", task_id="k", scores=(own,)),
        step("call", "a", "run", 1, 2, model_asked="m", response_id="ra"),
        step("call", "b", "run", 3, 4, model_asked="m", response_id="rb"),
    ]


@pytest.mark.parametrize(
    ("ids", "calls", "runs"),
    [
        pytest.param({"span_id": "a"}, {"a": 0.8, "b": None}, {"run": 0.0}, id="a step"),
        pytest.param(
            {"observationId": "a", "traceId": "t"},
            {"a": 0.8, "b": None},
            {"run": 0.0},
            id="its names",
        ),
        pytest.param(
            {"span_id": "a", "trace_id": "x"}, {"a": None, "b": None}, {"run": 0.0}, id="another's"
        ),
        pytest.param({"response_id": "rb"}, {"a": None, "b": 0.8}, {"run": 0.0}, id="an answer"),
        pytest.param({"span_id": "run"}, {"a": None, "b": None}, {"run": 0.8}, id="a run"),
        pytest.param({"trace_id": "t"}, {"a": 0.8, "b": 0.8}, {"run": 0.8}, id="a trace"),
        pytest.param({"task_id": "k"}, {"a": 0.8, "b": None}, {"run": 0.8}, id="a task"),
        pytest.param({"session_id": "s"}, {"a": 0.8, "b": 0.8}, {"run": 0.8}, id="a session"),
    ],
)
def test_an_outcome_counts_for_what_its_id_names(
    outcomes: Callable[..., ScoreFile],
    run: list[Span],
    ids: dict[str, str],
    calls: dict[str, float | None],
    runs: dict[str, float],
) -> None:
    """8 of 10. It goes before the run's own; a call's says nothing of a run that has one."""
    given = outcomes({"quality": 8, **ids})

    assert _qualities(given, run) == calls
    assert _qualities(given, run, "agent_run") == runs


def test_the_narrower_id_goes_first(outcomes: Callable[..., ScoreFile], run: list[Span]) -> None:
    """A step before its trace, a trace before its session, whatever their order."""
    given = outcomes(
        {"session_id": "s", "quality": 1},
        {"trace_id": "t", "quality": 2},
        {"span_id": "a", "quality": 3},
    )

    assert _qualities(given, run) == {"a": 0.3, "b": 0.2}


def test_the_later_outcome_counts_and_keeps_its_time(
    outcomes: Callable[..., ScoreFile], run: list[Span]
) -> None:
    """By its time; without one, by its place in the file."""
    given = outcomes(
        {"span_id": "a", "quality": 9, "time": "2026-03-01T00:00:00Z", "source": "human"},
        {"span_id": "a", "quality": 1, "time": "2026-02-01", "source": "human"},
        {"span_id": "b", "success": False},
        {"span_id": "b", "success": True},
    )
    rows = {row.span_id: row for row in assemble(run, "call", judges=Judges(NO_RULES, given)).rows}

    assert (rows["a"].y_quality, rows["a"].y_quality_source) == (0.9, "human")
    assert rows["a"].y_quality_time == datetime(2026, 3, 1, tzinfo=UTC)
    assert (rows["b"].y_quality, rows["b"].y_quality_name) == (1.0, "success")


def test_named_scores_and_columns_go_by_the_map(outcomes: Callable[..., ScoreFile]) -> None:
    """``name`` and ``value``, or a column that is called like a score of the map."""
    scores = ScoreMap({"toxicity": ScoreRule(better="low", low=0, high=1)})
    given = outcomes(
        {"trace_id": "1", "name": "toxicity", "value": 0.25},
        {"trace_id": "2", "toxicity": "0.5"},
        {"trace_id": "3", "name": "unknown", "value": 1},
        scores=scores,
    )
    rows = [Invocation(trace_id=str(i), task_id="k", y_quality=0.125) for i in range(1, 5)]
    judged = [given_quality(Judges(scores, given), row) for row in rows]

    assert [row.y_quality for row in judged] == [0.75, 0.5, 0.125, 0.125]


def test_rows_that_say_nothing_are_issues(outcomes: Callable[..., ScoreFile]) -> None:
    """With their line; the others count."""
    given = outcomes(
        {"quality": 5},
        {"trace_id": "t"},
        {"trace_id": "t", "quality": 11},
        {"trace_id": "t", "quality": "good"},
        {"trace_id": "t", "quality": 5},
    )

    assert (given.n_rows, given.n_keys) == (1, 1)
    assert [(issue.line, issue.reason) for issue in given.issues] == [
        (1, "missing"),
        (2, "missing"),
        (3, "out_of_range"),
        (4, "bad_value"),
    ]


def test_a_file_without_any_outcome_is_refused(outcomes: Callable[..., ScoreFile]) -> None:
    """It was given by mistake; the message says what it should hold."""
    with pytest.raises(RecordError, match=r"no row of .* holds an id \(span_id.*row has no id"):
        outcomes({"prompt": "Fix it."})


def test_what_was_met_in_the_logs_is_known(
    outcomes: Callable[..., ScoreFile], run: list[Span]
) -> None:
    """For the account: here one of two."""
    given = outcomes({"span_id": "a", "quality": 1}, {"trace_id": "x", "quality": 1})
    _qualities(given, run)

    assert given.used == {("span_id", "", "a")}
    assert given.n_keys == 2


def test_scores_that_a_tool_exports_are_read_by_their_format(
    tmp_path: Path, run: list[Span]
) -> None:
    """Annotations of spans, as Phoenix gives them."""
    path = tmp_path / "annotations.json"
    annotation = {
        "span_id": "a",
        "name": "good",
        "annotator_kind": "HUMAN",
        "result": {"score": 1, "label": "yes", "explanation": None},
    }
    path.write_text(json.dumps({"data": [annotation], "next_cursor": None}))
    rules = {"good": {"better": "high", "low": 0, "high": 1}}
    judges = read_judges(scores=path, scores_map=rules)
    rows = {row.span_id: row for row in assemble(run, "call", judges=judges).rows}

    assert (rows["a"].y_quality, rows["a"].y_quality_source) == (1.0, "human")
