"""The router: one call to decide, one to report, and a state that outlives it."""

import errno
import math
import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest

from tracetier.artifact import load
from tracetier.errors import (
    ArtifactError,
    FeedbackError,
    SettingsError,
    StateError,
    StorageError,
    TierError,
)
from tracetier.heads.prior import Prediction, PriorStats
from tracetier.records import Decision, Feedback, Task
from tracetier.route.event import Event, Reported
from tracetier.route.outcome import Receipt
from tracetier.route.residual import ResidualParams
from tracetier.route.router import Router
from tracetier.route.seed import SeedParams
from tracetier.route.state.mark import Mark, Page
from tracetier.route.state.memory import MemoryStore
from tracetier.route.strategy import StrategyParams
from tracetier.tiers import TierSet

EDIT, CHAT = Task(task_type="edit"), Task(task_type="chat")
Maker = Callable[..., Router]


class CountingStore(MemoryStore):
    """A durable store that notes each append that holds a report."""

    name = "counting://"
    is_durable = True

    def __init__(self) -> None:
        super().__init__()
        self.appends: list[tuple[int, bool]] = []

    def append(self, events: Sequence[Event], mark: Mark, *, durable: bool = True) -> Page:
        page = super().append(events, mark)
        n_reports = sum(isinstance(event, Reported) for event in events)
        if not page.is_behind and (n_reports or (durable and not events)):
            self.appends.append((n_reports, durable))
        return page

    def n_durable(self) -> int:
        return sum(is_durable for n_reports, is_durable in self.appends if n_reports)


def test_a_decision_says_all_that_is_known(make_router: Maker) -> None:
    """Without reports it is the prior's: high is best by more than a near-tie."""
    decision = make_router().route(EDIT)

    assert (decision.tier, decision.model, decision.bucket) == ("high", "big-1", "edit")
    assert decision.propensity == decision.propensities["high"] == pytest.approx(1 - 0.05 * 2 / 3)
    assert decision.propensities["low"] == pytest.approx(0.05 / 3)
    assert decision.timestamp == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert (decision.lam, decision.strategy, decision.artifact_id) == (
        0.3,
        "residual",
        "artifact-1",
    )
    assert [round(score.reward, 3) for score in decision.scores.values()] == [5.985, 6.94, 8.7]
    assert decision.scores["mid"].cost_usd == pytest.approx(0.004)
    assert len(decision.decision_id) == 16
    assert decision.reasons[0].startswith("the model expects low 6.0 of 10 at $0.001")


def test_lambda_and_the_allowed_tiers_are_per_call(make_router: Maker) -> None:
    """They hold for one call; the next is as before."""
    router = make_router(seed=3)

    dear = router.route(EDIT, lam=20.0)
    allowed = router.route(EDIT, allowed={"mid", "low"})

    assert dear.tier == "low"
    assert dear.lam == 20.0
    assert allowed.propensities["high"] == 0.0
    assert "only low, mid allowed" in allowed.reasons
    assert router.route(EDIT).tier == "high"


@pytest.mark.parametrize("lam", [-0.1, math.nan, math.inf])
def test_a_lambda_out_of_range_is_refused(make_router: Maker, lam: float) -> None:
    """For a call, for the whole router, and for a look at Q."""
    message = "lam is .*must be finite and >= 0"
    router = make_router()
    with pytest.raises(SettingsError, match=message):
        router.route(EDIT, lam=lam)
    with pytest.raises(SettingsError, match=message):
        router.q(lam=lam)
    with pytest.raises(SettingsError, match=message):
        make_router(lam=lam)


def test_an_unknown_tier_is_refused_before_anything_is_counted(make_router: Maker) -> None:
    """With the close match."""
    router = make_router()

    with pytest.raises(TierError, match=r"'hgih'.*did you mean 'high'"):
        router.route(EDIT, allowed=["hgih"])

    assert router.snapshot().counts.decisions == 0


def test_a_prediction_that_is_not_finite_is_refused(make_router: Maker) -> None:
    """It would silently win or lose every comparison."""

    class Broken:
        def predict(self, task: Task) -> Prediction:
            return Prediction([0.5, math.nan, 0.9], [0.01] * 3, [0.1] * 3, 0)

    with pytest.raises(ArtifactError, match=r"'artifact-1' predicts .*nan.*finite"):
        make_router(predictor=Broken()).route(EDIT)


def test_a_batch_of_tasks_is_routed_as_one_by_one(make_router: Maker) -> None:
    """To the bit, ids included, under one seed."""
    world = Random(1)
    tasks = [
        Task(task_type=world.choice(["edit", "chat"]), attrs={"shift": world.uniform(-0.2, 0.1)})
        for _ in range(200)
    ]
    one, many = make_router(), make_router()

    single = [one.route(task, lam=2.0, allowed=["low", "high"]) for task in tasks]

    assert many.route_batch(tasks, lam=2.0, allowed=["low", "high"]) == single
    assert one.snapshot() == many.snapshot()


def test_feedback_moves_q_and_the_decision_with_it(make_router: Maker) -> None:
    """High disappoints twenty times; then another tier is taken, and the reasons say why."""
    router = make_router()
    assert router.route(EDIT).tier == "high"

    for _ in range(20):
        decision = router.route(EDIT, allowed=["high"])
        assert router.feedback(decision.decision_id, quality=1.0, cost_usd=0.02)

    after = router.route(EDIT)
    assert max(after.propensities, key=after.propensities.__getitem__) != "high"
    assert any(
        reason.startswith("feedback moved, in bucket edit, high by -") for reason in after.reasons
    )
    assert router.q("edit")["edit"]["high"] < 5.0 < 8.0 < router.snapshot().cells[2].prior_q


def test_a_second_report_changes_nothing(make_router: Maker) -> None:
    """In either form; the answer tells."""
    router = make_router()
    decision_id = router.route(EDIT).decision_id

    assert router.feedback(decision_id, quality=9.0, cost_usd=0.001).new == ("quality", "cost_usd")
    q = router.q()
    assert not router.feedback(decision_id, quality=0.0, cost_usd=0.02)
    assert not router.feedback(Feedback(decision_id=decision_id, quality=0.0))

    assert router.q() == q
    assert router.snapshot().counts.duplicates == 2


def test_the_count_of_second_reports_outlives_the_router(
    make_router: Maker, tmp_path: Path
) -> None:
    """They are events like others."""
    path = tmp_path / "s.json"
    with make_router(state=path) as router:
        decision_id = router.route(EDIT).decision_id
        router.feedback(decision_id, quality=9.0)
        assert not router.feedback(decision_id, quality=1.0)

    assert make_router(state=path).snapshot().counts.duplicates == 1


def test_an_unknown_decision_is_refused_with_what_can_be(make_router: Maker) -> None:
    """And what can be done."""
    router = make_router()
    router.route(EDIT)

    with pytest.raises(FeedbackError, match=r"'nope' is known.*1 are open, 0 expired.*saved"):
        router.feedback("nope", quality=5.0)


def test_many_reports_are_learned_all_or_none(make_router: Maker) -> None:
    """One wrong value or id among them stops the rest; a repetition within them counts once."""
    router = make_router()
    first, second = (router.route(EDIT).decision_id for _ in range(2))
    good = Feedback(decision_id=first, quality=9.0)

    with pytest.raises(FeedbackError, match="quality is 11"):
        router.feedback_many([good, Feedback(decision_id=second, quality=11.0)])
    with pytest.raises(FeedbackError, match="no decision 'x'"):
        router.feedback_many([good, Feedback(decision_id="x", quality=1.0)])
    assert router.snapshot().counts.feedback == 0

    receipts = router.feedback_many([good, good, Feedback(decision_id=second, cost_usd=0.1)])
    assert [receipt.new for receipt in receipts] == [("quality",), (), ("cost_usd",)]


def test_an_unknown_bucket_lists_the_known_ones(make_router: Maker) -> None:
    """Q of a known one comes alone."""
    router = make_router()

    assert list(router.q("other")) == ["other"]
    assert list(router.q()) == ["edit", "other"]
    with pytest.raises(StateError, match="bucket 'x' is not known; the artifact has edit, other"):
        router.q("x")


def _use(router: Router, n: int, seed: int) -> list[Decision]:
    world, made = Random(seed), []
    for _ in range(n):
        task = Task(
            task_type=world.choice(["edit", "chat"]), attrs={"shift": world.uniform(-0.1, 0.1)}
        )
        decision = router.route(task)
        made.append(decision)
        if world.random() < 0.8:
            router.feedback(
                decision.decision_id, quality=10 * world.random(), cost_usd=0.03 * world.random()
            )
    return made


def test_a_restart_gives_the_same_q_and_decisions_to_the_bit(
    make_router: Maker, tmp_path: Path
) -> None:
    """All of the snapshot, and every score and propensity of the next decisions.

    Of two copies: routers that share a file learn from each other.
    """
    path = tmp_path / "state" / "bandit-state.json"
    with make_router(state=path) as first:
        _use(first, 60, 1)
        expected = first.snapshot()
    before = path.read_bytes()
    copy = tmp_path / "copy.json"
    copy.write_bytes(before)

    second, third = make_router(state=path, seed=9), make_router(state=f"json://{copy}", seed=9)

    assert second.snapshot() == third.snapshot() == expected
    assert path.read_bytes() == before
    assert [second.route(EDIT) for _ in range(20)] == [third.route(EDIT) for _ in range(20)]


@pytest.mark.parametrize(
    ("strategy", "params"),
    [
        ("residual", ResidualParams(explore_min=0.0, explore_max=0.0)),
        ("seed", SeedParams(epsilon=0.0)),
        ("greedy", None),
    ],
)
def test_a_restart_in_the_middle_changes_nothing(
    make_router: Maker, strategy: str, params: StrategyParams | None
) -> None:
    """Learned in one go or with a restart: the same state to the bit (draws play no part here)."""
    one, two = MemoryStore(), MemoryStore()
    shared = {"strategy": strategy, "params": params}
    with make_router(state=one, **shared) as router:
        _use(router, 37, 1)
        _use(router, 30, 2)
    with make_router(state=two, **shared) as router:
        _use(router, 37, 1)
    with make_router(state=two, seed=8, **shared) as router:
        _use(router, 30, 2)

    assert (
        make_router(state=two, **shared).snapshot() == make_router(state=one, **shared).snapshot()
    )


def test_feedback_after_a_restart_finds_its_decision(make_router: Maker, tmp_path: Path) -> None:
    """Routed by one process, closed, reported to the next."""
    path = tmp_path / "s.json"
    with make_router(state=path) as router:
        decision_id = router.route(EDIT).decision_id

    with make_router(state=path) as router:
        assert router.feedback(decision_id, quality=9.0)
        assert not router.feedback(decision_id, quality=9.0)


def test_a_report_is_stored_before_it_is_answered(make_router: Maker) -> None:
    """With the decisions before it, in one append; several reports together in one too."""
    store = CountingStore()
    router = make_router(state=store)
    first, second, third = (router.route(EDIT).decision_id for _ in range(3))

    router.feedback(first, quality=9.0)
    assert store.appends == [(1, True)]
    reports = [Feedback(decision_id=name, quality=9.0) for name in (second, third)]
    router.feedback_many(reports)
    assert store.appends == [(1, True), (2, True)]
    router.route(EDIT)
    router.close()
    router.close()

    assert make_router(state=store).snapshot().n_pending == 1


def test_a_batch_of_reports_is_forced_to_the_disk_once(make_router: Maker) -> None:
    """Each is learned from at once; also where the block ends with an error."""
    store = CountingStore()
    router = make_router(state=store)
    ids = [router.route(EDIT).decision_id for _ in range(6)]

    with router.batch():
        before = router.q("edit")
        router.feedback(ids[0], quality=0.0)
        assert router.q("edit") != before
        with router.batch():
            router.feedback(ids[1], quality=9.0)
        assert store.n_durable() == 0
        store.appends.clear()
    assert store.appends == [(0, True)]
    with suppress(ZeroDivisionError), router.batch():
        router.feedback(ids[4], quality=9.0)
        raise ZeroDivisionError

    assert store.appends == [(0, True), (1, False), (0, True)]
    assert make_router(state=store).snapshot().counts.feedback == 3


def test_a_batch_holds_back_the_disk_of_its_own_thread_only(make_router: Maker) -> None:
    """Another thread's report is on the disk before its call returns."""
    store = CountingStore()
    router = make_router(state=store)
    ids = [router.route(EDIT).decision_id for _ in range(2)]

    with router.batch():
        router.feedback(ids[0], quality=9.0)
        other = threading.Thread(target=router.feedback, args=(ids[1],), kwargs={"quality": 9.0})
        other.start()
        other.join()
        assert store.appends == [(1, False), (1, True)]

    assert make_router(state=store).snapshot().counts.feedback == 2


def test_a_full_disk_loses_nothing(
    make_router: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report that is not stored is not learned either, and can be given again."""
    path = tmp_path / "s.json"
    router = make_router(state=path)
    first, second = router.route(EDIT), router.route(EDIT)
    router.feedback(first.decision_id, quality=9.0)
    before = [entry.read_bytes() for entry in sorted(tmp_path.glob("s.json*"))]

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", full)
        patch.setattr(os, "fsync", full)
        for _ in range(2):
            with pytest.raises(StorageError, match=r"No space left.*make room.*try again"):
                router.feedback(second.decision_id, quality=9.0)
        health = router.health()
        assert not health.is_ok
        assert "No space left" in (health.reason or "")
        assert [entry.read_bytes() for entry in sorted(tmp_path.glob("s.json*"))] == before
        assert router.snapshot().counts.feedback == 1
        assert router.route(EDIT).tier == "high"
        with pytest.raises(StorageError):
            router.close()

    assert router.feedback(second.decision_id, quality=9.0)
    assert router.health().is_ok
    assert make_router(state=path).snapshot().counts.feedback == 2


def test_a_closed_router_says_so(make_router: Maker) -> None:
    """It would take decisions that nobody saves."""
    router = make_router()
    decision_id = router.route(EDIT).decision_id
    router.close()

    with pytest.raises(StateError, match="closed; load it again"):
        router.route(EDIT)
    with pytest.raises(StateError, match="closed; load it again"):
        router.feedback(decision_id, quality=5.0)


def test_a_state_of_another_artifact_is_refused_by_both_names(
    make_router: Maker, tmp_path: Path
) -> None:
    """And the file is left as it is."""
    path = tmp_path / "s.json"
    with make_router(state=path) as router:
        router.route(EDIT)
    before = path.read_bytes()

    with pytest.raises(
        StateError, match=r"s\.json' belongs to artifact 'artifact-1'.*'artifact-2'"
    ):
        make_router(state=path, artifact_id="artifact-2")

    assert path.read_bytes() == before


def test_a_store_that_cannot_be_is_refused(make_router: Maker) -> None:
    """Before anything is decided."""
    with pytest.raises(StateError, match="not in this version"):
        make_router(state="ftp://here")


def test_an_unknown_strategy_lists_the_known_ones(make_router: Maker) -> None:
    """The default among them."""
    with pytest.raises(SettingsError, match="known: residual, seed, seed-warm, greedy"):
        make_router(strategy="ucb")


def test_decision_ids_are_unpredictable_without_a_seed_and_repeat_with_one(
    make_router: Maker,
) -> None:
    """With a seed, ids that the state knows are passed over after a restart."""
    ids = {
        seed: [make_router(seed=seed).route(EDIT).decision_id for _ in range(2)]
        for seed in (None, 1)
    }
    assert ids[None][0] != ids[None][1]
    assert ids[1][0] == ids[1][1]

    store = MemoryStore()
    with make_router(seed=1, state=store) as router:
        first = router.route(EDIT).decision_id
    second = make_router(seed=1, state=store).route(EDIT).decision_id

    assert first == ids[1][0] != second


def test_threads_share_a_router_without_losing_a_report(make_router: Maker) -> None:
    """Eight threads decide and report; each decision is counted, each report learned once."""
    store = CountingStore()
    router = make_router(state=store)
    answers: list[Receipt] = []

    def work(number: int) -> None:
        for step in range(50):
            decision = router.route(EDIT if (number + step) % 2 else CHAT)
            answers.append(router.feedback(decision.decision_id, quality=8.0, cost_usd=0.001))
            answers.append(router.feedback(decision.decision_id, quality=0.0))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)

    snapshot = router.snapshot()
    assert (snapshot.counts.decisions, snapshot.counts.feedback) == (400, 400)
    assert sum(map(bool, answers)) == 400
    assert snapshot.n_pending == sum(cell.n_pending for cell in snapshot.cells) == 0
    assert sum(cell.n_decisions for cell in snapshot.cells) == 400
    assert make_router(state=store).snapshot().cells == snapshot.cells


def test_pending_decisions_are_bounded(make_router: Maker) -> None:
    """The oldest expire, are counted, and can no longer be reported on."""
    router = make_router(max_pending=5)
    ids = [router.route(EDIT).decision_id for _ in range(8)]

    assert (router.snapshot().n_pending, router.snapshot().counts.expired) == (5, 3)
    with pytest.raises(FeedbackError, match="3 expired"):
        router.feedback(ids[0], quality=5.0)
    assert router.feedback(ids[3], quality=5.0)


def test_quality_may_follow_the_cost(make_router: Maker) -> None:
    """The answer tells what was new each time; the state is that of one whole report."""
    parts, whole = make_router(), make_router()
    decision_id = parts.route(EDIT).decision_id

    assert parts.feedback(decision_id, cost_usd=0.004).new == ("cost_usd",)
    assert parts.feedback(decision_id, cost_usd=0.004, quality=3.0).new == ("quality",)
    assert not parts.feedback(decision_id, cost_usd=0.004, quality=3.0)
    whole.feedback(whole.route(EDIT).decision_id, cost_usd=0.004, quality=3.0)

    assert parts.q() == whole.q()


def test_a_traces_outcome_is_credited_by_its_session_or_its_name(make_router: Maker) -> None:
    """Declared: equally to all whose quality is out, or to those without any report alone."""
    router = make_router()
    one = [router.route(Task(task_type="edit", session_id="s1")).decision_id for _ in range(3)]
    other = router.route(Task(task_type="edit", session_id="s1"), trace_id="t2").decision_id
    router.feedback(one[0], quality=9.0)
    router.feedback(one[1], cost_usd=0.01)

    assert router.feedback_trace("s1", quality=2.0, credit="unreported").credited == (one[2],)
    assert router.feedback_trace("s1", quality=2.0).credited == (one[1],)
    assert not router.feedback_trace("s1", quality=2.0)
    assert router.feedback_trace("t2", quality=2.0).credited == (other,)
    assert not router.feedback_trace("nobody", quality=2.0)
    assert router.snapshot().n_pending == 0


def test_a_wrong_outcome_of_a_trace_is_refused(make_router: Maker) -> None:
    """Its quality, and the way to credit it."""
    router = make_router()
    with pytest.raises(FeedbackError, match="'t': quality is 11"):
        router.feedback_trace("t", quality=11.0)
    with pytest.raises(FeedbackError, match="credit is 'last', must be 'equal' or 'unreported'"):
        router.feedback_trace("t", quality=1.0, credit="last")  # type: ignore[arg-type]


def test_decisions_are_waited_for_as_long_as_the_state_says(
    make_router: Maker, tmp_path: Path
) -> None:
    """The time is kept with the state, until another is asked for."""
    now = [0.0]
    path = tmp_path / "s.json"
    with make_router(state=path, pending_ttl_s=100.0, clock=lambda: now[0]) as router:
        early = router.route(EDIT).decision_id
    with make_router(state=path, clock=lambda: now[0]) as router:
        now[0] = 101.0
        late = router.route(EDIT).decision_id
        router.save()
        with pytest.raises(FeedbackError, match="1 expired unreported"):
            router.feedback(early, quality=5.0)
    with make_router(state=path, pending_ttl_s=1000.0, clock=lambda: now[0]) as router:
        now[0] = 900.0
        assert router.feedback(late, quality=5.0)

    with pytest.raises(SettingsError, match="pending_ttl_s is 0, must be finite and > 0"):
        make_router(pending_ttl_s=0)
    with pytest.raises(SettingsError, match="max_pending is 0, must be at least 1"):
        make_router(max_pending=0)


def test_health_in_memory_is_good(make_router: Maker) -> None:
    """There is nothing to be out of step with."""
    router = make_router()
    router.feedback(router.route(EDIT).decision_id, quality=5.0)
    health = router.health()

    assert (health.is_ok, health.reason, health.store) == (True, None, "memory://")
    assert (health.age_s, health.position, health.n_queued) == (0.0, 2, 0)


def test_load_takes_everything_from_the_artifact(
    prior: PriorStats, tiers: TierSet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Predictor, prior, tiers, reference cost, id and lambda; lambda can be replaced."""

    class Even:
        def predict(self, task: Task) -> Prediction:
            return Prediction([0.5] * 3, [0.001, 0.004, 0.02], [0.05, 0.2, 1.0], 1)

    loaded = SimpleNamespace(
        metrics={},
        predictor=Even(),
        prior=prior,
        tiers=tiers,
        cost_ref=0.02,
        artifact_id="from-disk",
        lam=1.5,
    )
    monkeypatch.setattr(load, "load_artifact", lambda path: loaded)

    router = Router.load(tmp_path, strategy="greedy")
    decision = router.route(EDIT)

    assert (router.artifact_id, router.lam, router.tiers) == ("from-disk", 1.5, tiers)
    assert (decision.tier, decision.lam, decision.bucket) == ("low", 1.5, "other")
    assert Router.load(tmp_path, lam=0.0).lam == 0.0
