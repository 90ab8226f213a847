"""A router's own accounts count every decision once, however often its log tells of it."""

import pytest

from tracetier.heads.prior import PriorStats
from tracetier.route.control.contexts import prior_contexts
from tracetier.route.control.goal import Goal
from tracetier.route.control.pacer import Pacer
from tracetier.route.control.state import ControlState
from tracetier.route.event import Configured, Decided
from tracetier.route.learner import Learner, start_document
from tracetier.route.live import LiveAccounts
from tracetier.route.state.document import decode_document, encode_document

QUALITY, COST = [0.6, 0.7, 0.9], [0.05, 0.2, 1.0]


def _decided(name: str) -> Decided:
    return Decided(name, 0, 1, QUALITY, COST, 0.3, 0.9, 0.0, None, None, usd=0.004)


@pytest.fixture
def live(prior: PriorStats) -> LiveAccounts:
    """With a goal of $.003 a request, and a pacer that holds it."""
    goal = Goal(budget_usd=0.003)
    live = LiveAccounts(escalation=None, remembers=False, goal=goal)
    live.pacer = Pacer(
        ControlState(goal=goal), cost_ref_usd=0.02, contexts=prior_contexts(prior, 0.02)
    )
    return live


@pytest.fixture
def learner(prior: PriorStats, live: LiveAccounts) -> Learner:
    """A learner that tells it of what it folds."""
    document = start_document(
        "residual",
        prior,
        params=None,
        artifact_id="artifact-1",
        tiers=("low", "mid", "high"),
        cost_ref_usd=0.02,
        lam=0.0,
    )
    return Learner(document, live)


def _account(live: LiveAccounts) -> tuple[int, int, float]:
    assert live.pacer is not None
    return live.pacer.state.n_decided, live.pacer.state.n_open, round(live.pacer.over, 9)


def test_a_state_that_is_read_anew_is_accounted_for_once(
    learner: Learner, live: LiveAccounts
) -> None:
    """One decision in the document, one in its log, one on its way: $.001 over each."""
    learner.fold(_decided("d1"))
    document = encode_document(learner.document())
    learner.fold(_decided("d2"))
    learner.expect(_decided("d3"))
    assert _account(live) == (3, 3, 0.003)

    again = Learner(decode_document(document, where="a test"), live)
    again.fold(_decided("d2"))
    for decided in learner.underway():
        again.expect(decided)

    assert _account(live) == (3, 3, 0.003)


def test_new_settings_in_the_log_leave_the_account_alone(
    learner: Learner, live: LiveAccounts
) -> None:
    """What the document says of it is older."""
    learner.document()
    learner.fold(_decided("d1"))

    learner.fold(Configured(lam=0.2, caps=[]))

    assert _account(live) == (1, 1, 0.001)


def test_a_decision_that_the_log_has_twice_counts_once(
    learner: Learner, live: LiveAccounts
) -> None:
    """Also where this process still waited for it."""
    learner.fold(_decided("d1"))
    learner.expect(_decided("d1"))
    learner.fold(_decided("d1"))

    assert _account(live) == (1, 1, 0.001)
