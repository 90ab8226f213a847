"""Two states add up to one, the same either way to the bit."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from tracetier.errors import StateError
from tracetier.records import Task
from tracetier.route.offline import export_state, merge_states, snapshot_of_state
from tracetier.route.residual import ResidualParams, ResidualState
from tracetier.route.router import Router
from tracetier.route.seed import SeedState
from tracetier.route.state.document import StateDocument, decode_document, pack_document
from tracetier.route.state.memory import MemoryStore
from tracetier.route.state.merge import merge_documents
from tracetier.route.strategy import STRATEGIES
from tracetier.route.thompson import ThompsonState

Maker = Callable[..., Router]


def _used(
    make_router: Maker, seed: int, n: int = 40, *, time_s: float = 1.7e9, **changes: Any
) -> tuple[MemoryStore, StateDocument]:
    """A state of its own that saw n decisions: reported whole, in part, or not at all."""
    store, world = MemoryStore(), Random(seed)
    with make_router(state=store, seed=seed, clock=lambda: time_s, **changes) as router:
        router.save()
        for number in range(n):
            task = Task(
                task_type=world.choice(["edit", "chat"]),
                attrs={"shift": world.uniform(-0.1, 0.1)},
                session_id=f"s{number % 5}",
            )
            decision_id = router.route(task).decision_id
            if world.random() < 0.6:
                router.feedback(decision_id, quality=10 * world.random())
            if world.random() < 0.6:
                router.feedback(decision_id, cost_usd=0.03 * world.random())
    return store, decode_document(export_state(store), where="here")


seeds = st.integers(0, 10**6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    strategy=st.sampled_from(sorted(STRATEGIES)),
    one=st.tuples(seeds, st.integers(0, 25)),
    other=st.tuples(seeds, st.integers(0, 25)),
    times=st.tuples(st.sampled_from([1.7e9, 1.8e9]), st.just(1.7e9)),
)
def test_a_merge_commutes_to_the_bit(
    make_router: Maker,
    strategy: Any,
    one: tuple[int, int],
    other: tuple[int, int],
    times: tuple[float, float],
) -> None:
    """Whatever the strategy, however much each has seen; and the sum is a state that holds."""
    if one[0] == other[0]:  # the same ids of decisions
        other = (other[0] + 1, other[1])
    a = _used(make_router, *one, time_s=times[0], strategy=strategy)[1]
    b = _used(make_router, *other, time_s=times[1], strategy=strategy)[1]
    before = pack_document(a), pack_document(b)

    merged = pack_document(merge_documents(a, b))

    assert merged == pack_document(merge_documents(b, a))
    assert (pack_document(a), pack_document(b)) == before
    assert pack_document(decode_document(merged, where="here")) == merged


def test_the_sums_of_the_sum_are_the_sums(make_router: Maker) -> None:
    """Of every count and every discounted sum; means are weighted by what they rest on."""
    (_, a), (_, b) = _used(make_router, 1), _used(make_router, 2)
    merged = merge_documents(a, b)
    for document in (a, b, merged):
        assert isinstance(document.strategy, ResidualState)

    channels = [document.strategy.quality for document in (a, b, merged)]  # type: ignore[union-attr]
    assert channels[2].cell_sum[0] == [
        x + y for x, y in zip(channels[0].cell_sum[0], channels[1].cell_sum[0], strict=True)
    ]
    assert channels[2].tier_n[2] == channels[0].tier_n[2] + channels[1].tier_n[2]
    assert channels[2].n_reports == channels[0].n_reports + channels[1].n_reports
    assert merged.counts.feedback == a.counts.feedback + b.counts.feedback
    assert merged.decisions[1][0] == a.decisions[1][0] + b.decisions[1][0]
    assert merged.pending.keys() == a.pending.keys() | b.pending.keys()
    assert set(merged.applied) == {*a.applied, *b.applied}
    assert merged.savings.total().decisions == 80
    # 60 tasks of training in the bucket, which count once.
    mean_n = [document.strategy.mean_n[0] for document in (a, b, merged)]  # type: ignore[union-attr]
    assert mean_n[2] == mean_n[0] + mean_n[1] - 60.0


def test_a_state_without_reports_adds_nothing(make_router: Maker) -> None:
    """Q and every sum stay; only the decisions that wait are joined."""
    store, _ = _used(make_router, 1)
    fresh, _ = _used(make_router, 2, 0)
    with make_router(state=fresh, seed=3) as router:
        router.route(Task(task_type="edit"))

    merged = merge_states(store, fresh, out := MemoryStore())

    before = snapshot_of_state(store)
    assert merged == snapshot_of_state(out)
    assert merged.counts.decisions == before.counts.decisions + 1
    for was, now in zip(before.cells, merged.cells, strict=True):
        assert now.n_reports == was.n_reports
        assert now.q == pytest.approx(was.q, abs=0.05)


def test_a_merged_state_is_gone_on_from(make_router: Maker) -> None:
    """Decisions of both wait in it for their reports."""
    (one, a), (other, b) = _used(make_router, 1), _used(make_router, 2)
    merge_states(one, other, out := MemoryStore())

    with make_router(state=out) as router:
        for document in (a, b):
            assert router.feedback(next(iter(document.pending)), quality=5.0)
            assert not router.feedback(document.applied[-1], quality=5.0)


def test_the_published_rule_weighs_its_means_by_how_far_they_moved(make_router: Maker) -> None:
    """After 1 and 2 reports at alpha .1 the weights are .1 and .19."""
    a = _used(make_router, 1, 0, strategy="seed")[1]
    b = structs.replace(a)
    assert isinstance(a.strategy, SeedState)
    a.strategy = structs.replace(a.strategy, q=[[1.0] * 3] * 2, n_reports=[[1] * 3] * 2)
    assert isinstance(b.strategy, SeedState)
    b.strategy = structs.replace(b.strategy, q=[[2.0] * 3] * 2, n_reports=[[2] * 3] * 2)

    merged = merge_documents(a, b)

    assert isinstance(merged.strategy, SeedState)
    assert merged.strategy.q[0][0] == pytest.approx((0.1 * 1.0 + 0.19 * 2.0) / 0.29)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"artifact_id": "artifact-2"}, "artifact_id is artifact-1 in one and artifact-2"),
        ({"strategy": "seed"}, "strategy is ResidualState in one and SeedState"),
        ({"params": ResidualParams(sd_weight=0.5)}, "settings is .*sd_weight=1.0.*sd_weight=0.5"),
    ],
)
def test_states_that_do_not_fit_are_refused(
    make_router: Maker, changes: dict[str, Any], message: str
) -> None:
    """With both sides; nothing is written."""
    (one, _), (other, _) = _used(make_router, 1), _used(make_router, 2, **changes)

    with pytest.raises(StateError, match=message):
        merge_states(one, other, out := MemoryStore())

    assert out.load() is None


def test_states_that_share_a_decision_are_refused(make_router: Maker) -> None:
    """One is a part of the other, which would count twice."""
    store, _ = _used(make_router, 1)

    with pytest.raises(StateError, match=r"both hold decision .*did not learn apart"):
        merge_states(store, store, MemoryStore())


def test_a_place_that_holds_a_state_is_not_merged_into(make_router: Maker) -> None:
    """It would be gone."""
    (one, _), (other, _), (third, c) = (_used(make_router, seed) for seed in (1, 2, 3))

    with pytest.raises(StateError, match="holds a state already; give another place"):
        merge_states(one, other, third)

    assert decode_document(export_state(third), where="here") == c


def test_thompson_stays_thompson(make_router: Maker) -> None:
    """Its state has the fields of the default strategy's, and a name of its own."""
    one = _used(make_router, 1, strategy="thompson")[1]
    other = _used(make_router, 2, strategy="thompson")[1]

    both = merge_documents(one, other)

    assert type(both.strategy) is ThompsonState
    assert decode_document(pack_document(both), where="here") == both
    with pytest.raises(StateError, match="strategy is ThompsonState in one and ResidualState"):
        merge_documents(one, _used(make_router, 3)[1])
