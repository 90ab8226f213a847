"""Staying with a session's tier: what a switch costs, and when it is worth it."""

import pytest

from tracetier.errors import SettingsError
from tracetier.records import Task
from tracetier.route.choice import Choice
from tracetier.route.stickiness import Stickiness, reread_prices, stick
from tracetier.tiers import Tier

NONE = [0.0, 0.0]
CHOICE = Choice(
    tier=1,
    greedy=1,
    near_tie_with=-1,
    explored=False,
    epsilon=0.1,
    propensities=[0.05, 0.95],
    quality=NONE,
    cost=NONE,
    reward=[7.0, 7.5],
    sd=NONE,
    prior_reward=NONE,
    n_reports=[0, 0],
)
STICKY = Stickiness(reread_usd_per_token=(1e-6, 4e-6), cache_lives_s=300.0)
TASK = Task(context_tokens=100_000)


def _stick(
    task: Task = TASK, last: int = 0, lam: float = 1.0, sticky: Stickiness = STICKY
) -> tuple[Choice, str]:
    return stick(
        CHOICE, task, last, stickiness=sticky, lam=lam, cost_ref=0.5, names=("low", "high")
    )


def test_a_switch_is_made_where_it_gains_more_than_it_costs() -> None:
    """100,000 tokens at $4 a million are $.40, of .50 are .8: high leads by .5 only."""
    held, why = _stick()
    assert (held.tier, held.propensities) == (0, [0.95, 0.05])
    assert why == (
        "stays on low, whose cache is warm: high scores +0.50, reading 100,000 tokens anew costs "
        "$0.4 or 0.80"
    )

    assert _stick(lam=0.5)[0] is CHOICE  # .4 is less than .5
    assert _stick(Task(context_tokens=10_000))[0] is CHOICE


@pytest.mark.parametrize(
    ("task", "last"),
    [
        pytest.param(TASK, 1, id="the best is the last"),
        pytest.param(Task(), 0, id="no context known"),
        pytest.param(Task(context_tokens=100_000, idle_s=301.0), 0, id="the cache is cold"),
    ],
)
def test_nothing_is_held_where_nothing_is_lost(task: Task, last: int) -> None:
    """The same object comes back."""
    assert _stick(task, last) == (CHOICE, "")


def test_the_cost_of_a_switch_is_capped_as_every_cost() -> None:
    """At lambda .4 even a context of a billion tokens costs no more than .4."""
    assert _stick(Task(context_tokens=10**9), lam=0.4)[0] is CHOICE
    assert _stick(Task(context_tokens=10**9), lam=0.6)[0].tier == 0


def test_affinity_keeps_the_tier_for_certain() -> None:
    """Whatever is believed, and without exploring."""
    held, why = _stick(sticky=Stickiness(affinity=True))

    assert (held.tier, held.propensities, why) == (0, [1.0, 0.0], "the session keeps its tier, low")


def test_prices_of_reading_anew_come_from_the_tiers() -> None:
    """Full less cached, and nothing where the cache is no cheaper."""
    one = Tier(
        name="a", input_usd_per_mtok=3.0, output_usd_per_mtok=1.0, cache_read_usd_per_mtok=0.3
    )
    two = Tier(
        name="b", input_usd_per_mtok=1.0, output_usd_per_mtok=1.0, cache_read_usd_per_mtok=2.0
    )

    assert reread_prices([one, two]) == pytest.approx((2.7e-6, 0.0))
    with pytest.raises(SettingsError, match=r"tier 'c' does not say: give input_usd_per_mtok"):
        reread_prices([one, Tier(name="c")])
