"""The router's decisions: what they say, what they refuse, and what feedback does to them."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest

from tracetier.artifact import load
from tracetier.errors import ArtifactError, FeedbackError, SettingsError, StateError, TierError
from tracetier.heads.prior import Prediction, PriorStats
from tracetier.records import Feedback, Task
from tracetier.route.router import Router
from tracetier.route.state.memory import MemoryStore
from tracetier.tiers import TierSet

EDIT, CHAT = Task(task_type="edit"), Task(task_type="chat")
Maker = Callable[..., Router]


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
