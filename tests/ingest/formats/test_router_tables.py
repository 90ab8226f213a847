"""Tables of offline answers by several models: whose outcome, and nothing computed from it."""

from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context, Format
from tracetier.ingest.source import Source
from tracetier.ingest.span import NoStep
from tracetier.records import Invocation


def _format(name: str) -> Format:
    module = import_module(f"tracetier.ingest.formats.{name}")
    found: Format = module.FORMAT()
    return found


def _read(name: str, path: Path) -> list[Any]:
    return list(_format(name).read(Source(path), Context()))


def _golden(name: str, root: Path) -> list[Any]:
    (path,) = (root / "tests" / "golden" / "ingest" / name).glob("input.*")
    return _read(name, path)


def _rows(items: list[Any]) -> list[Invocation]:
    return [item for item in items if isinstance(item, Invocation)]


def _issues(items: list[Any]) -> list[tuple[int | None, str, str]]:
    return [(i.line, i.reason, i.pointer) for i in items if isinstance(i, Issue)]


@pytest.mark.parametrize(
    ("name", "file", "counts"),
    [
        (
            "routellm",
            "routellm_gsm8k_responses.csv",
            {"mistralai/Mixtral-8x7B-Instruct-v0.1": 202, "gpt-4-1106-preview": 202},
        ),
        ("routerarena", "routerarena_claude3haiku.jsonl", {"claude-3-haiku-20240307": 80}),
        ("llmrouter", "llmrouter_queries.jsonl", {}),
    ],
)
def test_the_samples_give_the_rows_that_their_page_states(
    name: str, file: str, counts: dict[str, int], shared: Path
) -> None:
    """202 x 2, 80 x 1, and 170 queries without an outcome."""
    items = _read(name, shared / "samples" / "router_tables" / file)

    assert Counter(row.model for row in _rows(items)) == counts
    assert items.count(NoStep()) == (170 if name == "llmrouter" else 0)
    assert not _issues(items)


def test_routellm_has_a_row_per_prompt_and_model(root: Path) -> None:
    """True is 1; a cell in words is one issue, a row without a prompt another."""
    items = _golden("routellm", root)

    assert [(row.task_text, row.model, row.y_quality) for row in _rows(items)] == [
        ("Add 2 and 2,\nplease.", "mistralai/Mixtral-8x7B-Instruct-v0.1", 0.0),
        ("Add 2 and 2,\nplease.", "gpt-4-1106-preview", 1.0),
        ("Add 3 and 3.", "mistralai/Mixtral-8x7B-Instruct-v0.1", 1.0),
    ]
    assert _issues(items) == [
        (4, "bad_value", "gpt-4-1106-preview"),
        (5, "missing", "prompt"),
    ]


def test_routellm_without_answers_is_told_by_two_columns_of_truth_values(tmp_path: Path) -> None:
    """One column alone may be anything."""
    (tmp_path / "a.csv").write_text("prompt,m/a,m/b\nx,True,False\n")
    (tmp_path / "b.csv").write_text("prompt,solved\nx,True\n")

    assert _format("routellm").matches(Source(tmp_path / "a.csv").head) == 0.6
    assert _format("routellm").matches(Source(tmp_path / "b.csv").head) == 0


def test_routerbench_has_quality_and_cost_per_model(root: Path) -> None:
    """Prompts are Python lists there; MT-Bench was scored by a judge."""
    items = _golden("routerbench", root)

    assert [
        (row.task_text, row.y_quality, row.y_cost_usd, row.y_quality_source) for row in _rows(items)
    ] == [
        ("Name a colour.", 1.0, 0.002, "reference"),
        ("Name a colour.", 0.0, 0.0001, "reference"),
        ("Write.\nAgain.", 0.9, 0.004, "judge"),
        ("Write.\nAgain.", None, 0.0002, None),
        ("plain", 0.5, None, "reference"),
    ]
    assert _issues(items) == [(4, "bad_value", "gpt-4-1106-preview")]


def test_columns_that_hold_outcomes_are_left_unread(root: Path) -> None:
    """The answers and the oracle."""
    source = Source(root / "tests" / "golden" / "ingest" / "routerbench" / "input.csv")
    rows = list(_format("routerbench").read(source, Context()))

    assert source.ignored == {"gpt-4-1106-preview|model_response", "oracle_model_to_route_to"}
    assert "no_model_correct" not in repr(rows)


def test_llmrouter_tells_outcomes_long_or_wide(root: Path) -> None:
    """A query without any is no step."""
    items = _golden("llmrouter", root)

    assert [(row.model, row.y_quality, row.y_latency_s) for row in _rows(items)] == [
        ("llama-3.1-8b-instruct", 1.0, 0.5),
        ("a/small", 0.0, None),
        ("b/large", 1.0, None),
    ]
    assert items.count(NoStep()) == 1
    assert _issues(items) == [(4, "missing", "query")]


def test_routerarena_s_failed_requests_have_no_quality(root: Path) -> None:
    """A rate limit was scored 0."""
    items = _golden("routerarena", root)
    solved, failed = _rows(items)

    assert (solved.y_quality, solved.y_cost_usd, solved.task_type) == (1.0, 0.00025, "AIME")
    assert (failed.y_quality, failed.y_cost_usd, failed.y_status) == (None, None, "error")
    assert failed.task_type == "Ethics_justice"
    assert _issues(items) == [(3, "missing", "question")]


def test_llmrouterbench_names_model_and_data_set(root: Path) -> None:
    """A cost of 0 is a model run at home: unknown, not free."""
    items = _golden("llmrouterbench", root)

    assert [(row.model, row.task_type, row.y_quality, row.y_cost_usd) for row in _rows(items)] == [
        ("qwen3-8b", "aime", 1.0, None),
        ("qwen3-8b", "aime", 0.0, 0.001),
    ]
    assert _issues(items) == [(3, "missing", "prompt")]


def test_llmrouterbench_s_path_names_them_where_the_document_does_not(tmp_path: Path) -> None:
    """``<data set>/<split>/<model>/<file>.json``."""
    path = tmp_path / "aime" / "test" / "qwen3-8b" / "run.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"records": [{"origin_query": "a", "prompt": "a", "score": true}]}')
    (row,) = _read("llmrouterbench", path)

    assert (row.model, row.task_type, row.y_quality) == ("qwen3-8b", "aime", 1.0)


@pytest.mark.parametrize("name", ["routellm", "routerbench", "llmrouter", "routerarena"])
def test_the_same_prompt_is_the_same_task_in_every_table(name: str, root: Path) -> None:
    """So a split by task keeps it on one side."""
    from tracetier.ingest.identity import task_id_of

    for row in _rows(_golden(name, root)):
        assert row.task_id == task_id_of(row.task_text)
