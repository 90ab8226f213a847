"""A document that is encoded a piece at a time is the one that is encoded at once."""

from collections import OrderedDict
from collections.abc import Callable

import pytest

from tracetier.records import Task
from tracetier.route.ledger import Pending
from tracetier.route.router import Router
from tracetier.route.state import packing as module
from tracetier.route.state.document import pack_document
from tracetier.route.state.packing import Waiting


@pytest.mark.parametrize("n_open", [0, 1, 3, 4, 10])
def test_pieces_make_the_same_bytes(
    n_open: int, make_router: Callable[..., Router], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a pause after each; what the state learns meanwhile is not in them."""
    monkeypatch.setattr(module, "_AT_ONCE", 3)
    with make_router() as router:
        ids = [
            router.route(Task(task_type="edit", text="ä")).decision_id for _ in range(n_open + 4)
        ]
        for each in ids[:2]:
            router.feedback(each, quality=7.0)  # its cost is still out
        for each in ids[2:4]:
            router.feedback(each, quality=7.0, cost_usd=0.01)
        expected = pack_document(router._replica.learner.document())
        packing = router._replica.learner.packing()
        pauses: list[str] = []

        def pause() -> None:
            pauses.append(router.route(Task(task_type="chat")).decision_id)
            router.feedback(pauses[-1], quality=1.0)

        assert packing.n_open == n_open + 2
        assert packing.finished(pause) == expected
        assert len(pauses) == -(-n_open // 3) + 1


def test_what_waits_is_listed_oldest_first() -> None:
    """Whatever was taken out, put in again or changed in its place before."""
    one = [Pending(0, 0, 0.5, 0.5, 0.3, 1.0, float(n)) for n in range(4)]
    ledger = OrderedDict(zip("abcd", one, strict=True))
    ledger.popitem(last=False)
    del ledger["c"]
    ledger["b"] = one[0]
    ledger["a"] = one[3]

    waiting = Waiting.of(ledger)

    assert waiting.ids == list(ledger) == ["b", "d", "a"]
    assert waiting.by_id() == dict(ledger) == {"b": one[0], "d": one[3], "a": one[3]}
