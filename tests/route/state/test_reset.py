"""A tier, a bucket or a cell is forgotten; what the model says, and all else, stays."""

from collections.abc import Callable
from random import Random

import pytest

from tracetier.errors import StateError
from tracetier.records import Task
from tracetier.route.offline import reset_state, snapshot_of_state
from tracetier.route.router import Router
from tracetier.route.state.memory import MemoryStore
from tracetier.route.strategy import STRATEGIES, StrategyName


@pytest.fixture
def used(make_router: Callable[..., Router]) -> Callable[[str], MemoryStore]:
    """Return a maker of states with reports on every tier in both buckets."""

    def make(strategy: str) -> MemoryStore:
        store, world = MemoryStore(), Random(4)
        with make_router(state=store, strategy=strategy) as router:
            for number in range(60):
                task = Task(task_type="edit" if number % 2 else "chat")
                tier = ("low", "mid", "high")[number % 3]
                decision = router.route(task, allowed=[tier])
                router.feedback(decision.decision_id, quality=10 * world.random(), cost_usd=0.01)
        return store

    return make


@pytest.mark.parametrize("strategy", list(STRATEGIES))
@pytest.mark.parametrize(
    ("tier", "bucket", "n_cells"), [("mid", None, 2), (None, "edit", 3), ("mid", "edit", 1)]
)
def test_what_was_learned_of_it_is_gone(
    used: Callable[[str], MemoryStore],
    strategy: StrategyName,
    tier: str | None,
    bucket: str | None,
    n_cells: int,
) -> None:
    """Reports 0, and decisions as they were; all other cells keep their reports."""
    store = used(strategy)
    before = snapshot_of_state(store)

    after = reset_state(store, tier=tier, bucket=bucket)

    assert after == snapshot_of_state(store)
    hit = 0
    for was, now in zip(before.cells, after.cells, strict=True):
        assert now.n_decisions == was.n_decisions
        if tier in (None, now.tier) and bucket in (None, now.bucket):
            hit += 1
            assert now.n_reports == 0
        else:
            assert now.n_reports == was.n_reports > 0
    assert hit == n_cells


@pytest.mark.parametrize("strategy", ["residual", "thompson", "seed"])
def test_a_tier_that_was_reset_is_believed_as_the_model_says(
    used: Callable[[str], MemoryStore], strategy: str
) -> None:
    """Q is what it would be without any report; it can be learned anew."""
    after = reset_state(used(strategy), tier="mid")

    for cell in after.cells:
        if cell.tier == "mid":
            assert cell.q == pytest.approx(cell.prior_q)


def test_a_router_that_runs_takes_part(
    used: Callable[[str], MemoryStore], make_router: Callable[..., Router]
) -> None:
    """The reset is an event of its log; so it is even where it does not know of it yet."""
    store = used("residual")
    router = make_router(state=store)
    decision_id = router.route(Task(task_type="edit"), allowed=["mid"]).decision_id

    reset_state(store, tier="mid")
    router.feedback(decision_id, quality=9.0)

    cells = {(cell.bucket, cell.tier): cell.n_reports for cell in router.snapshot().cells}
    assert (cells["edit", "mid"], cells["other", "mid"]) == (1, 0)


def test_what_is_not_known_is_refused(used: Callable[[str], MemoryStore]) -> None:
    """With what is."""
    store = used("residual")

    with pytest.raises(StateError, match="tier 'x' is not known to the state; it has low, mid, hi"):
        reset_state(store, tier="x")
    with pytest.raises(StateError, match="bucket 'x' is not known to the state; it has edit, oth"):
        reset_state(store, bucket="x")
    with pytest.raises(StateError, match="neither a tier nor a bucket"):
        reset_state(store)
