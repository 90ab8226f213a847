"""Runs of LangSmith: lines, lists, batches of starts and ends, bulk exports, feedback."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tracetier.ingest.formats._langsmith_run import Run, merged
from tracetier.ingest.formats.langsmith import Item, LangSmith
from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import Addition, NoStep, Score, Span

Write = Callable[..., Path]
GOLDEN = Path(__file__).parents[2] / "golden" / "ingest" / "langsmith" / "input.jsonl"
NINE = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)


def _read(path: Path) -> list[Item]:
    return list(LangSmith().read(Source(path), Context()))


def _spans(path: Path) -> list[Span]:
    return [item for item in _read(path) if isinstance(item, Span)]


def _run(**fields: object) -> dict[str, Any]:
    plain = {
        "id": "r1",
        "trace_id": "r1",
        "name": "ChatOpenAI",
        "run_type": "llm",
        "start_time": "2026-10-05T09:00:00",
        "end_time": "2026-10-05T09:00:02",
        "inputs": {"messages": [{"role": "user", "content": "Name a bird."}]},
        "extra": {"metadata": {"ls_model_name": "gpt-4o"}},
        "status": "success",
    }
    return plain | fields


@pytest.fixture
def run(write_lines: Write) -> Callable[..., Span]:
    """Read one run with these fields."""

    def read(**fields: object) -> Span:
        (span,) = _spans(write_lines([_run(**fields)]))
        return span

    return read


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("langsmith_py_wrap_openai_stream", 1.328441),
        ("langsmith_js_wrap_openai_default", 1.115),  # its patch has no id, its times are in ms
    ],
)
def test_a_recorded_batch_is_one_run(name: str, seconds: float, shared: Path) -> None:
    """Start and end are merged by id, or by the last place in the dotted order."""
    (span,) = _read(shared / "samples" / "langsmith" / f"{name}.json")

    assert isinstance(span, Span)
    assert span.start is not None
    assert span.end is not None
    assert (span.end - span.start).total_seconds() == pytest.approx(seconds)
    assert (span.kind, span.text, span.outcome) == ("call", "howdy", "ok")
    assert (span.model_asked, span.model_answered) == ("gpt-4o-mini", "gpt-4o-mini-2024-07-18")
    assert (span.input_tokens, span.output_tokens, span.cache_read_tokens) == (9, 9, 0)
    assert (span.response_id or "").startswith("chatcmpl-")
    assert span.parent_id is None


def test_a_root_run_has_the_thread_as_session_and_no_sums(shared: Path) -> None:
    """Its ``session_id`` is the project; the score in its outputs is the app's own affair."""
    (span,) = _spans(shared / "samples" / "langsmith" / "run_read.json")

    assert span.session_id == "b993fc79-a74d-4b14-8ffb-567aa03e68f3"
    assert (span.kind, span.name, span.text) == ("agent", "LangGraph", "what is siteharvester?")
    assert (span.input_tokens, span.cost_usd, span.scores) == (None, None, ())
    assert span.start == datetime(2026, 2, 16, 1, 35, 18, 573255, tzinfo=UTC)


def test_the_golden_runs_give_what_is_worked_by_hand() -> None:
    """A run with a call, a tool, a call that failed, and feedback."""
    root, chat, tool, failed, feedback, issue = _read(GOLDEN)

    assert isinstance(root, Span)
    assert (root.kind, root.session_id, root.cost_usd) == ("agent", "th-1", None)
    assert root.scores == (
        Score(name="correctness", value=0.5),
        Score(name="tone", value="kind"),
    )  # labels that do not agree are no score
    assert chat == Span(
        trace_id="r1",
        span_id="r2",
        parent_id="r1",
        session_id="th-1",
        kind="call",
        name="ChatAnthropic",
        start=NINE.replace(second=1),
        end=NINE.replace(second=2),
        text="Name a bird.",
        tools=["search"],
        model_asked="claude-haiku-4-5",
        model_answered="claude-haiku-4-5-20251001",
        response_id="msg_1",
        input_tokens=100,
        output_tokens=20,
        cache_read_tokens=80,
        cost_usd=0.000205,
        outcome="ok",
    )
    assert isinstance(tool, Span)
    assert (tool.kind, tool.outcome, tool.error_type) == ("tool", "error", "ValueError")
    assert isinstance(failed, Span)
    assert (failed.error_type, failed.is_infrastructure_error) == ("OverloadedError", True)
    assert failed.cost_usd is None
    assert feedback == Addition(
        trace_id="r1",
        span_id="r2",
        scores=(
            Score(
                name="correctness",
                value=1.0,
                source="human",
                time=datetime(2026, 10, 6, 10, 0, tzinfo=UTC),
            ),
        ),
    )
    assert isinstance(issue, Issue)
    assert (issue.line, issue.reason, issue.pointer) == (6, "bad_value", "start_time")


def test_a_run_in_two_batches_is_handed_out_when_it_is_whole(write_lines: Write) -> None:
    """What never ends comes last, with the line of its start."""
    start = _run(end_time=None, outputs={})
    lost = _run(id="r9", trace_id="r9", end_time=None)
    whole = _run(id="r3", trace_id="r3")
    end = {"id": "r1", "end_time": "2026-10-05T09:00:02", "outputs": {"model": "gpt-4o-2024-08-06"}}
    path = write_lines([{"post": [start, lost]}, {"post": [whole], "patch": []}, {"patch": [end]}])
    source = Source(path)
    found = [
        (item.span_id, source.line, item.outcome, item.model_answered)
        for item in LangSmith().read(source, Context())
        if isinstance(item, Span)
    ]

    assert found == [
        ("r3", 2, "ok", "gpt-4o"),
        ("r1", 3, "ok", "gpt-4o-2024-08-06"),
        ("r9", 1, None, "gpt-4o"),
    ]


def test_the_end_of_an_unknown_run_is_an_issue(write_lines: Write) -> None:
    """Unless it tells all that a run has."""
    patch = {"id": "r7", "trace_id": "r7", "end_time": "2026-10-05T09:00:02"}
    issue, span = _read(write_lines([{"patch": [patch, _run()]}]))

    assert isinstance(issue, Issue)
    assert (issue.reason, issue.pointer) == ("no_start", "patch")
    assert isinstance(span, Span)


def test_what_the_end_leaves_open_stays_as_it_was() -> None:
    """Empty objects and lists say nothing."""
    start = Run(id="a", inputs={"x": 1}, tags=["t"], name="chat")
    run = merged(start, Run(id="a", inputs={}, tags=[], outputs={"y": 2}))

    assert (run.inputs, run.tags, run.outputs, run.name) == ({"x": 1}, ["t"], {"y": 2}, "chat")


@pytest.mark.parametrize("run_type", ["chain", "retriever", "embedding", "prompt", "parser"])
def test_parents_hold_sums_which_are_left_out(run_type: str, run: Callable[..., Span]) -> None:
    """Counts and costs are those of llm runs only."""
    span = run(run_type=run_type, prompt_tokens=9, completion_tokens=3, total_cost="0.5")

    assert (span.kind, span.input_tokens, span.cost_usd) == ("group", None, None)


@pytest.mark.parametrize(
    "outputs",
    [
        {"usage_metadata": {"input_tokens": 9, "output_tokens": 3}},
        {"llm_output": {"token_usage": {"prompt_tokens": 9, "completion_tokens": 3}}},
        {"llm_output": {"usage": {"input_tokens": 9, "output_tokens": 3}}},
        {
            "generations": [
                [
                    {
                        "message": {
                            "kwargs": {"usage_metadata": {"input_tokens": 9, "output_tokens": 3}}
                        }
                    }
                ]
            ]
        },
        {"usage": {"prompt_tokens": 9, "completion_tokens": 3}},
    ],
)
def test_usage_is_found_in_the_outputs(outputs: object, run: Callable[..., Span]) -> None:
    """Where the run's own columns are empty; also as JSON text."""
    for held in (outputs, json.dumps(outputs)):
        span = run(outputs=held, prompt_tokens=0, completion_tokens=None)
        assert (span.input_tokens, span.output_tokens) == (9, 3)


def test_the_columns_win_over_the_outputs(run: Callable[..., Span]) -> None:
    """They are what LangSmith itself counts and bills by."""
    usage = {"usage_metadata": {"input_tokens": 1, "output_tokens": 1}}
    span = run(
        prompt_tokens=5,
        completion_tokens=20,
        total_tokens=115,
        prompt_token_details={"cache_read": 80, "cache_creation": 10},
        outputs=usage,
    )

    assert (span.input_tokens, span.output_tokens) == (95, 20)
    assert (span.cache_read_tokens, span.cache_write_tokens) == (80, 10)


@pytest.mark.parametrize("name", ["thread_id", "session_id", "conversation_id"])
def test_the_session_is_in_the_metadata(name: str, run: Callable[..., Span]) -> None:
    """Never the run's own ``session_id``."""
    extra = {"metadata": {name: "s"}}

    assert run(session_id="project", extra=extra).session_id == "s"
    assert run(session_id="project", extra={"metadata": {}}).session_id is None


@pytest.mark.parametrize(
    ("fields", "outcome", "error_type", "is_infrastructure"),
    [
        ({"error": "RateLimitError('x')"}, "error", "RateLimitError", True),
        ({"error": "CancelledError()"}, "cancelled", "CancelledError", True),
        ({"error": "ValueError('x')"}, "error", "ValueError", False),
        ({"status": "error"}, "error", None, False),
        ({"error": "GraphInterrupt((Interrupt(value='go on?'),))"}, "ok", None, False),
        ({"error": None}, "ok", None, False),
        ({"status": "pending", "end_time": None}, None, None, False),
    ],
)
def test_how_a_run_ended(
    fields: dict[str, object],
    outcome: str | None,
    error_type: str | None,
    is_infrastructure: bool,
    run: Callable[..., Span],
) -> None:
    """Waiting for a person is no failure."""
    span = run(**fields)

    assert (span.outcome, span.error_type) == (outcome, error_type)
    assert span.is_infrastructure_error is is_infrastructure


def test_agents_evaluators_and_examples(run: Callable[..., Span]) -> None:
    """A run of a named agent, a run of a judge, a run over an example of a data set."""
    named = {"metadata": {"lc_agent_name": "namer"}}

    assert run(run_type="chain", name="namer", extra=named).kind == "agent"
    assert run(run_type="chain", name="step", extra=named).kind == "group"
    judge = run(session_name="evaluators")
    assert (judge.kind, judge.is_judge, judge.input_tokens) == ("group", True, None)
    assert run(reference_example_id="e1").task_id == "e1"


def test_ids_are_read_from_the_dotted_order(write_lines: Write) -> None:
    """Where nothing else names the parent or the trace."""
    order = "20261005T090000000000Za.20261005T090001000000Zb.20261005T090002000000Zc"
    (span,) = _spans(
        write_lines([_run(id=None, trace_id=None, parent_run_id=None, dotted_order=order)])
    )

    assert (span.trace_id, span.parent_id, span.span_id) == ("a", "b", "c")


def test_runs_come_as_lists_pages_and_trees(tmp_path: Path) -> None:
    """Each known by its number."""
    child = _run(id="r2", parent_run_id="r1")
    texts = {
        "list": json.dumps([_run(), child]),
        "page": json.dumps({"runs": [_run(), child], "cursors": {}}, indent=1),
        "tree": json.dumps(_run(child_runs=[child]), indent=1),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        assert LangSmith().matches(Source(tmp_path / name).head) == 1, name
        assert [span.span_id for span in _spans(tmp_path / name)] == ["r1", "r2"], name


def test_a_bulk_export_says_the_same_as_lines(tmp_path: Path) -> None:
    """Its objects are JSON texts, its times times."""
    lines = [json.loads(line) for line in GOLDEN.read_text().strip().split("\n")[:4]]
    names = (
        "id",
        "trace_id",
        "parent_run_id",
        "dotted_order",
        "name",
        "run_type",
        "status",
        "error",
    )
    objects = ("extra", "inputs", "outputs", "prompt_token_details", "feedback_stats")
    columns: dict[str, Any] = {name: [line.get(name) for line in lines] for name in names}
    columns |= {
        name: [json.dumps(line[name]) if name in line else None for line in lines]
        for name in objects
    }
    columns |= {
        name: [datetime.fromisoformat(line[name]) for line in lines]
        for name in ("start_time", "end_time")
    }
    columns |= {
        name: [line.get(name) for line in lines]
        for name in ("prompt_tokens", "completion_tokens", "total_tokens", "total_cost")
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")

    assert LangSmith().matches(Source(tmp_path / "a.parquet").head) == 1
    assert _spans(tmp_path / "a.parquet") == _spans(GOLDEN)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"prompt_tokens": -5, "completion_tokens": 1}, "prompt_tokens"),
        ({"total_cost": "dear"}, "total_cost"),
        ({"outputs": {"usage": {"prompt_tokens": "x"}}}, "outputs.usage.prompt_tokens"),
        ({"end_time": [1]}, "end_time"),
        ({"name": 5}, "name"),
        ({"id": None, "dotted_order": None}, "id"),
    ],
)
def test_what_cannot_be_is_one_issue(
    fields: dict[str, object], pointer: str, write_lines: Write
) -> None:
    """And the run after it is read."""
    issue, span = _read(write_lines([_run(**fields), _run(id="r2")]))

    assert isinstance(issue, Issue)
    assert (issue.line, issue.pointer) == (1, pointer)
    assert isinstance(span, Span)


def test_feedback_without_a_verdict_is_no_step(write_lines: Write) -> None:
    """A comment; and a score that is none is told."""
    base = {"key": "note", "run_id": "r1", "trace_id": "r1", "feedback_source": {"type": "api"}}
    path = write_lines(
        [
            base | {"score": None, "value": None, "comment": "nice"},
            base | {"score": None, "value": "good"},
            base | {"score": [1]},
            base | {"score": True},
        ]
    )
    nothing, label, issue, verdict = _read(path)

    assert LangSmith().matches(Source(path).head) == 1
    assert nothing == NoStep()
    assert label == Addition(
        trace_id="r1", span_id="r1", scores=(Score(name="note", value="good"),)
    )
    assert isinstance(issue, Issue)
    assert verdict == Addition(
        trace_id="r1", span_id="r1", scores=(Score(name="note", value=True),)
    )
