"""What a learner knows, in the names of tiers and buckets, to be looked at."""

from collections.abc import Sequence
from typing import NamedTuple

from tracetier.route.alarm import Alarm, outcome_alarm
from tracetier.route.state.document import StateDocument
from tracetier.route.strategy import Strategy, strategy_name
from tracetier.route.tally import Counts, Tally


class Cell(NamedTuple):
    """What is known of one tier in one bucket.

    ``q`` and ``prior_q`` are in units of reward (about 0-10) at the bucket's mean prediction, with
    and without the reports; the rest are counts.
    """

    bucket: str
    tier: str
    q: float
    prior_q: float
    n_decisions: int
    n_reports: int
    n_pending: int


class Snapshot(NamedTuple):
    """What a learner knows, to be looked at.

    ``lam`` is the one at which the cells' Q is joined; ``cells`` has one entry per bucket and
    tier, in their order; ``alarms`` are those of tiers whose outcomes moved, newest first.
    """

    strategy: str
    artifact_id: str
    lam: float
    counts: Counts
    n_pending: int
    cells: list[Cell]
    alarms: Sequence[Alarm] = ()


def snapshot_of(
    document: StateDocument,
    strategy: Strategy,
    tally: Tally,
    *,
    lam: float,
    counts: Counts,
    n_pending: int,
) -> Snapshot:
    """Return what is known, with Q at ``lam``."""
    return Snapshot(
        strategy=strategy_name(strategy.state),
        artifact_id=document.artifact_id,
        lam=lam,
        counts=counts,
        n_pending=n_pending,
        cells=[
            Cell(bucket, *column)
            for index, bucket in enumerate(document.buckets)
            for column in zip(
                document.tiers,
                strategy.q(index, lam),
                strategy.prior_q(index, lam),
                tally.decisions[index],
                strategy.n_reports(index),
                tally.pending[index],
                strict=True,
            )
        ],
        alarms=alarms_of(document),
    )


def alarms_of(document: StateDocument) -> list[Alarm]:
    """Return the alarms that a state keeps, newest first."""
    raised = [] if document.drift is None else document.drift.raised
    return [outcome_alarm(alarm, document.tiers[alarm.tier]) for alarm in reversed(raised)]
