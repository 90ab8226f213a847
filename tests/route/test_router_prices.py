"""Prices that changed since training: declared anew before a start, or under way."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tracetier.artifact.load import load_artifact
from tracetier.errors import StorageError
from tracetier.records import Task
from tracetier.route.router import Router
from tracetier.route.state.store import open_state
from tracetier.route.token_mix import TokenMix
from tracetier.serve.patient_store import PatientStore
from tracetier.settings import Settings
from tracetier.tiers import Tier, TierSet

EDIT = Task(task_type="edit")
Maker = Callable[..., Router]
# A tenth of the cost of each is input, the rest output.
MIX = TokenMix(input=1_000_000, output=900_000, cost_usd=10.0)
TOKENS = {"low": MIX, "high": MIX}


def priced(name: str, output_usd: float) -> Tier:
    """A tier at 1 USD for input; at 10 for output the mix costs 10."""
    return Tier(name=name, input_usd_per_mtok=1.0, output_usd_per_mtok=output_usd)


TRAINED = TierSet((priced("low", 10.0), Tier(name="mid"), priced("high", 10.0)))


def costs(router: Router) -> dict[str, float]:
    """Predicted USD of one task by tier."""
    return {name: score.cost_usd for name, score in router.route(EDIT).scores.items()}


def start(make_router: Maker, *now: Tier, **terms: Any) -> Router:
    """A router over an artifact that was trained at TRAINED, where ``now`` is declared."""
    router = make_router(tiers=TRAINED, tokens=TOKENS, settings=Settings(tiers=now), **terms)
    router.take_prices()
    return router


def test_declared_prices_rescale_what_is_predicted(make_router: Maker) -> None:
    """Output at half: 1 + 4.5 of 10, so .55; twice: 1 + 18. Nothing is known of mid's tokens."""
    before = costs(start(make_router))
    router = start(make_router, priced("low", 20.0), priced("mid", 1.0), priced("high", 5.0))
    now = costs(router)

    assert before == pytest.approx({"low": 0.001, "mid": 0.004, "high": 0.02})
    assert now["low"] == pytest.approx(1.9 * before["low"])
    assert now["mid"] == before["mid"]
    assert now["high"] == pytest.approx(0.55 * before["high"])


def test_the_same_prices_change_nothing(make_router: Maker) -> None:
    """No event, no other layout; nor do prices a trifle off."""
    for now in ((), (priced("low", 10.0),), (priced("high", 10.05),)):
        assert start(make_router, *now)._model.layout == 0


def test_a_price_is_taken_once_for_all_starts_and_given_back(
    make_router: Maker, tmp_path: Path
) -> None:
    """Started twice at half the price of output, then at the old one."""
    path, layout = tmp_path / "s.db", 0
    for output_usd, factor in ((5.0, 0.55), (5.0, 0.55), (10.0, 1.0)):
        with start(
            make_router, priced("low", 10.0), priced("high", output_usd), state=path
        ) as router:
            assert costs(router)["high"] == pytest.approx(0.02 * factor)
            layout = router._model.layout
    assert layout == 2


def test_what_was_reported_of_the_cost_moves_with_the_price(
    make_router: Maker, tmp_path: Path
) -> None:
    """Reports at twice the prediction keep saying so at the new price."""
    path = tmp_path / "s.db"
    with start(make_router, priced("high", 10.0), state=path) as router:
        for _ in range(200):
            decision = router.route(EDIT, allowed=["high"])
            router.feedback(decision.decision_id, quality=9.0, cost_usd=0.01)
        before = costs(router)["high"]
    with start(make_router, priced("high", 5.0), state=path) as router:
        assert costs(router)["high"] == pytest.approx(0.55 * before, rel=0.02)


def test_two_that_start_at_once_make_one_change(make_router: Maker, tmp_path: Path) -> None:
    """The second finds it made, and goes on."""
    path = tmp_path / "s.db"
    now = priced("high", 5.0)
    make = {"tiers": TRAINED, "tokens": TOKENS, "settings": Settings(tiers=(now,)), "state": path}
    with make_router(**make) as one, make_router(**make) as two:
        one.take_prices()
        two.take_prices()
        assert costs(one)["high"] == costs(two)["high"] == pytest.approx(0.011)
        assert one._model.layout == two._model.layout == 1


def test_a_store_that_is_away_keeps_no_one_from_starting(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prices or not: it decides by the model until the store is back."""
    pytest.importorskip("redis")
    golden = root / "tests" / "golden" / "artifact_v2" / "artifact"
    names = load_artifact(golden).tiers.names
    mixes = dict.fromkeys(names, MIX)
    monkeypatch.setattr("tracetier.route.router.token_mixes", lambda metrics: mixes)
    away = PatientStore(open_state("redis://127.0.0.1:1/0"))
    now = tuple(priced(name, 90.0) for name in names)
    router = Router.load(golden, state=away, settings=Settings(tiers=now))

    assert router.route(EDIT).tier in names
    assert not router.health().is_ok
    with suppress(StorageError):
        router.close()


def test_under_way_a_declaration_is_weighted_by_tokens(make_router: Maker) -> None:
    """As at a start; without known tokens input and output count alike: 6 of 11."""
    router = start(make_router)
    router.reprice("high", tier=priced("high", 5.0))
    assert costs(router)["high"] == pytest.approx(0.02 * 0.55)

    bare = make_router(tiers=TRAINED)
    bare.reprice("high", tier=priced("high", 5.0))
    assert costs(bare)["high"] == pytest.approx(0.02 * 6 / 11)
