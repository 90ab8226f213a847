"""The published rule beside its own pseudo-code: decision for decision, Q for Q."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tracetier.errors import SettingsError, StateError
from tracetier.heads.prior import PriorStats
from tracetier.records import Task
from tracetier.route.choice import Report
from tracetier.route.router import Router
from tracetier.route.seed import SeedParams, SeedStrategy, start_seed

NAMES = ("low", "mid", "high")
EDIT = Task(task_type="edit")


class PublishedRule:
    """The pseudo-code: epsilon = alpha = .10, one Q per bucket and arm, ties to the first arm."""

    def __init__(self, q: list[list[float]], rng: Random) -> None:
        self.q = q
        self.rng = rng

    def arm(self, bucket: int) -> int:
        if self.rng.random() < 0.10:
            return self.rng.randrange(3)
        best = 0
        for a in (1, 2):
            if self.q[bucket][a] > self.q[bucket][best]:
                best = a
        return best

    def update(self, bucket: int, a: int, quality: float, cost: float) -> None:
        r = quality - 0.3 * cost
        self.q[bucket][a] = self.q[bucket][a] + 0.10 * (r - self.q[bucket][a])


def _run(router: Router, rule: PublishedRule, n_steps: int) -> None:
    """Both decide and learn from the same outcomes; every decision and every Q must be equal."""
    world = Random(99)
    tasks = (Task(task_type="edit"), Task(task_type="chat"))
    for _ in range(n_steps):
        bucket = world.randrange(2)
        decision = router.route(tasks[bucket])
        a = rule.arm(bucket)
        assert decision.tier == NAMES[a]
        quality = 10 * world.random() ** (1 + (a + bucket) % 3)
        cost_usd = 0.03 * world.random() * (a + 1)
        router.feedback(decision.decision_id, quality=quality, cost_usd=cost_usd)
        rule.update(bucket, a, quality, min(1.0, cost_usd / 0.02))
        q = router.q()
        assert [list(q["edit"].values()), list(q["other"].values())] == rule.q


STEPS = [3_000, pytest.param(100_000, marks=pytest.mark.slow)]


@pytest.mark.parametrize("n_steps", STEPS)
@pytest.mark.parametrize("is_warm", [False, True], ids=["cold", "warm"])
def test_parity_with_the_published_rule(
    make_router: Callable[..., Router], prior: PriorStats, n_steps: int, is_warm: bool
) -> None:
    """Under one stream of draws; Q is compared with ==, at every step."""
    q = (10 * prior.quality_mean - 0.3 * prior.cost_mean).tolist() if is_warm else [[0.0] * 3] * 2
    router = make_router(strategy="seed", params=SeedParams(is_warm=is_warm), seed=5)

    _run(router, PublishedRule([list(row) for row in q], Random(5)), n_steps)


def test_a_report_without_cost_counts_the_predicted_cost(prior: PriorStats) -> None:
    """Q = .1 * (8 - .3 * .2) from 0."""
    strategy = SeedStrategy(start_seed(prior, SeedParams(), lam=0.3))

    strategy.update(Report(0, 1, 0.7, 0.2, 0.3, 8.0, None))

    assert strategy.q(0, 0.3) == pytest.approx([0.0, 0.794, 0.0])


def test_a_report_without_quality_has_no_reward_and_moves_nothing(prior: PriorStats) -> None:
    """Missing is not 0."""
    strategy = SeedStrategy(start_seed(prior, SeedParams(is_warm=True), lam=0.3))

    strategy.update(Report(0, 1, 0.7, 0.2, 0.3, None, 0.5))

    assert strategy.q(0, 0.3) == strategy.prior_q(0, 0.3) == pytest.approx([5.985, 6.94, 8.7])
    assert strategy.n_reports(0) == [0, 0, 0]


def test_the_reward_is_joined_at_the_lambda_of_the_decision(
    make_router: Callable[..., Router],
) -> None:
    """Decided at lambda 4: .1 * (9 - 4 * .5)."""
    router = make_router(strategy="seed")

    decision = router.route(Task(task_type="edit"), lam=4.0, allowed=["mid"])
    router.feedback(decision.decision_id, quality=9.0, cost_usd=0.01)

    assert router.q("edit")["edit"]["mid"] == pytest.approx(0.7)


@pytest.mark.parametrize("name", ["epsilon", "alpha"])
def test_settings_out_of_range_are_named(name: str) -> None:
    """Both are shares."""
    with pytest.raises(SettingsError, match=rf"{name} is 1\.5, must be in \[0, 1\]"):
        SeedParams(**{name: 1.5})  # type: ignore[arg-type]


def test_cold_and_warm_are_two_names_of_one_kind_of_state(
    make_router: Callable[..., Router], tmp_path: Path
) -> None:
    """What the settings say counts, so a state that says only "seed" is read as what it is."""
    path = tmp_path / "s.json"
    with make_router(state=path, strategy="seed", params=SeedParams(is_warm=True)) as router:
        assert router.strategy == router.route(EDIT).strategy == "seed-warm"
    assert '"name": "seed"' in path.read_text()

    with make_router(state=path, strategy="seed-warm") as router:
        assert router.snapshot().strategy == "seed-warm"
        assert router.q("edit")["edit"]["high"] == pytest.approx(8.7)  # 10 x .9 - .3 x 1
    with pytest.raises(StateError, match="learned with strategy 'seed-warm', this router uses"):
        make_router(state=path, strategy="seed")
    assert make_router(strategy="seed").q("edit")["edit"]["high"] == 0.0


def test_warm_keeps_the_settings_that_it_is_given(make_router: Callable[..., Router]) -> None:
    """And starts from the model whatever they say."""
    router = make_router(strategy="seed-warm", params=SeedParams(epsilon=0.0, is_warm=False))

    decision = router.route(EDIT)

    assert (decision.strategy, decision.propensity) == ("seed-warm", 1.0)
    assert router.q("edit")["edit"]["mid"] == pytest.approx(6.94)  # 10 x .7 - .3 x .2
