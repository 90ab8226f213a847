"""Escalation: a session whose tier keeps failing goes one tier up, until something succeeds.

Failures are told by the task itself (``n_prior_errors``, ``last_failed``) and by reports whose
quality is low. After ``after`` of them since the last success or step, the floor of the session
rises to the tier above the one that failed; a success takes it away. It rises by ``most`` steps at
most, so that what no tier can do does not make every session end at the dearest.

A session of which nothing is remembered, or a task without a session, is judged by what the task
tells alone: then each failure from the ``after``-th on is one tier up from ``last_tier``.
"""

from msgspec import Struct

from tracetier.errors import SettingsError
from tracetier.records import Task
from tracetier.route.sessions import Session


class Escalation(Struct, frozen=True, kw_only=True):
    """When to go up.

    Parameters
    ----------
    after : int
        Failures in a row that make a step, >= 1.
    most : int
        Steps above the tier that a session began to fail at, >= 1.
    failure_below : float
        Reported quality, 0-10, below which an outcome counts as a failure.

    Raises
    ------
    SettingsError
        For a value out of range.
    """

    after: int = 3
    most: int = 2
    failure_below: float = 5.0

    def __post_init__(self) -> None:
        if self.after < 1 or self.most < 1:
            raise SettingsError(
                f"escalate_after is {self.after} and escalate_most {self.most}, must be >= 1"
            )
        if not 0.0 <= self.failure_below <= 10.0:
            raise SettingsError(f"failure_below is {self.failure_below:g}, must be in [0, 10]")


def floor_of(
    task: Task, session: Session | None, last: int, *, escalation: Escalation, n_tiers: int
) -> int:
    """Return the cheapest tier that a task may take, and note in the session what it tells.

    Parameters
    ----------
    task : Task
        Its ``n_prior_errors`` and ``last_failed`` are read.
    session : Session or None
        Changed in place; ``None`` where the task has none.
    last : int
        Tier of the session's previous decision, -1 where it is unknown.
    escalation : Escalation
    n_tiers : int

    Returns
    -------
    int
        Index of a tier, 0 where nothing is stuck.

    Examples
    --------
    >>> rule, session = Escalation(after=2), Session()
    >>> stuck = Task(n_prior_errors=2, last_failed=True)
    >>> floor_of(stuck, session, 0, escalation=rule, n_tiers=3)
    1
    >>> floor_of(Task(n_prior_errors=2, last_failed=False), session, 1, escalation=rule, n_tiers=3)
    0
    """
    if session is None:
        return _floor_without_memory(task, last, escalation, n_tiers)
    n_errors = task.n_prior_errors
    if n_errors is not None:
        session.errors_told = n_errors
        session.errors_seen = min(session.errors_seen, n_errors)  # the caller may count anew
    if task.last_failed is False:
        _succeeded(session)
    elif max(session.errors_told - session.errors_seen, session.n_failed) >= escalation.after:
        _step_up(session, last, escalation, n_tiers)
    return session.floor


def note_report(session: Session, tier: int, quality_10: float, *, escalation: Escalation) -> None:
    """Note a reported quality: a failure is counted, a success takes the floor away.

    What was decided below the floor, before it rose, says nothing of the tier that is now held.
    """
    if tier < session.floor:
        return
    if quality_10 < escalation.failure_below:
        session.n_failed += 1
    else:
        _succeeded(session)


def _step_up(session: Session, last: int, escalation: Escalation, n_tiers: int) -> None:
    """Raise the floor to the tier above the last, within the cap; the count begins anew."""
    session.n_failed, session.errors_seen = 0, session.errors_told
    wanted = min(max(last, session.floor) + 1, n_tiers - 1)
    if last >= 0 and session.n_escalations < escalation.most and wanted > session.floor:
        session.floor = wanted
        session.n_escalations += 1


def _succeeded(session: Session) -> None:
    session.floor = session.n_escalations = session.n_failed = 0
    session.errors_seen = session.errors_told


def _floor_without_memory(task: Task, last: int, escalation: Escalation, n_tiers: int) -> int:
    n_errors = task.n_prior_errors or 0
    if last < 0 or n_errors < escalation.after or task.last_failed is False:
        return 0
    return min(last + 1, n_tiers - 1)
