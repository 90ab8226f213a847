"""Sentences that are made when they are looked at, and then are what a list of them would be."""

import copy
from collections.abc import Callable

import msgspec
import pytest

from tracetier.records import Decision, Task
from tracetier.route.late_reasons import LateReasons, settle
from tracetier.route.router import Router

TOLD = ["the model expects much", "high scores best"]
Maker = Callable[..., Router]


class Teller:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.n_asked = 0

    def __call__(self, *told: str) -> list[str]:
        self.n_asked += 1
        return list(told)


def test_they_are_made_once_and_only_when_looked_at() -> None:
    """Not by being handed on; and not a second time."""
    tell = Teller()
    reasons = LateReasons(tell, *TOLD)
    assert tell.n_asked == 0

    assert [*reasons] == TOLD
    assert (len(reasons), reasons[-1], reasons[:1], TOLD[1] in reasons) == (
        2,
        TOLD[1],
        TOLD[:1],
        True,
    )
    assert tell.n_asked == 1


def test_they_are_equal_to_the_list() -> None:
    """And to others of the same sentences; they are printed as the list is."""
    reasons = LateReasons(Teller(), *TOLD)

    assert reasons == TOLD
    assert reasons == LateReasons(Teller(), *TOLD)
    assert reasons != TOLD[:1]
    assert repr(reasons) == repr(TOLD)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_is_a_list(copied: Callable[[object], object]) -> None:
    """What made them need not be copied with them."""
    found = copied(LateReasons(Teller(), *TOLD))

    assert type(found) is list
    assert found == TOLD


def test_a_decision_is_written_down_with_its_reasons(make_router: Maker) -> None:
    """With the hook, or once it is settled; without either the encoder refuses, and drops none."""
    task = Task(task_type="edit")
    one, other = (make_router().route(task) for _ in range(2))
    with pytest.raises(TypeError, match="LateReasons"):
        msgspec.json.encode(one)

    data = msgspec.json.encode(one, enc_hook=list)
    assert settle(other) is other
    assert type(other.reasons) is list
    assert msgspec.json.encode(other) == data
    assert msgspec.json.decode(data, type=Decision) == one


def test_they_tell_of_the_moment_of_the_decision(make_router: Maker) -> None:
    """Reports that come before they are looked at change nothing."""
    routers = [make_router() for _ in range(2)]
    early, late = (router.route(Task(task_type="edit")) for router in routers)
    told = list(early.reasons)
    for _ in range(5):
        other = routers[1].route(Task(task_type="edit"))
        routers[1].feedback(other.decision_id, quality=0.0, cost_usd=0.5)

    assert late.reasons == told
