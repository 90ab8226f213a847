"""The numbers that a correct reader finds in the samples, as their README tells them.

What the README says in numbers is taken from its table, so that a sample that changes is checked
by its new numbers; what it says in words is said here again. Rows are taken before they are given
a tier, since some samples tell no model, which a table needs and a sum does not.
"""

import re
from collections import Counter
from pathlib import Path

import pytest

from tracetier.ingest.assemble.judge import NO_MAP
from tracetier.ingest.assemble.score_tally import ScoreTally
from tracetier.ingest.registry import Context, detect_format
from tracetier.ingest.resolve import Resolver
from tracetier.ingest.run import ingest
from tracetier.ingest.source import Source
from tracetier.ingest.span import Addition, Score, Span
from tracetier.ingest.steps import StepRow, Steps
from tracetier.ingest.told import invocations
from tracetier.records import Invocation, Level
from tracetier.table import read_table

HEADING = "## Numbers to check a reader against"
TOLD = {
    "calls": r"([\d,]+) (?:LLM )?(?:calls?|generations|LLM spans|LLM)\b",
    "input": r"([\d,]+) (?:in\b(?! sub-agents)|prompt of)",
    "output": r"([\d,]+) out\b|output ([\d,]+)",
    "cached": r"cache read ([\d,]+)|of which ([\d,]+) cached",
    "cost": r"USD ([\d.]+)",
}
PATHS = {  # what the README's short names stand for
    "langfuse/claude-agent-2025-12-22": "langfuse/claude-agent-2025-12-22.trace.json",
    "langfuse/langgraph-python-2025-08-22": "langfuse/langgraph-python-2025-08-22.trace.json",
    "langfuse/pydantic-ai-tools-2025-12-04": "langfuse/pydantic-ai-tools-2025-12-04.trace.json",
    "openhands/7510150b_f25_*": "openhands/7510150b_f25_state.json",
}
IN_WORDS = (  # rows whose numbers are checked one by one below
    "claude_code/split_layout_v2.1/",
    "litellm/*.jsonl, *.json",
    "inspect_ai/...security-guide.json",
    "inspect_ai/...popularity.json",
    "inspect_ai/...popularity....eval",
    "langsmith/langsmith_py_wrap_openai_stream.json",
    "swe_agent/pydicom__pydicom-1458.traj",
    "tau_bench/gpt-4o-airline.first.json",
    "router_tables/",
)
INSPECT = "inspect_ai/2025-05-12T20-28-26-04-00_security-guide.json"


class Found:
    """What is read of one file: its steps, and the rows that they make at a level."""

    def __init__(self, path: Path, level: Level = "call") -> None:
        source = Source(path)
        found = detect_format(source.head)
        items = [(item, source.line) for item in found.read(source, Context())]
        steps = Steps(
            level, price=Resolver(None).price, judges=NO_MAP, tally=ScoreTally(NO_MAP.scores)
        )
        told = [item for item, _ in invocations(items, steps)]
        self.spans = [item for item, _ in items if isinstance(item, Span)]
        self.n_steps = Counter(span.kind for span in self.spans)
        self.scores = [score for item, _ in items for score in _scores(item)]
        self.rows = [item.row for item in told if isinstance(item, StepRow)]
        self.rows += [item for item in told if isinstance(item, Invocation)]
        self.notes = steps.notes

    def total(self, column: str) -> float | None:
        known = [value for row in self.rows if (value := getattr(row, column)) is not None]
        return sum(known) if known else None


def _scores(item: object) -> tuple[Score, ...]:
    return item.scores if isinstance(item, Span | Addition) else ()


@pytest.fixture(scope="session")
def samples(shared: Path) -> Path:
    return shared / "samples"


@pytest.fixture(scope="session")
def numbers(samples: Path) -> dict[str, dict[str, float]]:
    """The README's table: file → what it says in numbers."""
    text = (samples / "README.md").read_text()
    lines = text[text.index(HEADING) :].splitlines()
    cells = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")][2:]
    return {cell[0].strip(): _told(cell[1]) for cell in cells}


def _told(text: str) -> dict[str, float]:
    found = {name: re.search(pattern, text) for name, pattern in TOLD.items()}
    return {
        name: float(next(filter(None, match.groups())).replace(",", ""))
        for name, match in found.items()
        if match
    }


def test_the_numbers_of_the_table_are_found(
    samples: Path, numbers: dict[str, dict[str, float]]
) -> None:
    """Calls, tokens in, out and cached, and USD, in every row that tells them."""
    columns = {
        "input": "y_input_tokens",
        "output": "y_output_tokens",
        "cached": "y_cache_read_tokens",
        "cost": "y_cost_usd",
    }
    wrong = []
    n_checked = 0
    for name, told in numbers.items():
        if name in IN_WORDS or not told:
            continue
        calls = Found(samples / PATHS.get(name, name))
        for what, expected in told.items():
            got = len(calls.rows) if what == "calls" else calls.total(columns[what])
            n_checked += 1
            if got != pytest.approx(expected, abs=1e-6):
                wrong.append(f"{name}: {what} {got}, expected {expected:g}")

    assert wrong == []
    assert n_checked >= 35


def test_every_row_of_the_table_is_checked(numbers: dict[str, dict[str, float]]) -> None:
    """A row whose numbers are not understood would pass unseen."""
    assert [name for name, told in numbers.items() if not told and name not in IN_WORDS] == []
    assert set(IN_WORDS) <= set(numbers)


@pytest.mark.parametrize(
    "name",
    [
        "otel_genai/strands_bedrock_claude.otlp.json",
        "otel_genai/pydantic_ai_delegation.otlp.json",
        "otel_genai/kagent_tempo_batches.json",
        "openinference_phoenix/openai_agents_openinference.otlp.jsonl",
        "openinference_phoenix/phoenix_rest_spans_subagent.json",
        "claude_code/session_tasks_v1.0.98.jsonl",
        "claude_code/split_layout_v2.1",
        "litellm/spend_logs_rows.json",
        "langfuse/claude-agent-2025-12-22.trace.json",
        "mlflow/trace_ok_with_feedback.json",
        "openhands/7510150b_f25_state.json",
        INSPECT,
    ],
)
def test_the_table_holds_what_the_steps_do_at_both_levels(
    name: str, samples: Path, tmp_path: Path
) -> None:
    """Through files, tiers, prices and Parquet nothing is lost; runs sum up their calls once."""
    sums = []
    levels: tuple[Level, ...] = ("call", "agent_run")
    for level in levels:
        place = tmp_path / level
        summary = ingest(samples / name, place, level=level)
        table = read_table(place)
        columns = ("y_input_tokens", "y_output_tokens", "y_cache_read_tokens", "y_cost_usd")
        sums.append([sum(filter(None, table[column].to_pylist())) for column in columns])
        assert summary.n_records == (
            summary.n_read + summary.n_no_step + summary.n_rejected + summary.n_duplicates
        )
        assert summary.n_rejected == 0

    assert sums[0] == pytest.approx(sums[1])


def test_strands_is_one_run_with_three_tools(samples: Path) -> None:
    """The run's own total is not added to its calls."""
    runs = Found(samples / "otel_genai/strands_bedrock_claude.otlp.json", "agent_run")

    assert len(runs.rows) == 1
    assert runs.n_steps["tool"] == 3


def test_a_helper_run_is_below_the_run_that_asked_it(samples: Path) -> None:
    """Each reports its own conversation, so these do not tell."""
    name = "otel_genai/pydantic_ai_delegation.otlp.json"
    boss, helper = Found(samples / name, "agent_run").rows

    assert boss.parent_id is None
    assert helper.parent_id == boss.span_id


def test_phoenix_rows_hang_together(samples: Path) -> None:
    """The second agent is below the first through a tool; "None" is no id."""
    rest = Found(samples / "openinference_phoenix/phoenix_rest_spans_subagent.json", "agent_run")
    frame = Found(samples / "openinference_phoenix/phoenix_spans_dataframe.csv")
    by_id = {row.span_id: row for row in rest.rows}
    (below,) = (row for row in rest.rows if row.parent_id is not None)

    assert rest.n_steps["agent"] == 2
    assert rest.n_steps["tool"] == 18
    assert below.parent_id in by_id
    assert frame.n_steps["call"] == 13
    assert sum(row.model is None for row in frame.rows) == 1
    assert frame.n_steps["group"] == 13
    assert "None" not in {span.parent_id for span in frame.spans}


def test_claude_code_sub_agents_are_runs_of_their_own(samples: Path) -> None:
    """52 of the 55 calls are theirs; two of the three tasks are finished."""
    calls = Found(samples / "claude_code/session_tasks_v1.0.98.jsonl")
    runs = Found(samples / "claude_code/session_tasks_v1.0.98.jsonl", "agent_run")
    below = {span.span_id: span for span in runs.spans if span.kind == "agent"}
    seconds = {row.span_id: row.y_latency_s or 0 for row in runs.rows}
    finished = [seconds[id_] for id_, span in below.items() if span.end is not None]

    assert sum(row.task_type == "general-purpose" for row in calls.rows) == 52
    assert len(below) == 3
    assert sorted(finished) == pytest.approx([45.6, 174.7], abs=0.1)


def test_a_session_takes_in_the_files_of_its_sub_agents(samples: Path, tmp_path: Path) -> None:
    """One call over four lines, and one of each of six files; one file more is not there."""
    summary = ingest(samples / "claude_code/split_layout_v2.1", tmp_path / "t", level="call")
    table = read_table(tmp_path / "t")

    assert table.num_rows == 7
    assert summary.issues == {"missing_part": 1}


@pytest.mark.parametrize("name", ["spend_logs_rows.json", "standard_logging_payload.jsonl"])
def test_litellm_costs_of_nothing_are_unknown(name: str, samples: Path) -> None:
    """Tokens were used, so the price was not known: none is logged as 0."""
    found = Found(samples / "litellm" / name)

    assert len(found.rows) == 4
    assert all(row.y_cost_usd != 0 for row in found.rows)
    assert any(span.cost_usd is None for span in found.spans)
    assert all(span.cost_usd != 0 for span in found.spans)


def test_scores_are_told_apart_and_never_averaged(samples: Path) -> None:
    """Without a map no quality comes of them."""
    found = Found(samples / "langfuse/claude-agent-2025-12-22.trace.json", "agent_run")

    assert {score.name: score.value for score in found.scores} == {
        "correctness": 0,
        "hallucination": 1,
        "toxicity": 0,
    }
    assert [row.y_quality for row in found.rows] == [None]


def test_langfuse_times_are_of_the_ends_and_not_of_a_field(samples: Path) -> None:
    """Latency is in milliseconds here, and in seconds elsewhere."""
    found = Found(samples / "langfuse/pydantic-ai-tools-2025-12-04.trace.json")
    (root,) = (span for span in found.spans if span.parent_id is None)
    assert root.start is not None
    assert root.end is not None

    assert (root.end - root.start).total_seconds() == pytest.approx(7.424)


@pytest.mark.parametrize("language", ["py_wrap_openai_stream", "js_wrap_openai_default"])
def test_a_run_that_is_posted_and_patched_is_one(language: str, samples: Path) -> None:
    """The patch of the JavaScript client has no id but in its dotted order."""
    assert len(Found(samples / f"langsmith/langsmith_{language}.json").rows) == 1


def test_the_graders_tokens_are_not_the_agents(samples: Path) -> None:
    """Sample 1 of the guide: 61 in and 17 out; the grader's 259 and 292 are its own."""
    found = Found(samples / INSPECT)
    first = found.rows[0]

    assert (first.y_input_tokens, first.y_output_tokens) == (61, 17)
    assert [row.y_quality for row in found.rows] == [1, 1, 1]


def test_a_cancelled_log_keeps_its_scores_and_one_without_scores_has_none(samples: Path) -> None:
    """C, C, I; and ten samples of unknown quality."""
    scored = Found(samples / "inspect_ai/2025-05-12T20-28-13-04-00_popularity.json")
    (name,) = (samples / "inspect_ai").glob("*.eval")
    unscored = Found(name)

    assert [row.y_quality for row in scored.rows] == [1, 1, 0]
    assert [row.y_quality for row in unscored.rows] == [None] * 10


def test_the_agents_sdk_tells_three_traces(samples: Path) -> None:
    """Turn and task spans repeat the usage of the calls."""
    found = Found(samples / "openai_agents_sdk/traces.jsonl")

    assert len({row.trace_id for row in found.rows}) == 3


def test_openhands_events_are_part_of_the_state(samples: Path) -> None:
    """They hold the first 17 calls, which the state tells with their tokens."""
    events = Found(samples / "openhands/7510150b_f25_events.json")

    assert events.rows == []


def test_a_submitted_run_is_not_a_solved_one(samples: Path) -> None:
    """12 calls, whose 122,612 tokens in all are of the run."""
    name = "swe_agent/pydicom__pydicom-1458.traj"
    (run,) = Found(samples / name, "agent_run").rows

    assert len(Found(samples / name).rows) == 12
    assert run.y_input_tokens == 122_612
    assert run.y_cost_usd == pytest.approx(1.26719, abs=1e-5)
    assert run.y_quality is None


def test_tau_bench_runs_succeed_by_their_reward(samples: Path) -> None:
    """Ten runs, and only task 6 is solved; what the simulated user cost is not the agent's."""
    runs = Found(samples / "tau_bench/gpt-4o-airline.first.json", "agent_run").rows
    solved = [row for row in runs if row.y_quality == 1]

    assert len(runs) == 10
    assert [row.task_id.rpartition(":")[2].rpartition("/")[2] for row in solved] == ["6"]
    assert [row.y_cost_usd for row in runs] == [None] * 10


def test_feedback_is_a_score_and_an_expectation_is_none(samples: Path) -> None:
    """It is what the answer is compared with."""
    found = Found(samples / "mlflow/trace_ok_with_feedback.json")

    assert [(score.name, score.value) for score in found.scores] == [("correctness", True)]


@pytest.mark.parametrize(
    ("name", "n_rows", "n_tasks"),
    [
        ("routellm_gsm8k_responses.csv", 202 * 2, 202),
        ("paretobandit_val.jsonl", 203 * 3, 203),
        ("routerarena_claude3haiku.jsonl", 80, 80),
        ("llmrouter_queries.jsonl", 0, 0),
    ],
)
def test_router_tables_give_a_row_for_each_model(
    name: str, n_rows: int, n_tasks: int, samples: Path
) -> None:
    """Queries alone have no outcome."""
    rows = Found(samples / "router_tables" / name).rows

    assert len(rows) == n_rows
    assert len({row.task_id for row in rows}) == n_tasks
