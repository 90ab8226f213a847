"""A report can be applied to the state alone, as the router would have."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tracetier.errors import FeedbackError, StateError
from tracetier.records import Feedback, Task
from tracetier.route.offline import StateUrl, feedback_to_state, snapshot_of_state
from tracetier.route.outcome import Receipt
from tracetier.route.router import Router
from tracetier.route.state.memory import MemoryStore
from tracetier.route.strategy import STRATEGIES

TASKS = [Task(task_type="edit"), Task(task_type="chat", attrs={"shift": 0.1})]


def _report(state: StateUrl, report: str | Feedback, **values: float) -> Receipt:
    """Report at the time of the routers' clock."""
    return feedback_to_state(state, report, clock=lambda: 1_700_000_000.0, **values)


def _decided(make_router: Callable[..., Router], path: Path, strategy: str, n: int) -> list[str]:
    with make_router(state=path, strategy=strategy) as router:
        return [router.route(TASKS[i % 2]).decision_id for i in range(n)]


@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_it_does_what_the_router_does_to_the_bit(
    make_router: Callable[..., Router], tmp_path: Path, strategy: str
) -> None:
    """The same twelve reports, given to a router and to a copy of its state."""
    ids = _decided(make_router, tmp_path / "a.json", strategy, 12)
    (tmp_path / "b.json").write_bytes((tmp_path / "a.json").read_bytes())
    reports = [
        Feedback(
            decision_id=decision_id,
            quality=None if i == 3 else 0.7 * i,
            cost_usd=None if i == 5 else 0.001 * i,
        )
        for i, decision_id in enumerate(ids)
    ]

    with make_router(state=tmp_path / "a.json", strategy=strategy) as router:
        assert all(router.feedback_many(reports))
    for report in reports:
        assert _report(tmp_path / "b.json", report)

    assert (tmp_path / "b.json").read_bytes() == (tmp_path / "a.json").read_bytes()


def test_a_second_report_returns_false_and_is_counted(
    make_router: Callable[..., Router], tmp_path: Path
) -> None:
    """Nothing is learned from it; the count outlives the process."""
    path = tmp_path / "s.json"
    (decision_id,) = _decided(make_router, path, "residual", 1)
    assert _report(f"json://{path}", decision_id, quality=8.0, cost_usd=0.001)
    before = snapshot_of_state(path)

    assert not _report(path, decision_id, quality=1.0)

    after = snapshot_of_state(path)
    assert after.cells == before.cells
    assert (before.counts.duplicates, after.counts.duplicates) == (0, 1)
    assert after.counts.feedback == 1


def test_an_unknown_decision_and_a_wrong_value_are_refused(
    make_router: Callable[..., Router], tmp_path: Path
) -> None:
    """And nothing is written."""
    path = tmp_path / "s.json"
    (decision_id,) = _decided(make_router, path, "residual", 1)
    before = path.read_bytes()

    with pytest.raises(FeedbackError, match=r"no decision 'nope' is known.*1 are open"):
        _report(path, "nope", quality=8.0)
    with pytest.raises(FeedbackError, match="quality is 80"):
        _report(path, decision_id, quality=80)

    assert path.read_bytes() == before


def test_a_state_that_is_not_there_is_told_and_not_made(tmp_path: Path) -> None:
    """A mistyped path leaves no folder, file or lock behind."""
    with pytest.raises(StateError, match=r"s\.json' does not exist.*router was loaded with"):
        _report(tmp_path / "no" / "s.json", "d", quality=8.0)
    with pytest.raises(StateError, match="memory:// does not exist"):
        _report("memory://", "d", quality=8.0)

    assert list(tmp_path.iterdir()) == []


def test_a_router_that_still_has_the_file_learns_from_the_report(
    make_router: Callable[..., Router], tmp_path: Path
) -> None:
    """At its next look at the store; and nothing of either is lost."""
    path = tmp_path / "s.json"
    with make_router(state=path) as router:
        decision = router.route(TASKS[0])
        router.save()
        assert _report(path, decision.decision_id, quality=1.0, cost_usd=0.02)

        assert router.snapshot().counts.feedback == 1
        assert not router.feedback(decision.decision_id, quality=1.0, cost_usd=0.02)
        router.route(TASKS[0])

    snapshot = snapshot_of_state(path)
    assert (snapshot.counts.feedback, snapshot.counts.decisions) == (1, 2)


def test_a_state_can_be_looked_at_without_its_artifact(
    make_router: Callable[..., Router], tmp_path: Path
) -> None:
    """The same view as the router's own."""
    path = tmp_path / "s.json"
    with make_router(state=path, lam=2.0) as router:
        for _ in range(5):
            router.feedback(router.route(TASKS[0]).decision_id, quality=2.0, cost_usd=0.002)
        router.route(TASKS[1])
        expected = router.snapshot()

    found = snapshot_of_state(path)

    assert found == expected
    assert found.n_pending == 1
    assert snapshot_of_state(path, lam=0.0).cells[2].q > expected.cells[2].q + 1.0


def test_the_default_lambda_is_that_of_the_last_router(
    make_router: Callable[..., Router], tmp_path: Path
) -> None:
    """A state that was gone on from at another lambda tells Q at that one."""
    for lam in (1.0, 2.5):
        with make_router(state=tmp_path / "s.json", lam=lam) as router:
            router.route(TASKS[0])

    assert snapshot_of_state(tmp_path / "s.json").lam == 2.5


def test_a_memory_that_is_handed_over_works_too(make_router: Callable[..., Router]) -> None:
    """Any store will do."""
    store = MemoryStore()
    with make_router(state=store) as router:
        decision_id = router.route(TASKS[0]).decision_id

    assert _report(store, decision_id, quality=8.0)
    assert not make_router(state=store).feedback(decision_id, quality=8.0)
