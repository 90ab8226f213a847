"""Logs of steps through the whole stage: OpenTelemetry lines become a table."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracetier.errors import RecordError, SettingsError
from tracetier.ingest.run import ingest
from tracetier.settings import load_settings
from tracetier.table import read_table
from tracetier.tiers import Tier, TierSet

Write = Callable[..., Path]
IssuesOf = Callable[[Path], list[dict[str, Any]]]
Rows = list[dict[str, Any]]

TIERS = TierSet(
    (
        Tier(name="small", models=("tiny-*",), input_usd_per_mtok=1.0, output_usd_per_mtok=2.0),
        Tier(name="large", models=("huge-*",)),
    )
)


def _line(span_id: str, parent: str | None, start: int, end: int, **attributes: object) -> object:
    """One span on a line of its own, as a collector's file exporter writes it."""
    values = [
        {
            "key": key.replace("__", "."),
            "value": {"intValue" if isinstance(value, int) else "stringValue": str(value)},
        }
        for key, value in attributes.items()
    ]
    span = {
        "traceId": "0" * 31 + "1",
        "spanId": span_id.rjust(16, "0"),
        "parentSpanId": (parent or "").rjust(16, "0") if parent else "",
        "name": span_id,
        "startTimeUnixNano": str(1_767_600_000_000_000_000 + start * 10**9),
        "endTimeUnixNano": str(1_767_600_000_000_000_000 + end * 10**9),
        "attributes": values,
        "status": {},
    }
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": [span]}]}]}


def _call(span_id: str, parent: str, start: int, model: str, **extra: object) -> object:
    return _line(
        span_id,
        parent,
        start,
        start + 1,
        gen_ai__operation__name="chat",
        gen_ai__request__model=model,
        gen_ai__usage__input_tokens=1_000,
        gen_ai__usage__output_tokens=100,
        **extra,
    )


@pytest.fixture
def log(write_lines: Write) -> Path:
    """Children first: an agent of two calls, the second of another tier; a broken line; a copy."""
    agent = {
        "gen_ai__operation__name": "invoke_agent",
        "gen_ai__agent__name": "coder",
        "gen_ai__conversation__id": "s",
    }
    first = _call("a", "c", 1, "tiny-1")
    lines = [
        first,
        _call("b", "c", 3, "huge-1"),
        _line("c", None, 0, 5, **agent),
        b"{broken",
        first,
    ]
    return write_lines(lines, "traces.jsonl")


def _rows(table: Path) -> Rows:
    rows: Rows = read_table(table).to_pylist()
    return rows


def test_records_are_read_rejected_or_known_and_rows_are_counted_apart(
    log: Path, tmp_path: Path, issues_of: IssuesOf
) -> None:
    """Five records: three steps of one row, a broken line, a step that was there before."""
    summary = ingest(log, tmp_path / "t", tiers=TIERS)
    (file,) = summary.files

    assert (file.n_read, file.n_rejected, file.n_duplicates, file.n_no_step) == (3, 1, 1, 0)
    assert (summary.n_records, summary.n_rows, file.level) == (5, 1, "agent_run")
    assert [(issue["line"], issue["reason"]) for issue in issues_of(tmp_path / "t")] == [
        (4, "not_json"),
        (5, "duplicate"),
    ]
    assert summary.notes == {"mixed_models": 1}


def test_the_row_of_a_run_sums_its_calls(log: Path, tmp_path: Path) -> None:
    """One call has a price, the other none: the whole is unknown, not half."""
    ingest(log, tmp_path / "t", tiers=TIERS)
    (row,) = _rows(tmp_path / "t")

    assert (row["agent_name"], row["level"], row["session_id"]) == ("coder", "agent_run", "s")
    assert (row["y_input_tokens"], row["y_output_tokens"]) == (2_000, 200)
    assert (row["y_cost_usd"], row["y_latency_s"]) == (None, 5.0)


def test_a_call_knows_the_tier_of_the_call_before(log: Path, tmp_path: Path) -> None:
    """By the name of the tier, not of the model; its own price is of its own tier."""
    ingest(log, tmp_path / "t", tiers=TIERS, level="call")
    first, second = _rows(tmp_path / "t")

    assert (first["tier"], first["last_tier"], first["turn_index"]) == ("small", None, 0)
    assert (second["tier"], second["last_tier"], second["turn_index"]) == ("large", "small", 1)
    assert first["y_cost_usd"] == pytest.approx(0.0012)
    assert (first["y_cost_source"], second["y_cost_usd"]) == ("priced", None)
    assert second["context_tokens"] == 1_100
    assert second["x_turn"] == pytest.approx(0.6931, abs=1e-4)


def test_a_row_of_no_declared_tier_is_left_out_and_its_steps_stay_read(
    log: Path, tmp_path: Path, issues_of: IssuesOf
) -> None:
    """The issue stands at the line of its step, and names the mend."""
    summary = ingest(log, tmp_path / "t", tiers=TierSet(TIERS.tiers[:1]), level="call")
    (file,) = summary.files
    found = [issue for issue in issues_of(tmp_path / "t") if issue["reason"] == "undeclared_tier"]

    assert (file.n_read, file.n_rows, file.n_rows_left_out, file.n_rejected) == (3, 1, 1, 1)
    assert [issue["line"] for issue in found] == [2]
    assert "'huge-1'" in found[0]["message"]


def test_the_same_file_twice_gives_its_rows_once(log: Path, tmp_path: Path) -> None:
    """A copy under another name: all its steps are known."""
    copy = log.with_name("copy.jsonl")
    copy.write_bytes(log.read_bytes())
    summary = ingest([log, copy], tmp_path / "t", tiers=TIERS)

    assert (summary.n_rows, summary.files[1].n_rows, summary.files[1].n_read) == (1, 0, 0)
    assert summary.n_records == 10


def test_with_strict_a_row_that_cannot_be_is_the_end(write_lines: Write, tmp_path: Path) -> None:
    """As any issue is."""
    log = write_lines([_call("a", "c", 1, "huge-1")], "traces.jsonl")

    with pytest.raises(RecordError, match=r"traces.jsonl:1: .*'huge-1'"):
        ingest(log, tmp_path / "t", tiers=TierSet(TIERS.tiers[:1]), strict=True)


def test_outcomes_are_joined_and_what_met_nothing_is_counted(
    log: Path, tmp_path: Path, issues_of: IssuesOf
) -> None:
    """By the session here; a bad row of the file of outcomes is an issue of that file."""
    scores = tmp_path / "scores.csv"
    scores.write_text("session_id,quality,source\ns,7,human\nother,3,human\n,5,human\n")
    summary = ingest(log, tmp_path / "t", tiers=TIERS, scores=scores)
    (row,) = _rows(tmp_path / "t")

    assert (row["y_quality"], row["y_quality_source"], row["y_quality_name"]) == (
        0.7,
        "human",
        "quality",
    )
    assert summary.n_outcomes_unused == 1
    assert [i["line"] for i in issues_of(tmp_path / "t") if i["file"] == str(scores)] == [4]


def test_outcomes_are_joined_to_flat_logs_too(
    write_lines: Write, outcome: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """By the task; they go before what the log says."""
    scores = tmp_path / "scores.csv"
    scores.write_text("task_id,success\ntask-1,false\n")
    log = write_lines([outcome(i, quality=7.5) for i in range(2)])
    ingest(log, tmp_path / "t", scores=scores)

    assert [(row["y_quality"], row["y_quality_name"]) for row in _rows(tmp_path / "t")] == [
        (0.75, None),
        (0.0, "success"),
    ]


def test_a_guess_is_marked_as_one_and_only_made_when_asked_for(
    write_lines: Write, tmp_path: Path
) -> None:
    """Never by default."""
    failed = json.loads(json.dumps(_call("a", "c", 1, "tiny-1")).replace("{}}]", '{"code": 2}}]'))
    log = write_lines([failed], "traces.jsonl")
    ingest(log, tmp_path / "t", tiers=TIERS)
    (plain,) = _rows(tmp_path / "t")
    ingest(log, tmp_path / "t", tiers=TIERS, quality_from="proxy:error_status=0.5")
    (guessed,) = _rows(tmp_path / "t")

    assert (plain["y_status"], plain["y_quality"]) == ("error", None)
    assert (guessed["y_quality"], guessed["y_quality_source"]) == (0.5, "proxy")


def test_the_map_of_scores_comes_from_the_settings(
    tmp_path: Path, write_lines: Write, outcome: Callable[..., dict[str, Any]]
) -> None:
    """``[scores]`` of tracetier.toml, unless another is given."""
    toml, scores = tmp_path / "tracetier.toml", tmp_path / "scores.csv"
    toml.write_text('[scores.tone]\nbetter = "low"\nlow = 1\nhigh = 5\n')
    scores.write_text("task_id,tone\ntask-0,2\n")
    log = write_lines([outcome(0)])
    ingest(log, tmp_path / "t", scores=scores, settings=load_settings(toml, env={}))

    assert [row["y_quality"] for row in _rows(tmp_path / "t")] == [0.75]
    toml.write_text("[scores.tone]\nlow = 1\n")
    settings = load_settings(toml, env={})
    with pytest.raises(
        SettingsError, match=r"\[scores\] of tracetier.toml: score 'tone': .*better"
    ):
        ingest(log, tmp_path / "t", settings=settings)


def test_the_account_beside_the_table_is_the_one_that_is_returned(
    log: Path, tmp_path: Path
) -> None:
    """Notes, counts and level, for whoever reads the table later."""
    summary = ingest(log, tmp_path / "t", tiers=TIERS)
    kept = json.loads((tmp_path / "t" / "summary.json").read_text())

    assert (kept["n_records"], kept["n_read"], kept["notes"]) == (5, 3, summary.notes)
    assert kept["files"][0]["level"] == "agent_run"
