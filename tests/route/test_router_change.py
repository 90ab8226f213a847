"""Tiers that come, go and change price under way, and another artifact under load."""

import gc
import threading
import weakref
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tracetier.errors import ArtifactError, SettingsError, StateError, TierError
from tracetier.heads.prior import Prediction, PriorStats
from tracetier.records import Task
from tracetier.route.change import Probe, change_event
from tracetier.route.channel import ChannelParams
from tracetier.route.model import Base
from tracetier.route.offline import snapshot_of_state
from tracetier.route.residual import ResidualParams
from tracetier.route.router import Router
from tracetier.settings import Settings
from tracetier.tiers import Tier, TierSet

EDIT = Task(task_type="edit")
Maker = Callable[..., Router]


def _report(router: Router, n: int, quality: dict[str, float], **terms: Any) -> Counter[str]:
    """Route and report n tasks, each tier with its quality and its predicted cost."""
    taken = Counter[str]()
    for _ in range(n):
        decision = router.route(EDIT, **terms)
        cost = decision.scores[decision.tier].cost_usd
        router.feedback(decision.decision_id, quality=quality[decision.tier], cost_usd=cost)
        taken[decision.tier] += 1
    return taken


def test_a_tier_that_is_added_starts_between_its_neighbours(make_router: Maker) -> None:
    """At a cost between mid and high; what was reported of the others counts as it did.

    Where no noise is taken off: else less is from now on, see `Channel`.
    """
    router = make_router(params=ResidualParams(channel=ChannelParams()))
    _report(router, 30, {"low": 5.0, "mid": 6.0, "high": 9.5})
    before = router.q("edit")["edit"]
    router.add_tier(Tier(name="new", models=("n-1",)), cost_usd=0.009)
    after = router.q("edit")["edit"]

    assert router.tiers.names == ("low", "mid", "new", "high")
    assert {name: after[name] for name in before} == pytest.approx(before)
    assert 7.0 < after["new"] < 9.0
    assert router.route(EDIT, allowed=["new"]).model == "n-1"


def test_a_good_new_tier_is_taken_and_a_bad_one_is_not(make_router: Maker) -> None:
    """As good as high at a fifth of its cost: most of the second hundred decisions. At 2: few."""
    for quality, expected in ((9.5, range(80, 101)), (2.0, range(0, 8))):
        router = make_router(lam=3.0)
        world = {"low": 5.0, "mid": 6.0, "high": 9.0, "new": quality}
        _report(router, 200, world)
        router.add_tier(Tier(name="new"), cost_usd=0.004)
        _report(router, 100, world)

        assert _report(router, 100, world)["new"] in expected


def test_probes_are_learned_from_at_once(make_router: Maker) -> None:
    """Twenty replays at 9.5 of 10: believed without any live decision, whatever the rules say."""
    router = make_router(settings=Settings(rules=({"ceiling": "low"},)))
    router.add_tier(
        Tier(name="new"),
        cost_usd=0.004,
        probes=[Probe(task=EDIT, quality=9.5, cost_usd=0.004)] * 20,
    )

    cell = next(c for c in router.snapshot().cells if (c.bucket, c.tier) == ("edit", "new"))
    assert cell.n_reports == 20
    assert cell.q > 8.5


def test_a_removed_tier_is_never_taken_again(make_router: Maker) -> None:
    """Its open decision teaches nothing; those of the others go on at their new place."""
    router = make_router()
    gone, kept = (router.route(EDIT, allowed=[name]).decision_id for name in ("mid", "high"))
    router.remove_tier("mid")

    assert router.tiers.names == ("low", "high")
    assert {router.route(EDIT).tier for _ in range(100)} <= {"low", "high"}
    assert not router.feedback(gone, quality=5.0)
    assert router.feedback(kept, quality=5.0).new == ("quality",)
    assert [c.n_reports for c in router.snapshot().cells if c.bucket == "edit"] == [0, 1]
    with pytest.raises(TierError, match="'mid' is not declared"):
        router.route(EDIT, allowed=["mid"])


def test_a_renamed_tier_is_the_same_tier(make_router: Maker) -> None:
    """Q, decisions and probabilities are those of before."""
    one, two = make_router(), make_router()
    for router in (one, two):
        _report(router, 40, {"low": 5.0, "mid": 6.0, "high": 9.5})
    two.rename_tier("high", "top")

    for _ in range(20):
        ours, theirs = one.route(EDIT), two.route(EDIT)
        assert list(ours.propensities.values()) == list(theirs.propensities.values())
    assert two.q("edit")["edit"]["top"] == one.q("edit")["edit"]["high"]


def test_a_price_cut_is_taken_at_once_and_back_again(make_router: Maker) -> None:
    """Lambda 20: low is best; with high at a hundredth of its price high is; then low again."""
    router = make_router(lam=20.0, strategy="greedy")
    assert router.route(EDIT).tier == "low"
    router.reprice("high", factor=0.01)
    cheap = router.route(EDIT)
    assert cheap.tier == "high"
    assert cheap.scores["high"].cost_usd == pytest.approx(0.0002)
    router.reprice("high", factor=100.0)
    assert router.route(EDIT).tier == "low"
    with pytest.raises(TierError, match="give factor="):
        router.reprice("high")


def test_changed_tiers_outlive_the_process(make_router: Maker, tmp_path: Path) -> None:
    """In a file; another router goes on with them."""
    path = tmp_path / "s.db"
    with make_router(state=path) as router:
        router.add_tier(Tier(name="new"), cost_usd=0.009)
        router.rename_tier("low", "tiny")
        router.remove_tier("mid")
        _report(router, 20, {"tiny": 5.0, "new": 9.0, "high": 9.5})
        q = router.q()

    assert {cell.tier for cell in snapshot_of_state(path).cells} == {"tiny", "new", "high"}
    with make_router(state=path) as router:
        assert router.tiers.names == ("tiny", "new", "high")
        assert router.q() == q


def test_routers_that_share_a_state_follow_a_change(make_router: Maker, tmp_path: Path) -> None:
    """Decisions that were under way in the old layout are placed in the new one."""
    path = tmp_path / "s.db"
    with make_router(state=path) as one, make_router(state=path, seed=8) as two:
        _report(one, 3, {"low": 5.0, "mid": 6.0, "high": 9.5})
        old = two.route(EDIT, allowed=["high"]).decision_id
        one.remove_tier("low")
        assert two.feedback(old, quality=9.0).new == ("quality",)
        assert two.route(EDIT).tier in ("mid", "high")
        assert two.tiers.names == ("mid", "high")
        assert one.q() == two.q()


def test_one_that_decided_nothing_since_the_last_change_makes_the_next(
    make_router: Maker, tmp_path: Path
) -> None:
    """It goes on from what the state has by then, for every kind of change."""
    path = tmp_path / "s.db"
    with make_router(state=path) as one, make_router(state=path, seed=8) as two:
        one.remove_tier("low")
        two.rename_tier("mid", "middle")
        one.reprice("high", factor=0.5)
        two.add_tier(Tier(name="new"), cost_usd=0.004)
        one.remove_tier("middle")
        two.rename_tier("high", "highest")
        assert two.tiers.names == ("new", "highest")


def test_a_change_that_lost_a_race_is_told(
    make_router: Maker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The other's stands."""
    path = tmp_path / "s.db"
    where = "tracetier.route.tier_changes.change_event"
    with make_router(state=path) as one, make_router(state=path, seed=8) as two:
        _report(one, 1, {"low": 5.0, "mid": 6.0, "high": 9.5})

        def after_the_other(*args: Any, **terms: Any) -> Any:
            monkeypatch.setattr(where, change_event)
            one.remove_tier("low")
            return change_event(*args, **terms)

        monkeypatch.setattr(where, after_the_other)
        with pytest.raises(StateError, match=r"at the same time.*now mid, high"):
            two.remove_tier("mid")
        assert one.tiers.names == two.tiers.names == ("mid", "high")


def test_a_rule_that_names_a_tier_keeps_it_from_being_removed(make_router: Maker) -> None:
    """Nothing changed."""
    router = make_router(settings=Settings(rules=({"floor": "mid"},)))
    with pytest.raises(SettingsError, match="floor: tier 'mid' is not declared"):
        router.remove_tier("mid")

    assert router.tiers.names == ("low", "mid", "high")


class Shifted:
    """Another model: one bucket more, and quality higher by .05."""

    def predict(self, task: Task) -> Prediction:
        bucket = {"edit": 1, "chat": 0}.get(task.task_type or "", 2)
        return Prediction([0.65, 0.75, 0.95], [0.002, 0.008, 0.04], [0.05, 0.2, 1.0], bucket)


def _other(prior: PriorStats, tiers: TierSet, artifact_id: str = "artifact-2") -> Base:
    rows = [1, 0, 1]
    return Base(
        predictor=Shifted(),
        prior=msgspec.structs.replace(
            prior,
            buckets=("chat", "edit", "other"),
            n=prior.n[rows],
            quality_mean=np.minimum(1.0, prior.quality_mean[rows] + 0.05),
            cost_mean=prior.cost_mean[rows],
        ),
        tiers=tiers,
        cost_ref=0.04,
        artifact_id=artifact_id,
        path="models/next",
    )


@pytest.fixture
def swap_to(monkeypatch: pytest.MonkeyPatch) -> Callable[[Base], None]:
    """Have ``swap`` load what the test dictates."""

    def set_base(base: Base) -> None:
        monkeypatch.setattr(
            "tracetier.route.tier_changes.base_at", lambda path, settings, **_: base
        )

    return set_base


def test_an_artifact_is_swapped_and_what_reports_taught_is_kept(
    make_router: Maker,
    prior: PriorStats,
    tiers: TierSet,
    swap_to: Callable[[Base], None],
    tmp_path: Path,
) -> None:
    """Buckets by name; belief in the reported cell stays within .7, though the model moved by .5.

    The state carries the new id, so that a router over the new artifact goes on from it.
    """
    path = tmp_path / "s.db"
    base = _other(prior, tiers)
    swap_to(base)
    with make_router(state=path) as router:
        _report(router, 100, {"low": 5.0, "mid": 6.0, "high": 2.0}, allowed=["high"])
        open_id = router.route(EDIT, allowed=["high"]).decision_id
        before = router.snapshot(lam=0.0)
        router.swap("models/next")

        assert router.artifact_id == "artifact-2"
        after = router.snapshot(lam=0.0)
        assert after.counts.feedback == before.counts.feedback == 100
        q = {c.tier: c.q for c in before.cells if c.bucket == "edit"}
        q_now = {c.tier: c for c in after.cells if c.bucket == "edit"}
        assert q_now["high"].n_reports == 100
        assert q_now["high"].q == pytest.approx(q["high"], abs=0.2)
        assert q_now["high"].q < 4.0
        assert router.feedback(open_id, quality=2.0).new == ("quality",)

    assert snapshot_of_state(path).artifact_id == "artifact-2"
    over = {name: getattr(base, name) for name in ("predictor", "prior", "cost_ref", "artifact_id")}
    with make_router(state=path, **over) as router:
        assert router.snapshot().counts.feedback == 101
    with pytest.raises(StateError, match="belongs to artifact 'artifact-2'"):
        make_router(state=path)


def test_models_that_were_swapped_out_are_let_go(
    make_router: Maker, prior: PriorStats, tiers: TierSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that is given a model a night does not hold all of them."""
    bases = [_other(prior, tiers, f"next-{n}") for n in range(5)]
    predictors = [weakref.ref(base.predictor) for base in bases]
    monkeypatch.setattr(
        "tracetier.route.tier_changes.base_at", lambda path, settings, **_: bases.pop(0)
    )
    router = make_router()
    for _ in predictors:
        router.swap("models/next")
    gc.collect()

    assert [ref() is None for ref in predictors] == [True, True, True, False, False]
    assert list(router._bases) == ["artifact-1", "next-3", "next-4"]


def test_a_damaged_artifact_changes_nothing(
    make_router: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is audited before."""

    def refuse(path: str, settings: Settings, **_: object) -> Base:
        raise ArtifactError("heads.npz is damaged")

    monkeypatch.setattr("tracetier.route.tier_changes.base_at", refuse)
    router = make_router()
    with pytest.raises(ArtifactError, match="damaged"):
        router.swap("models/broken")

    assert (router.artifact_id, router.route(EDIT).artifact_id) == ("artifact-1", "artifact-1")


@pytest.mark.parametrize("state", [None, "s.db"])
def test_swapping_under_load_loses_no_report_and_mixes_nothing(
    make_router: Maker,
    prior: PriorStats,
    tiers: TierSet,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    state: str | None,
) -> None:
    """Four threads route and report while artifacts change ten times; every report counts once."""
    bases = [_other(prior, tiers, f"next-{n}") for n in range(10)]
    queue = list(bases)
    monkeypatch.setattr(
        "tracetier.route.tier_changes.base_at", lambda path, settings, **_: queue.pop(0)
    )
    router = make_router(state=None if state is None else tmp_path / state)
    known = {"artifact-1": 0.0, **{base.artifact_id: 0.05 for base in bases}}
    errors: list[BaseException] = []
    n_new = Counter[bool]()
    is_over = threading.Event()

    def work() -> None:
        try:
            while not is_over.is_set():
                decision = router.route(EDIT)
                expected = 0.9 + known[decision.artifact_id]
                found = 10 * router_quality(decision.scores["high"].prior_reward, decision.lam)
                assert found == pytest.approx(10 * expected), decision
                n_new[bool(router.feedback(decision.decision_id, quality=8.0))] += 1
        except BaseException as error:  # noqa: BLE001 - told by the main thread
            errors.append(error)

    def router_quality(reward: float, lam: float) -> float:
        return (reward + lam * 1.0) / 10.0

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            router.swap("models/next")
    finally:
        is_over.set()
        for thread in threads:
            thread.join()

    assert errors == []
    assert n_new[False] == 0
    assert router.snapshot().counts.feedback == n_new[True] > 0
    assert router.artifact_id == "next-9"
    router.close()
