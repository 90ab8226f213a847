"""Langfuse's observations: usage, costs, kinds, failures and sessions, each by hand."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.ingest.formats.langfuse_observations import (
    GOLDEN,
    NINE,
    Write,
    observation,
    read_items,
    spans_in,
)

from tracetier.ingest.issue import Issue
from tracetier.ingest.span import Addition, NoStep, Score, Span

TEN = datetime(2026, 10, 6, 10, 0, tzinfo=UTC)


def calls_in(path: Path) -> list[Span]:
    return [span for span in spans_in(read_items(path)) if span.kind == "call"]


@pytest.fixture
def call(write_lines: Write) -> Callable[..., Span]:
    """Read one observation with these fields."""

    def read(**fields: object) -> Span:
        (span,) = spans_in(read_items(write_lines([observation(**fields)])))
        return span

    return read


@pytest.fixture
def issue(write_lines: Write) -> Callable[..., Issue]:
    """Read one observation with these fields, which is refused."""

    def read(**fields: object) -> Issue:
        (found,) = read_items(write_lines([observation(**fields)]))
        assert isinstance(found, Issue)
        return found

    return read


@pytest.mark.parametrize(
    ("name", "n_calls", "n_input", "n_output", "cost_usd"),
    [
        ("claude-agent-2025-12-22", 4, 34, 232, 0.003582),
        ("langgraph-python-2025-08-22", 2, 168, 66, 0.000234),
        ("pydantic-ai-tools-2025-12-04", 4, 1315, 209, 0.00032265),
    ],
)
def test_samples_have_the_numbers_of_their_page(
    name: str, n_calls: int, n_input: int, n_output: int, cost_usd: float, shared: Path
) -> None:
    """Generations only, each once, though the documents hold the observations twice."""
    calls = calls_in(shared / "samples" / "langfuse" / f"{name}.trace.json")

    assert len(calls) == n_calls
    assert sum(span.input_tokens or 0 for span in calls) == n_input
    assert sum(span.output_tokens or 0 for span in calls) == n_output
    assert sum(span.cost_usd or 0 for span in calls) == pytest.approx(cost_usd, rel=1e-8)


def test_scores_of_a_sample_keep_their_names_and_their_late_time(shared: Path) -> None:
    """Which of them are good is not for the reader to say."""
    items = read_items(shared / "samples" / "langfuse" / "claude-agent-2025-12-22.trace.json")
    additions = [item for item in items if isinstance(item, Addition)]
    scores = {score.name: score for addition in additions for score in addition.scores}

    assert {name: score.value for name, score in scores.items()} == {
        "correctness": 0,
        "hallucination": 1,
        "toxicity": 0,
    }
    assert {score.source for score in scores.values()} == {"judge"}
    assert scores["correctness"].time == datetime(2026, 2, 10, 17, 15, 56, 965000, tzinfo=UTC)
    assert {addition.span_id for addition in additions} == {None}


def test_the_latency_column_is_never_read(shared: Path) -> None:
    """Seconds in one export, milliseconds in another: the root took 7.424 s."""
    path = shared / "samples" / "langfuse" / "pydantic-ai-tools-2025-12-04.trace.json"
    (root,) = [span for span in spans_in(read_items(path)) if span.parent_id is None]

    assert root.start is not None
    assert root.end is not None
    assert (root.end - root.start).total_seconds() == pytest.approx(7.424)
    assert root.latency_s is None


def test_agents_and_tools_of_a_sample_are_told_by_their_attributes(shared: Path) -> None:
    """Spans that came through OpenTelemetry say more in their metadata than in their type."""
    path = shared / "samples" / "langfuse" / "pydantic-ai-tools-2025-12-04.trace.json"
    spans = spans_in(read_items(path))
    agents = sorted(
        (span.start or NINE, span.name, span.text[:30]) for span in spans if span.kind == "agent"
    )

    assert [(name, text) for _, name, text in agents] == [
        ("joke_agent", "Select and call THREE of the a"),
        ("joke_agent", "Now write a funny joke about '"),  # not the first text of the first run
        ("evaluator_agent", "Rate this joke:\n\nWhy do progra"),
    ]
    calls = [span for span in spans if span.kind == "call"]
    assert {(span.model_asked, span.model_answered) for span in calls} == {
        ("gpt-4o-mini", "gpt-4o-mini-2024-07-18")
    }
    assert sorted(len(span.tools or ()) for span in calls) == [0, 5, 5, 5]
    assert all(span.response_id for span in calls)


def test_the_golden_rows_give_what_is_worked_by_hand() -> None:
    """A scheduled export with scores among the observations."""
    items = read_items(GOLDEN)
    chat, agent, failed, judge = spans_in(items)

    assert chat == Span(
        trace_id="t1",
        span_id="o2",
        parent_id="o1",
        session_id="s1",
        kind="call",
        name="chat",
        start=NINE.replace(second=1),
        end=NINE.replace(second=3, microsecond=500_000),
        text="Name a bird.",
        task_type="birds",
        tools=["search"],
        model_asked="claude-haiku-4-5-20251001",
        model_answered="claude-haiku-4-5-20251001",
        input_tokens=1005,  # 5 + 1000 from the cache = 1099 - 94
        output_tokens=94,
        cache_read_tokens=1000,
        cache_write_tokens=0,
        cost_usd=0.000575,
        outcome="ok",
    )
    assert (agent.kind, agent.name, agent.text) == ("agent", "namer", "Name a bird.")
    assert (agent.parent_id, agent.input_tokens, agent.cost_usd) == (None, None, None)
    assert (failed.outcome, failed.error_type) == ("error", "RateLimitError")
    assert failed.is_infrastructure_error
    assert (judge.kind, judge.is_judge, judge.input_tokens) == ("group", True, None)
    assert [item for item in items if isinstance(item, Addition)] == [
        Addition(
            trace_id="t1",
            scores=(Score(name="correctness", value=1.0, source="judge", time=TEN),),
        ),
        Addition(
            trace_id="t1",
            span_id="o2",
            scores=(Score(name="tone", value="friendly", source="human", time=TEN),),
        ),
    ]
    issues = [item for item in items if isinstance(item, Issue)]
    assert [(issue.line, issue.reason, issue.pointer) for issue in issues] == [
        (8, "out_of_range", "usageDetails.input"),
        (9, "unknown_record", ""),
    ]
    assert sum(isinstance(item, NoStep) for item in items) == 1  # the comment


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        pytest.param({"input": 9, "output": 3, "total": 12}, (9, 3, None, None), id="plain"),
        pytest.param(
            {"input": 44, "input_cache_read": 64, "output": 51, "total": 159},
            (108, 51, 64, 0),
            id="cache taken out of the input",
        ),
        pytest.param(
            {"input": 108, "input_cached_tokens": 64, "output": 51, "total": 159},
            (108, 51, 64, None),
            id="cache a part of the input",
        ),
        pytest.param(
            {
                "input": 70,
                "input_cache_read": 30,
                "output": 30,
                "output_reasoning": 20,
                "total": 150,
            },
            (100, 50, 30, 0),
            id="reasoning taken out of the output",
        ),
        pytest.param(
            {"input": 100, "output": 50, "output_reasoning": 20, "total": 150},
            (100, 50, None, None),
            id="reasoning a part of the output",
        ),
        pytest.param(
            {"input": 5, "output": 20, "cache_read_input_tokens": 90},
            (95, 20, 90, None),
            id="no total, more cached than input",
        ),
        pytest.param(
            {
                "input": 100,
                "output": 20,
                "total": 120,
                "cache_read_input_tokens": 80,
                "cache_creation_input_tokens": 10,
            },
            (100, 20, 80, 10),
            id="LiteLLM",
        ),
        pytest.param({"output": 20, "total": 120}, (100, 20, None, None), id="no input"),
        pytest.param({"input": "9", "output": "3"}, (9, 3, None, None), id="texts"),
        pytest.param('{"input": 9, "output": 3}', (9, 3, None, None), id="JSON text"),
        pytest.param({"input": 0, "output": 0, "total": 0}, (None,) * 4, id="all 0 is unknown"),
    ],
)
def test_keys_of_usage_are_never_added_blindly(
    details: object, expected: tuple[int | None, ...], call: Callable[..., Span]
) -> None:
    """The total tells whether a detail is a part or stands apart."""
    span = call(usageDetails=details)

    assert (
        span.input_tokens,
        span.output_tokens,
        span.cache_read_tokens,
        span.cache_write_tokens,
    ) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"usage": {"input": 9, "output": 3, "unit": "TOKENS"}},
        {"usage": {"promptTokens": 9, "completionTokens": 3}},
        {"promptTokens": 9, "completionTokens": 3, "totalTokens": 12},
        {"inputUsage": 9, "outputUsage": 3, "totalUsage": 12},
        {"usageDetails": {}, "promptTokens": 9, "completionTokens": 3},
    ],
)
def test_older_fields_tell_the_same(fields: dict[str, object], call: Callable[..., Span]) -> None:
    """Where the details are empty or absent."""
    span = call(**fields)

    assert (span.input_tokens, span.output_tokens) == (9, 3)


@pytest.mark.parametrize(
    ("fields", "cost_usd"),
    [
        ({"costDetails": {"input": 0.1, "output": 0.2, "total": 0.35}}, 0.35),
        ({"costDetails": {"input": 0.1, "output": 0.2}}, 0.3),
        ({"totalCost": 0.35, "costDetails": {}}, 0.35),
        ({"calculatedTotalCost": "0.35"}, 0.35),
        ({"totalCost": 0}, None),
        ({"costDetails": {"total": 0}, "usageDetails": {"input": 5, "output": 5}}, None),
        ({}, None),
    ],
)
def test_a_cost_of_0_is_an_unknown_price(
    fields: dict[str, object], cost_usd: float | None, call: Callable[..., Span]
) -> None:
    """A model that Langfuse cannot price costs it nothing."""
    found = call(**fields).cost_usd

    assert found == (None if cost_usd is None else pytest.approx(cost_usd))


@pytest.mark.parametrize("type_", ["SPAN", "CHAIN", "RETRIEVER", "EMBEDDING", "EVENT"])
def test_what_holds_calls_has_no_numbers_of_its_own(type_: str, call: Callable[..., Span]) -> None:
    """Sums of what is below, or of another kind of model."""
    span = call(type=type_, usageDetails={"input": 9, "output": 3}, totalCost=0.5)

    assert (span.kind, span.input_tokens, span.cost_usd, span.model_asked) == (
        "group",
        None,
        None,
        None,
    )


@pytest.mark.parametrize("type_", ["EVALUATOR", "GUARDRAIL"])
def test_judges_and_guards_are_marked(type_: str, call: Callable[..., Span]) -> None:
    """Model calls below them are not the agent's."""
    span = call(type=type_)

    assert (span.kind, span.is_judge) == ("group", True)


def test_an_agent_keeps_what_it_alone_may_know(call: Callable[..., Span]) -> None:
    """Whether its usage is a sum is for whoever sees the calls below it."""
    span = call(type="AGENT", usageDetails={"input": 9, "output": 3}, totalCost=0.5)

    assert (span.kind, span.input_tokens, span.cost_usd) == ("agent", 9, 0.5)
    assert span.model_asked == "claude-haiku-4-5"


@pytest.mark.parametrize("name", ["LangGraph", "AgentExecutor"])
def test_runs_of_known_frameworks_are_agents(name: str, call: Callable[..., Span]) -> None:
    """They are logged as spans or chains."""
    assert call(type="CHAIN", name=name, model=None).kind == "agent"


def test_a_failure_keeps_no_message(call: Callable[..., Span]) -> None:
    """It quotes the task."""
    span = call(
        level="ERROR", statusMessage="ValueError: cannot name 'a secret bird'", endTime=None
    )

    assert (span.outcome, span.error_type) == ("error", "ValueError")
    assert not span.is_infrastructure_error
    assert call(endTime=None).outcome is None  # still running


@pytest.mark.parametrize(
    ("fields", "session_id"),
    [
        ({"sessionId": "s"}, "s"),
        ({"metadata": {"thread_id": "s"}}, "s"),
        ({"metadata": '{"attributes": {"session.id": "s"}}'}, "s"),
        ({"metadata": {"attributes": {"gen_ai.conversation.id": "s"}}}, "s"),
        ({"metadata": {"attributes": '{"session.id": "s"}'}}, "s"),
        ({"metadata": {"attributes": [1], "thread_id": 5}}, None),
        ({"sessionId": "", "metadata": {}}, None),
    ],
)
def test_the_session_is_found(
    fields: dict[str, object], session_id: str | None, call: Callable[..., Span]
) -> None:
    """In the observation's own metadata where the trace names none."""
    assert call(**fields).session_id == session_id


@pytest.mark.parametrize(
    ("fields", "reason", "pointer"),
    [
        ({"startTime": "soon"}, "bad_value", "startTime"),
        ({"usageDetails": {"input": 1e300}}, "out_of_range", "usageDetails.input"),
        ({"usageDetails": {"input": "many"}}, "bad_value", "usageDetails.input"),
        ({"totalCost": "dear"}, "bad_value", "totalCost"),
        ({"costDetails": {"total": -1}}, "out_of_range", "costDetails.total"),
        ({"id": None}, "missing", "id"),
        ({"name": ["a"]}, "bad_value", "name"),
    ],
)
def test_what_cannot_be_is_one_issue(
    fields: dict[str, object], reason: str, pointer: str, issue: Callable[..., Issue]
) -> None:
    """With its place."""
    found = issue(**fields)

    assert (found.line, found.reason, found.pointer) == (1, reason, pointer)
