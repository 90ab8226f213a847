"""Open decisions and settled ids: bounded, in order, each field settled once."""

from hypothesis import given
from hypothesis import strategies as st

from tracetier.route.ledger import Ledger, Pending


def _decision(time_s: float = 0.0, *, trace_id: str | None = None) -> Pending:
    return Pending(
        bucket=0,
        tier=1,
        quality=0.5,
        cost=0.1,
        lam=0.3,
        propensity=0.9,
        time_s=time_s,
        trace_id=trace_id,
    )


def test_the_oldest_decision_makes_room_for_the_newest() -> None:
    """And is handed back, so that it can be counted."""
    ledger = Ledger(max_pending=2, max_applied=9)

    given_up = [ledger.open(str(i), _decision(float(i))) for i in range(4)]

    assert given_up == [None, None, _decision(0.0), _decision(1.0)]
    assert list(ledger.pending) == ["2", "3"]
    assert "0" not in ledger


def test_settled_ids_are_remembered_up_to_the_bound() -> None:
    """The oldest is forgotten; it then counts as unknown."""
    ledger = Ledger(max_pending=9, max_applied=2)
    for i in range(3):
        ledger.open(str(i), _decision())
        ledger.settle(str(i), quality=True, cost=0.1)

    assert list(ledger.applied) == ["1", "2"]
    assert [str(i) in ledger for i in range(3)] == [False, True, True]


def test_quality_and_cost_may_come_apart_in_either_order() -> None:
    """A decision waits for its quality first, then for its cost; with both it is settled."""
    ledger = Ledger(max_pending=9, max_applied=9)
    for name in "ab":
        ledger.open(name, _decision())

    ledger.settle("a", quality=False, cost=0.2)
    assert ledger.pending["a"].known_cost == 0.2
    assert list(ledger.pending) == ["a", "b"]
    ledger.settle("b", quality=True, cost=None)
    assert list(ledger.partial) == ["b"]
    ledger.settle("a", quality=True, cost=None)
    ledger.settle("b", quality=False, cost=0.3)

    assert list(ledger.applied) == ["a", "b"]
    assert not ledger.pending
    assert not ledger.partial


def test_what_waits_for_its_cost_alone_is_bounded_and_then_forgotten() -> None:
    """Most reporters of quality never tell a cost; one that comes then was not learned from."""
    ledger = Ledger(max_pending=9, max_applied=2)
    for name in "abc":
        ledger.open(name, _decision())
        ledger.settle(name, quality=True, cost=None)

    assert list(ledger.partial) == ["b", "c"]
    assert "a" not in ledger


def test_decisions_expire_by_their_age() -> None:
    """Those without a quality, and those that wait for their cost alone; neither is known then."""
    ledger = Ledger(max_pending=9, max_applied=9)
    for i in range(4):
        ledger.open(str(i), _decision(float(i)))
    ledger.settle("0", quality=True, cost=None)

    assert ledger.expire(2.0) == [(_decision(1.0), False), (_decision(0.0), True)]
    assert list(ledger.pending) == ["2", "3"]
    assert not ledger.applied


def test_a_trace_knows_its_decisions_without_a_quality() -> None:
    """Also after a restart; of a trace that is done nothing is left."""
    ledger = Ledger(max_pending=3, max_applied=9)
    for i in range(5):
        ledger.open(str(i), _decision(trace_id="t" if i % 2 else "u"))
    again = Ledger(max_pending=3, max_applied=9, pending=ledger.pending)

    assert ledger.of_trace("t") == again.of_trace("t") == ["3"]
    assert ledger.of_trace("u") == again.of_trace("u") == ["2", "4"]
    ledger.settle("3", quality=True, cost=None)
    assert ledger.of_trace("t") == ledger.of_trace("x") == []


acts = st.lists(
    st.tuples(st.sampled_from(["open", "quality", "cost"]), st.integers(0, 9)), max_size=80
)


@given(acts)
def test_no_field_is_settled_twice_and_the_bounds_hold(acts: list[tuple[str, int]]) -> None:
    """Any mixture of opening and reporting ten ids, as the learner asks for it."""
    ledger, settled, opened = Ledger(max_pending=4, max_applied=3), set(), set()
    for act, number in acts:
        key = str(number)
        if act == "open" and key not in opened:
            ledger.open(key, _decision(float(number), trace_id=str(number % 3)))
            opened.add(key)
        elif act == "quality" and key in ledger.pending:
            ledger.settle(key, quality=True, cost=None)
            assert (act, key) not in settled
            settled.add((act, key))
        elif act == "cost" and (
            key in ledger.partial
            or (key in ledger.pending and ledger.pending[key].known_cost is None)
        ):
            ledger.settle(key, quality=False, cost=0.1)
            assert (act, key) not in settled
            settled.add((act, key))
        assert len(ledger.pending) <= 4
        assert len(ledger.partial) <= 3
        assert len(ledger.applied) <= 3
        places = [*ledger.pending, *ledger.partial, *ledger.applied]
        assert len(places) == len(set(places))
        assert {name for t in range(3) for name in ledger.of_trace(str(t))} == {*ledger.pending}


def test_a_clock_that_ran_behind_is_no_hiding_place() -> None:
    """Decided at 10, 4 and 7: at 5 the first is not due, so none is; at 11 all are, in order."""
    times = {"a": 10.0, "b": 4.0, "c": 7.0}
    decisions = {
        name: Pending(bucket=0, tier=0, quality=0.5, cost=0.1, lam=0.3, propensity=1.0, time_s=t)
        for name, t in times.items()
    }
    loaded = Ledger(max_pending=9, max_applied=9, pending=decisions)
    opened = Ledger(max_pending=9, max_applied=9)
    for name, decision in decisions.items():
        opened.open(name, decision)

    for ledger in (loaded, opened):
        assert ledger.expire(4.0) == []
        assert ledger.expire(5.0) == []
        assert [decision.time_s for decision, _ in ledger.expire(11.0)] == [10.0, 4.0, 7.0]
