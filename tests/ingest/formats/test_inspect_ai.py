"""Inspect logs: whose calls count, what a score says, and zips that are not to be trusted."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracetier.ingest.formats import _inspect_zip
from tracetier.ingest.formats.inspect_ai import InspectAi
from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import NoStep, Score, Span

HEADER = {"version": 2, "eval": {"run_id": "r", "task": "sums", "model": "openai/gpt-4o-mini"}}
SAMPLE: dict[str, Any] = {"id": 1, "epoch": 1, "uuid": "u", "input": "Add 2 and 2.", "events": []}


def _read(path: Path) -> list[Any]:
    return list(InspectAi().read(Source(path), Context()))


@pytest.fixture
def write_zip(tmp_path: Path) -> Callable[[dict[str, object]], Path]:
    """Write a zip of JSON members."""

    def write(members: dict[str, object]) -> Path:
        path = tmp_path / "log.eval"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, json.dumps(content))
        return path

    return write


def _write_log(place: Path, *samples: dict[str, Any]) -> Path:
    (place / "log.json").write_text(json.dumps(HEADER | {"plan": {}, "samples": samples}))
    return place / "log.json"


@pytest.fixture
def golden(root: Path) -> list[Any]:
    """The hand-made log: four samples, the last of which is broken."""
    return _read(root / "tests" / "golden" / "ingest" / "inspect_ai" / "input.json")


def _spans(items: list[Any], trace_id: str) -> dict[str, Span]:
    return {
        item.span_id: item for item in items if isinstance(item, Span) and item.trace_id == trace_id
    }


@pytest.mark.parametrize(
    ("name", "n_runs", "n_calls", "n_in", "n_out", "values"),
    [
        ("2025-05-12T20-28-26-04-00_security-guide.json", 3, 3, 182, 49, [1.0, 1.0, 1.0]),
        ("2025-05-12T20-28-13-04-00_popularity.json", 3, 3, 192, 6, [1.0, 1.0, 0.0]),
        ("2025-02-11T15-17-00-05-00_popularity_dPiJifoWeEQBrfWsAopzWr.eval", 10, 10, 620, 20, []),
    ],
    ids=["graded by a model", "cancelled", "zip without scores"],
)
def test_the_samples_give_what_their_page_states(
    name: str,
    n_runs: int,
    n_calls: int,
    n_in: int,
    n_out: int,
    values: list[float],
    shared: Path,
) -> None:
    """The grader's tokens are left out, finished samples of a cancelled log are not."""
    spans = _read(shared / "samples" / "inspect_ai" / name)
    runs = [span for span in spans if span.parent_id is None]
    calls = [span for span in spans if span.kind == "call"]

    assert (len(runs), len(calls)) == (n_runs, n_calls)
    assert sum(call.input_tokens or 0 for call in calls) == n_in
    assert sum(call.output_tokens or 0 for call in calls) == n_out
    assert [score.value for run in runs for score in run.scores] == values
    assert {run.model_asked for run in runs} == {"openai/gpt-4o-mini"}


def test_the_first_sample_parts_the_agent_from_its_grader(shared: Path) -> None:
    """61 / 17 are the agent's, 259 / 292 the judge's: ``model_usage`` has them in one."""
    name = "2025-05-12T20-28-26-04-00_security-guide.json"
    spans = _spans(_read(shared / "samples" / "inspect_ai" / name), "jejv2PukU7Xq5AJrutaZi7")
    (call,) = (span for span in spans.values() if span.kind == "call")
    (score,) = spans["sample"].scores

    assert (call.input_tokens, call.output_tokens) == (61, 17)
    assert (score.name, score.source) == ("model_graded_fact", "judge")
    assert spans["sample"].text == "How do I prevent SQL Injection attacks?"


def test_calls_hang_below_the_agent_that_made_them(golden: list[Any]) -> None:
    """61 + 40 from the cache; the text was kept apart as an attachment."""
    spans = _spans(golden, "u1")
    first, second = (span for span in spans.values() if span.kind == "call")
    agent = spans[first.parent_id or ""]

    assert (agent.kind, agent.name) == ("agent", "react")
    assert (first.input_tokens, first.cache_read_tokens, first.text) == (101, 40, "Add 2 and 2.")
    assert (first.is_cached_answer, second.is_cached_answer) == (False, True)
    assert first.tools == ["bash"]


def test_a_run_ends_where_scoring_begins(golden: list[Any]) -> None:
    """From 08:00:01 to 08:00:06; the judge works until 08:00:09."""
    run = _spans(golden, "u1")["sample"]

    assert run.start is not None
    assert run.end is not None
    assert (run.end - run.start).total_seconds() == 5
    assert (run.task_id, run.task_type) == ("sums/1", "sums")


def test_a_grader_in_an_old_log_is_told_by_its_step_or_its_role(golden: list[Any]) -> None:
    """``step`` events nest by their order; the last one here was never closed."""
    spans = _spans(golden, "u2")
    calls = [span for span in spans.values() if span.kind == "call"]

    assert [call.input_tokens for call in calls] == [10]
    assert spans["sample"].scores == ()


def test_a_broken_sample_is_an_issue_and_the_others_are_read(golden: list[Any]) -> None:
    """Its epoch is a word."""
    (issue,) = (item for item in golden if isinstance(item, Issue))

    assert (issue.line, issue.reason, issue.pointer) == (4, "bad_value", "epoch")
    assert {item.trace_id for item in golden if isinstance(item, Span)} == {"u1", "u2", "u3"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("C", [("s", 1.0, "high")], id="correct"),
        pytest.param("P", [("s", 0.5, "high")], id="partly"),
        pytest.param("I", [("s", 0.0, "high")], id="incorrect"),
        pytest.param("N", [("s", 0.0, "high")], id="no answer"),
        pytest.param(0.25, [("s", 0.25, None)], id="a number"),
        pytest.param(True, [("s", True, None)], id="a truth value"),
        pytest.param("fluent", [("s", "fluent", None)], id="a label"),
        pytest.param({"a": "C", "b": 2}, [("s/a", 1.0, "high"), ("s/b", 2.0, None)], id="several"),
        pytest.param([1, "I"], [("s/0", 1.0, None), ("s/1", 0.0, "high")], id="a list"),
        pytest.param(float("nan"), [], id="unscored"),
        pytest.param(None, [], id="nothing"),
    ],
)
def test_a_score_keeps_its_value_and_letters_become_numbers(
    value: object, expected: list[tuple[str, object, str | None]], tmp_path: Path
) -> None:
    """The letters' direction is the format's own; that of a number is for the user to say."""
    path = _write_log(tmp_path, SAMPLE | {"scores": {"s": {"value": value}}})
    (run,) = _read(path)

    assert [(score.name, score.value, score.better) for score in run.scores] == expected


def test_an_old_sample_has_one_score_and_its_events_in_a_transcript(tmp_path: Path) -> None:
    """Texts are named ``tc://`` there."""
    call = {
        "event": "model",
        "model": "m",
        "input": [{"role": "user", "content": "tc://aa"}],
        "output": {"usage": {"input_tokens": 7, "output_tokens": 1, "total_tokens": 8}},
    }
    nested = {"event": "subtask", "name": "think", "events": [call]}
    old = {
        "id": "x",
        "epoch": 1,
        "input": "tc://aa",
        "score": {"value": "I"},
        "transcript": {"events": [nested], "content": {"aa": "Add 2 and 2."}},
    }
    items = _read(_write_log(tmp_path, old))
    (found,) = (item for item in items if item.kind == "call")

    assert (found.text, found.input_tokens) == ("Add 2 and 2.", 7)
    assert items[-1].scores == (
        Score(name="score", value=0.0, source="programmatic", low=0.0, high=1.0, better="high"),
    )


def test_an_input_that_is_kept_in_a_pool_is_found_there(tmp_path: Path) -> None:
    """Ranges of places, the end excluded."""
    call = {"event": "model", "model": "m", "input": [], "input_refs": [[0, 1], [2, 3]]}
    pool = [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "not this"},
        {"role": "user", "content": "Add 2 and 2."},
    ]
    sample = SAMPLE | {"events": [call], "events_data": {"messages": pool, "calls": []}}

    assert _read(_write_log(tmp_path, sample))[0].text == "Add 2 and 2."


@pytest.mark.parametrize(
    ("usage", "total"),
    [
        pytest.param((10, 5, 15, None), 10, id="no cache"),
        pytest.param((10, 5, 115, 100), 110, id="cache apart"),
        pytest.param((100, 5, 105, 60), 100, id="cache included"),
        pytest.param((10, 5, 45, None), 10, id="reasoning apart"),
    ],
)
def test_the_total_tells_whether_the_input_holds_the_cache(
    usage: tuple[int, int, int, int | None], total: int, tmp_path: Path
) -> None:
    """Most versions count it apart, the oldest do not."""
    names = ("input_tokens", "output_tokens", "total_tokens", "input_tokens_cache_read")
    output = {"usage": dict(zip(names, usage, strict=True))}
    call = {"event": "model", "model": "m", "input": [], "output": output}

    assert _read(_write_log(tmp_path, SAMPLE | {"events": [call]}))[0].input_tokens == total


def test_a_sample_that_was_invalidated_has_no_score(tmp_path: Path) -> None:
    """Somebody said that it does not count."""
    told = {"scores": {"match": {"value": "C"}}, "invalidation": {"reason": "leak"}}
    (run,) = _read(_write_log(tmp_path, SAMPLE | told))

    assert run.scores == ()


def test_a_limit_is_an_error_but_one_by_the_operator_is_not_the_models(tmp_path: Path) -> None:
    """Out of tokens, and stopped by hand."""
    path = _write_log(
        tmp_path, SAMPLE | {"limit": {"type": "token"}}, SAMPLE | {"limit": {"type": "operator"}}
    )
    limited, stopped = _read(path)

    assert (limited.error_type, limited.is_infrastructure_error) == ("limit_token", False)
    assert (stopped.outcome, stopped.is_infrastructure_error) == ("cancelled", True)


def test_a_log_that_was_never_closed_is_read_by_its_journal(
    write_zip: Callable[[dict[str, object]], Path],
) -> None:
    """It has no ``header.json``."""
    path = write_zip({"_journal/start.json": HEADER, "samples/1_epoch_1.json": SAMPLE})

    assert InspectAi().matches(Source(path).head) == 1
    (run,) = _read(path)
    assert (run.trace_id, run.model_asked) == ("u", "openai/gpt-4o-mini")


def test_a_member_longer_than_the_limit_is_an_issue(
    write_zip: Callable[[dict[str, object]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading stops there, whatever the zip says of its size; the next sample is read."""
    monkeypatch.setattr(_inspect_zip, "MEMBER_BYTES", 1_000)
    big = SAMPLE | {"id": 2, "input": "x" * 2_000}
    path = write_zip(
        {"header.json": HEADER, "samples/2_epoch_1.json": big, "samples/1_epoch_1.json": SAMPLE}
    )
    issue, run = _read(path)

    assert (issue.reason, issue.line, issue.pointer) == ("too_long", 1, "samples/2_epoch_1.json")
    assert run.trace_id == "u"


def test_members_packed_by_zstd_are_read(tmp_path: Path) -> None:
    """As newer logs are, also where Python's own zip cannot."""
    import pyarrow as pa

    path = tmp_path / "log.eval"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("header.json", json.dumps(HEADER))
        packed = pa.compress(json.dumps(SAMPLE).encode(), "zstd", asbytes=True)
        archive.writestr("samples/1_epoch_1.json", packed)
    data = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):  # say that the second is zstd
        place = data.index(mark, data.index(mark) + 4) + at
        data[place : place + 2] = (93).to_bytes(2, "little")
    path.write_bytes(data)

    (run,) = _read(path)
    assert run.trace_id == "u"


def test_a_zip_that_was_cut_off_is_one_issue(
    write_zip: Callable[[dict[str, object]], Path],
) -> None:
    """It is recognised all the same, and the mend is told."""
    path = write_zip({"header.json": HEADER, "samples/1_epoch_1.json": SAMPLE})
    path.write_bytes(path.read_bytes()[:150])

    assert InspectAi().matches(Source(path).head) == 1
    (issue,) = _read(path)
    assert (issue.reason, issue.line) == ("damaged", None)
    assert "inspect log recover" in issue.message


def test_another_zip_is_not_taken(tmp_path: Path) -> None:
    """Nor is it unpacked."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("readme.txt", "x")

    assert InspectAi().matches(Source(tmp_path / "x.zip").head) == 0


def test_a_log_without_samples_is_no_step(tmp_path: Path) -> None:
    """They were not asked to be kept."""
    assert _read(_write_log(tmp_path)) == [NoStep()]
