"""Settings become layers, and what does not fit the tiers is told."""

import pytest

from tracetier.errors import SettingsError
from tracetier.route.escalation import Escalation
from tracetier.route.guard_settings import caps_of, declared, guard_params
from tracetier.route.incumbent import Incumbent
from tracetier.route.policy.caps import Cap
from tracetier.route.stickiness import Stickiness
from tracetier.settings import Settings
from tracetier.tiers import DEFAULT_TIERS, Tier, TierSet


def test_nothing_asked_for_is_nothing_built() -> None:
    """An empty policy, and no layer."""
    got = guard_params(Settings(), DEFAULT_TIERS)

    assert got.policy is not None
    assert got.policy.is_empty
    assert (got.escalation, got.stickiness, got.incumbent) == (None, None, None)
    assert caps_of(Settings()) == ()


def test_each_setting_reaches_its_layer() -> None:
    """By value."""
    settings = Settings(
        escalate_after=2,
        escalate_most=1,
        failure_below=4.0,
        affinity=True,
        cache_lives_s=60.0,
        incumbent="opus",
        abstain_sd=2.0,
        shadow=True,
        tenant_attr="team",
        rules=({"deny": "haiku"},),
        caps=({"per": "all", "usd": 5},),
    )
    got = guard_params(settings, DEFAULT_TIERS, effective=[1.0, 2.0, 3.0])

    assert got.escalation == Escalation(after=2, most=1, failure_below=4.0)
    assert got.stickiness == Stickiness(affinity=True, cache_lives_s=60.0)
    assert got.incumbent == Incumbent(
        tier=2, abstain_sd=2.0, shadow=True, effective=(1.0, 2.0, 3.0)
    )
    assert got.tenant_attr == "team"
    assert got.policy is not None
    assert got.policy.rules[0].deny == (0,)
    assert caps_of(settings) == (Cap(per="all", usd=5.0),)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (Settings(shadow=True), "shadow is on, but no incumbent"),
        (Settings(incumbent="opsu", sources={"incumbent": "a.toml"}), "a.toml: .*mean 'opus'"),
        (Settings(switch_cost=True), "switch_cost needs to know .*tier 'haiku'"),
        (Settings(rules=({"pin": "x"},), sources={"rules": "a.toml"}), r"a.toml: \[\[rule\]\] 1"),
    ],
)
def test_what_does_not_fit_is_told(settings: Settings, told: str) -> None:
    """With where it was said."""
    with pytest.raises(SettingsError, match=told):
        guard_params(settings, DEFAULT_TIERS)


def test_a_tier_is_what_is_declared_of_it_now() -> None:
    """Its models are those of training where none are declared."""
    trained = TierSet((Tier(name="low", models=("m-1",), context_window=10), Tier(name="high")))
    now = Settings(tiers=(Tier(name="low", tools=False), Tier(name="high", model="m-9")))
    low, high = declared(trained, now).tiers

    assert (low.models, low.context_window, low.tools) == (("m-1",), None, False)
    assert high.model == "m-9"
