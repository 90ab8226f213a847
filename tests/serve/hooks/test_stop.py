"""When a sub-agent stops, its transcript tells what its decision cost."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracetier.errors import FeedbackError, StorageError
from tracetier.records import Feedback
from tracetier.serve.hooks.claude_code import ClaudeCodeHook, Event, read_event
from tracetier.serve.hooks.options import HookOptions
from tracetier.serve.hooks.spawns import Spawns
from tracetier.serve.hooks.stop import StopReporter, transcript_of
from tracetier.serve.service import Service

Change = Callable[..., dict[str, Any]]
Write = Callable[..., Path]

# Per million tokens: 5 in, 0.5 read from the cache, 6.25 written to it, 25 out.
COST_USD = (110 * 5 + 2300 * 0.5 + 200 * 6.25 + 80 * 25) / 1e6


def _event(told: dict[str, Any]) -> Event:
    return read_event(json.dumps(told).encode())


@pytest.fixture
def decision_id(hooked: Service, spawns: Spawns, spawn_event: Change) -> str:
    """A spawn that was given "opus"."""
    ClaudeCodeHook(hooked, spawns, HookOptions()).on_spawn(_event(spawn_event()))
    return hooked.recent.last(1)[0].decision.decision_id


@pytest.fixture
def reporter(hooked: Service, spawns: Spawns) -> StopReporter:
    """One that waits for nothing."""
    return StopReporter(hooked, spawns, sleep=lambda seconds: None)


@pytest.mark.parametrize("tool_use_id", ["toolu_01ABC123", None], ids=["by id", "by prompt"])
def test_the_cost_is_reported(
    hooked: Service,
    reporter: StopReporter,
    decision_id: str,
    stop_event: Change,
    write_transcript: Write,
    tmp_path: Path,
    tool_use_id: str | None,
) -> None:
    """And no quality, unless it is asked for: the agent's own word is no outcome."""
    path = write_transcript(tmp_path, tool_use_id=tool_use_id)

    assert reporter.report(_event(stop_event(path))) == "reported"
    view = hooked.decision(decision_id)
    assert view is not None
    assert view.cost_usd == pytest.approx(COST_USD)
    assert view.quality is None


@pytest.mark.parametrize(("fails", "quality"), [(False, 10.0), (True, 5.0)])
def test_proxies_are_reported_where_asked_for(
    hooked: Service,
    reporter: StopReporter,
    decision_id: str,
    stop_event: Change,
    write_transcript: Write,
    tmp_path: Path,
    fails: bool,
    quality: float,
) -> None:
    """By the same rules as in ingest: all of the tools failed, which weighs a half."""
    path = write_transcript(tmp_path, fails=fails)
    reporter.report(_event(stop_event(path)), "proxy:failed_tools,error_status")
    view = hooked.decision(decision_id)

    assert view is not None
    assert view.quality == quality


def test_nothing_is_learned_from_another_model(
    hooked: Service,
    reporter: StopReporter,
    decision_id: str,
    stop_event: Change,
    write_transcript: Write,
    tmp_path: Path,
) -> None:
    """Where the agent did not heed the hook, the outcome is another tier's."""
    path = write_transcript(tmp_path, model="claude-haiku-4-5-20251001")

    assert reporter.report(_event(stop_event(path))) == "other model"
    view = hooked.decision(decision_id)
    assert view is not None
    assert view.cost_usd is None


def test_a_stop_is_reported_once(
    reporter: StopReporter,
    decision_id: str,
    stop_event: Change,
    write_transcript: Write,
    tmp_path: Path,
) -> None:
    """A sub-agent that is woken again stops again."""
    event = _event(stop_event(write_transcript(tmp_path)))

    assert [reporter.report(event) for _ in range(2)] == ["reported", "not ours"]


def test_a_price_that_nobody_knows_is_not_reported(
    make_router: Callable[..., Any],
    spawns: Spawns,
    spawn_event: Change,
    stop_event: Change,
    write_transcript: Write,
    tmp_path: Path,
) -> None:
    """It is not 0."""
    from tracetier.tiers import Tier, TierSet

    tiers = TierSet((Tier(name="haiku"), Tier(name="opus", models=("ours-1",))))
    service = Service(make_router(tiers=tiers, strategy="greedy"))
    ClaudeCodeHook(service, spawns, HookOptions()).on_spawn(_event(spawn_event()))
    path = write_transcript(tmp_path, model="ours-1")
    end = StopReporter(service, spawns).report(_event(stop_event(path)))
    service.close()

    assert end == "nothing known"


def test_the_last_lines_are_waited_for(
    hooked: Service,
    spawns: Spawns,
    decision_id: str,
    stop_event: Change,
    write_transcript: Write,
    tmp_path: Path,
) -> None:
    """The event comes before they are on the disk."""
    path = write_transcript(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rindex(b'{"type": "assistant"')])
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            path.write_bytes(whole)

    StopReporter(hooked, spawns, sleep=sleep).report(_event(stop_event(path)))
    view = hooked.decision(decision_id)

    assert len(waits) == 3
    assert view is not None
    assert view.cost_usd == pytest.approx(COST_USD)


def test_what_never_comes_is_not_waited_for_long(
    hooked: Service,
    spawns: Spawns,
    decision_id: str,
    stop_event: Change,
    write_transcript: Write,
    tmp_path: Path,
) -> None:
    """Then what there is counts."""
    waits: list[float] = []
    reporter = StopReporter(hooked, spawns, settle_s=2.0, sleep=waits.append)
    event = _event(stop_event(write_transcript(tmp_path), last_assistant_message="Never said."))

    assert reporter.report(event) == "reported"
    assert sum(waits) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("errors", "end", "n_tries"),
    [
        ([StorageError("full")], "reported", 2),
        ([StorageError("full")] * 3, "refused", 3),
        ([FeedbackError("expired")], "refused", 1),
    ],
    ids=["once", "always", "for good"],
)
def test_a_report_that_was_not_stored_is_given_again(
    hooked: Service,
    reporter: StopReporter,
    decision_id: str,
    stop_event: Change,
    write_transcript: Write,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    errors: list[Exception],
    end: str,
    n_tries: int,
) -> None:
    """A few times; one that is refused is not."""
    given: list[Feedback] = []

    def feedback(report: Feedback, *, source: str) -> None:
        given.append(report)
        if len(given) <= len(errors):
            raise errors[len(given) - 1]

    monkeypatch.setattr(hooked, "feedback", feedback)

    assert reporter.report(_event(stop_event(write_transcript(tmp_path)))) == end
    assert len(given) == n_tries


@pytest.mark.parametrize("name", ["notes.jsonl", "agent-x.txt", "agent-missing.jsonl", "agent-\0"])
def test_only_a_sub_agents_file_is_opened(tmp_path: Path, stop_event: Change, name: str) -> None:
    """The path comes from outside."""
    if name in ("notes.jsonl", "agent-x.txt"):
        (tmp_path / name).write_text("{}")

    assert transcript_of(_event(stop_event(tmp_path / name))) is None


def test_a_folder_is_not_opened(tmp_path: Path, stop_event: Change) -> None:
    """Nor a pipe, which would be waited for."""
    (tmp_path / "agent-d.jsonl").mkdir()

    assert transcript_of(_event(stop_event(tmp_path / "agent-d.jsonl"))) is None


def test_the_home_folder_may_be_written_short(
    tmp_path: Path, stop_event: Change, write_transcript: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the reference does."""
    path = write_transcript(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    event = _event(stop_event(Path("~") / path.relative_to(tmp_path)))

    assert transcript_of(event) == path


def test_a_broken_transcript_does_not_end_the_reporting(
    hooked: Service,
    reporter: StopReporter,
    decision_id: str,
    stop_event: Change,
    write_transcript: Write,
    tmp_path: Path,
) -> None:
    """The next stop is dealt with all the same, in the thread of its own."""
    (tmp_path / "agent-x.jsonl").write_bytes(b"\xff{\n[]\n")
    reporter.submit(_event(stop_event(tmp_path / "agent-x.jsonl")), "proxy:unheard-of")
    reporter.submit(_event(stop_event(write_transcript(tmp_path))))
    reporter.finish()
    view = hooked.decision(decision_id)

    assert reporter.is_idle
    assert view is not None
    assert view.cost_usd == pytest.approx(COST_USD)
