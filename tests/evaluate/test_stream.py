"""Test-then-train: what a strategy is shown, and what it does with it."""

from random import Random
from typing import Any

import numpy as np
import pytest

from tracetier.errors import SettingsError
from tracetier.evaluate.scenario import Scenario, parse_event
from tracetier.evaluate.stream import Stream, fresh_strategy, play
from tracetier.heads.prior import Prediction
from tracetier.route.control.goal import Goal

N = 300


@pytest.fixture
def stream(artifact: Any) -> Stream:
    """Tasks of three types in turn, outcomes at the types' rates, lambda 2."""
    rng = np.random.default_rng(0)
    prior = artifact.prior
    bucket = np.arange(N) % 3
    predictions = [
        Prediction(prior.quality_mean[b].tolist(), [1.0, 3.0, 10.0], prior.cost_mean[b].tolist(), b)
        for b in bucket.tolist()
    ]
    quality = (rng.random((N, 3)) < prior.quality_mean[bucket]).astype(float)
    return Stream(predictions, quality, prior.cost_mean[bucket], np.full(N, 2.0), prior)


def test_every_task_comes_once_and_the_order_is_the_seeds(stream: Stream) -> None:
    """The same for every strategy, another for another order or seed."""
    played = play(stream, "residual", seed=1, order=0)
    orders = {
        (name, seed, order): play(stream, name, seed=seed, order=order).order.tolist()
        for name, seed, order in [("seed-warm", 1, 0), ("residual", 1, 1), ("residual", 2, 0)]
    }

    assert sorted(played.order.tolist()) == list(range(N))
    assert orders["seed-warm", 1, 0] == played.order.tolist()
    assert orders["residual", 1, 1] != played.order.tolist()
    assert orders["residual", 2, 0] != played.order.tolist()


def test_only_the_chosen_outcome_is_revealed(stream: Stream) -> None:
    """With the outcomes of the tiers not taken replaced by nonsense, every decision is the same."""
    played = play(stream, "residual", seed=0, order=0)
    hidden = np.full((N, 3), 1e9)
    rows = played.order
    blinded = hidden.copy()
    blinded[rows, played.tier] = stream.quality[rows, played.tier]
    blinded_cost = hidden.copy()
    blinded_cost[rows, played.tier] = stream.cost[rows, played.tier]
    again = play(stream._replace(quality=blinded, cost=blinded_cost), "residual", seed=0, order=0)

    assert again.tier.tolist() == played.tier.tolist()


def test_the_cold_seed_strategy_is_the_published_rule(stream: Stream) -> None:
    """The pseudo-code of the published rule beside it, on the same stream of random numbers."""
    played = play(stream, "seed", seed=4, order=2)
    rng = Random(4 * 1_000_003 + 2)
    q = np.zeros((3, 3))
    for task, tier in zip(played.order.tolist(), played.tier.tolist(), strict=True):
        bucket = task % 3
        arm = int(q[bucket].argmax())
        if rng.random() < 0.10:
            arm = rng.randrange(3)
        assert arm == tier
        reward = 10 * stream.quality[task, arm] - 2.0 * stream.cost[task, arm]
        q[bucket, arm] += 0.10 * (reward - q[bucket, arm])


def test_greedy_takes_the_best_prediction_and_never_explores(stream: Stream) -> None:
    """Rewards at lambda 2: the tier that the type needs."""
    played = play(stream, "greedy", seed=0, order=0)

    assert played.tier.tolist() == [task % 3 for task in played.order.tolist()]
    assert played.n_explored == 0


def test_seed_starts_from_the_model_and_seed_cold_from_nought(artifact: Any) -> None:
    """Q of the hard bucket at lambda 2: 10 q - 2 c, or 0."""
    warm, cold = (fresh_strategy(name, artifact.prior, 2.0) for name in ("seed-warm", "seed"))

    assert warm.q(2, 2.0) == pytest.approx([0.8, 2.4, 7.0])
    assert cold.q(2, 2.0) == [0.0, 0.0, 0.0]


def test_each_task_is_decided_at_its_own_lambda(stream: Stream) -> None:
    """Even tasks at a huge lambda: the greedy strategy takes the cheapest tier there."""
    lams = np.where(np.arange(N) % 2 == 0, 1000.0, 2.0)
    played = play(stream._replace(lam=lams), "greedy", seed=0, order=0)

    for task, tier in zip(played.order.tolist(), played.tier.tolist(), strict=True):
        assert tier == (0 if task % 2 == 0 else task % 3)


def test_an_unknown_strategy_lists_the_known_ones(artifact: Any) -> None:
    """By name."""
    with pytest.raises(
        SettingsError, match="'ucb' cannot be replayed; known: residual, seed-warm, seed, greedy"
    ):
        fresh_strategy("ucb", artifact.prior, 0.3)


def test_the_reward_is_that_of_the_formula(stream: Stream) -> None:
    """10 quality - lambda cost, per task."""
    assert stream.reward[5, 2] == pytest.approx(10 * stream.quality[5, 2] - 2.0 * 1.0)


def _held(stream: Stream, *events: str, **options: Any) -> Stream:
    scenario = Scenario(events=tuple(map(parse_event, events)), **options)
    return stream._replace(tiers=("low", "mid", "high"), scenario=scenario)


def test_a_tier_is_not_taken_before_it_comes_nor_after_it_went(stream: Stream) -> None:
    """high comes at 100, mid goes at 200; both are taken while they are there."""
    played = play(_held(stream, "add:high@100", "remove:mid@200"), "residual", seed=0, order=0)

    assert 2 not in played.tier[:100]
    assert 1 not in played.tier[200:]
    assert {1, 2} <= set(played.tier.tolist())


def test_a_silent_drop_is_found_out(stream: Stream) -> None:
    """Where high falls to .1, it is taken less than half as often as without."""
    calm, fallen = (
        play(_held(stream, *events), "residual", seed=0, order=0).tier[150:]
        for events in ((), ("drop:high:0.1@0",))
    )

    assert 2 * (fallen == 2).sum() < (calm == 2).sum()


def test_reports_that_never_come_teach_nothing(stream: Stream) -> None:
    """With all of them lost, and with a delay as long as the stream, nothing is learned: same."""
    lost, late = (
        play(_held(stream, **options), "seed-warm", seed=3, order=0)
        for options in ({"missing": 1.0}, {"delay": N})
    )

    assert lost.tier.tolist() == late.tier.tolist()


def test_noise_changes_what_is_reported_and_not_what_is_told(stream: Stream) -> None:
    """Decisions differ, the outcomes that are counted are those of the table."""
    noisy = _held(stream, noise=0.5)
    played = play(noisy, "residual", seed=0, order=0)

    assert played.tier.tolist() != play(stream, "residual", seed=0, order=0).tier.tolist()
    assert noisy.in_order(played.order).quality.tolist() == stream.quality[played.order].tolist()


def test_a_goal_is_held_by_any_strategy(stream: Stream) -> None:
    """Half of what the best tiers would cost; costs are exact, so within 10 % in 300 decisions."""
    usd = np.tile([1.0, 3.0, 10.0], (N, 1))
    paced = stream._replace(goal=Goal(budget_usd=2.5), cost_usd=usd, cost_ref=10.0)

    for name in ("residual", "seed-warm", "greedy", "thompson"):
        played = play(paced, name, seed=0, order=0)
        assert usd[0][played.tier].mean() == pytest.approx(2.5, rel=0.1)
