"""A stored state is gone on from only where it fits."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from tracetier.errors import SettingsError, StateError
from tracetier.heads.prior import PriorStats
from tracetier.records import Task
from tracetier.route.residual import ResidualParams
from tracetier.route.router import Router
from tracetier.route.seed import SeedParams
from tracetier.route.state.mark import Mark
from tracetier.route.state.memory import MemoryStore
from tracetier.tiers import Tier, TierSet

TASK = Task(task_type="edit")


def _used(make_router: Callable[..., Router], **changes: Any) -> MemoryStore:
    """A state that learned from one report."""
    store = MemoryStore()
    with make_router(state=store, **changes) as router:
        router.feedback(router.route(TASK).decision_id, quality=2.0, cost_usd=0.01)
    return store


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param(
            {"artifact_id": "artifact-2"},
            "memory:// belongs to artifact 'artifact-1', this router to 'artifact-2'"
            ".*another state, or move this one away to start anew .in Python: reset=True",
            id="another artifact",
        ),
        pytest.param(
            {"strategy": "seed"},
            "learned with strategy 'residual', this router uses 'seed'; use strategy 'residual'",
            id="another strategy",
        ),
        pytest.param(
            {"tiers": TierSet((Tier(name="low"), Tier(name="mid"), Tier(name="top")))},
            r"has the tiers \['low', 'mid', 'high'\].*has \['low', 'mid', 'top'\]",
            id="another tier",
        ),
    ],
)
def test_a_state_that_does_not_fit_is_refused(
    make_router: Callable[..., Router], changes: dict[str, Any], message: str
) -> None:
    """Both sides and the mend are named, and the state is left as it is."""
    store = _used(make_router)
    before = store.load()

    with pytest.raises(StateError, match=message):
        make_router(state=store, **changes)

    assert store.load() == before


def test_other_buckets_are_refused(make_router: Callable[..., Router], prior: PriorStats) -> None:
    """Their rows would be taken for each other."""
    store = _used(make_router)

    with pytest.raises(StateError, match="2 buckets"):
        make_router(state=store, prior=structs.replace(prior, buckets=("chat", "other")))


def test_reset_starts_anew_and_replaces_the_state_with_the_first_decision(
    make_router: Callable[..., Router],
) -> None:
    """Until then the old one stands."""
    store = _used(make_router)
    before = store.load()

    with make_router(state=store, artifact_id="artifact-2", reset=True) as router:
        assert store.load() == before
        assert router.snapshot().counts.decisions == 0
        router.route(TASK)

    assert make_router(state=store, artifact_id="artifact-2").snapshot().counts.decisions == 1


def test_a_damaged_state_is_refused_and_left_as_it_is(make_router: Callable[..., Router]) -> None:
    """Nothing is overwritten on the way out."""
    store = MemoryStore()
    store.replace(b'{"format": 1, "art', Mark("e", 0), expected=None)

    with pytest.raises(StateError, match="memory:// holds no readable state"):
        make_router(state=store)

    assert store.load() == (b'{"format": 1, "art', Mark("e", 0), ())


def test_settings_come_from_the_state_unless_given(make_router: Callable[..., Router]) -> None:
    """A state learned with epsilon .5 goes on with it, until another is asked for."""
    own = ResidualParams(explore_min=0.5, explore_max=0.5)
    store = _used(make_router, params=own)

    kept = make_router(state=store).route(TASK)
    changed = make_router(state=store, params=ResidualParams(explore_min=0.2, explore_max=0.2))

    assert min(kept.propensities.values()) == pytest.approx(0.5 / 3)
    assert min(changed.route(TASK).propensities.values()) == pytest.approx(0.2 / 3)
    assert changed.snapshot().counts.feedback == 1
    with pytest.raises(SettingsError, match="'residual' was given SeedParams"):
        make_router(state=store, params=SeedParams())


def test_lambda_is_a_dial_also_over_a_stored_state(make_router: Callable[..., Router]) -> None:
    """Quality and cost were kept apart, so Q is joined anew."""
    store = _used(make_router)

    low, high = (make_router(state=store, lam=lam).q()["edit"] for lam in (0.0, 4.0))

    assert low["high"] - high["high"] == pytest.approx(4.0, abs=0.4)
    assert low["low"] - high["low"] == pytest.approx(0.2, abs=0.1)
