"""Open decisions and settled ids: bounded, in order, each settled once."""

from hypothesis import given
from hypothesis import strategies as st

from tracetier.route.ledger import Ledger, Pending


def _decision(time_s: float = 0.0) -> Pending:
    return Pending(bucket=0, tier=1, quality=0.5, cost=0.1, lam=0.3, propensity=0.9, time_s=time_s)


def test_the_oldest_decision_makes_room_for_the_newest() -> None:
    """And is handed back, so that it can be counted."""
    ledger = Ledger(max_pending=2, max_applied=9)

    given_up = [ledger.open(str(i), _decision(float(i))) for i in range(4)]

    assert given_up == [None, None, _decision(0.0), _decision(1.0)]
    assert list(ledger.pending) == ["2", "3"]
    assert "0" not in ledger


def test_settled_ids_are_remembered_up_to_the_bound() -> None:
    """The oldest is forgotten; it then counts as unknown, and can still not be settled again."""
    ledger = Ledger(max_pending=9, max_applied=2)
    for i in range(3):
        ledger.open(str(i), _decision())
        assert ledger.settle(str(i)) == _decision()

    assert [ledger.is_applied(str(i)) for i in range(3)] == [False, True, True]
    assert [ledger.settle(str(i)) for i in range(3)] == [None] * 3


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=60))
def test_no_decision_is_settled_twice_and_the_bounds_hold(acts: list[tuple[bool, int]]) -> None:
    """Any mixture of opening and settling ten ids."""
    ledger, settled = Ledger(max_pending=4, max_applied=3), set()
    for is_open, number in acts:
        key = str(number)
        if is_open and key not in settled and key not in ledger:
            ledger.open(key, _decision())
        elif ledger.settle(key) is not None:
            assert key not in settled
            settled.add(key)
        assert len(ledger.pending) <= 4
        assert len(ledger.applied) <= 3
        assert not ledger.pending.keys() & ledger.applied.keys()
