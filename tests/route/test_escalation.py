"""Escalation: n failures, one tier up, held until success, capped."""

import pytest

from tracetier.errors import SettingsError
from tracetier.records import Task
from tracetier.route.escalation import Escalation, floor_of, note_report
from tracetier.route.sessions import Session

RULE = Escalation(after=2, most=2)


def _floor(session: Session | None, last: int, n: int | None, failed: bool | None = True) -> int:
    task = Task(n_prior_errors=n, last_failed=failed)
    return floor_of(task, session, last, escalation=RULE, n_tiers=4)


def test_a_stuck_session_goes_up_one_tier_and_stays_until_success() -> None:
    """Two errors at 0: floor 1; held; two more at 1: floor 2; a success: free, counting anew."""
    session = Session()

    assert _floor(session, 0, 1) == 0
    assert _floor(session, 0, 2) == 1
    assert _floor(session, 1, 3) == 1
    assert _floor(session, 1, 4) == 2
    assert _floor(session, 2, 4, failed=False) == 0
    assert _floor(session, 0, 5) == 0
    assert _floor(session, 0, 6) == 1


def test_escalation_is_capped() -> None:
    """Two steps, then no more, however often it fails."""
    session = Session()
    floors = [_floor(session, last, n) for n, last in ((2, 0), (4, 1), (6, 2), (8, 2), (20, 3))]

    assert floors == [1, 2, 2, 2, 2]


def test_the_dearest_tier_is_the_last_step() -> None:
    """Nothing lies above it."""
    session = Session()

    assert _floor(session, 3, 2) == 3
    assert _floor(session, 3, 4) == 3


def test_reports_of_low_quality_count_as_failures() -> None:
    """Below 5 of 10; a success between them starts the count anew and lets go."""
    session = Session()
    for tier, quality in ((0, 1.0), (0, 6.0), (0, 4.9)):
        note_report(session, tier, quality, escalation=RULE)
    assert _floor(session, 0, None, failed=None) == 0

    note_report(session, 0, 0.0, escalation=RULE)
    assert _floor(session, 0, None, failed=None) == 1
    note_report(session, 1, 5.0, escalation=RULE)
    assert _floor(session, 1, None, failed=None) == 0


def test_a_late_report_from_below_the_floor_says_nothing_of_it() -> None:
    """Neither a success nor a failure of the tier that was left."""
    session = Session(floor=1, n_escalations=1)
    note_report(session, 0, 9.0, escalation=RULE)
    note_report(session, 0, 0.0, escalation=RULE)

    assert session == Session(floor=1, n_escalations=1)


def test_one_failure_told_twice_counts_once() -> None:
    """By the next task's count of errors and by its report."""
    session = Session()
    note_report(session, 0, 0.0, escalation=RULE)

    assert _floor(session, 0, 1) == 0


def test_a_success_by_report_forgets_the_errors_told_before() -> None:
    """Errors 1 and 2 lie before it; only the third counts."""
    session = Session()
    _floor(session, 0, 1)
    note_report(session, 0, 9.0, escalation=RULE)

    assert _floor(session, 0, 2) == 0
    assert _floor(session, 0, 3) == 1


def test_a_count_of_errors_that_begins_anew_is_followed() -> None:
    """The caller may reset it."""
    session = Session(errors_seen=7, errors_told=7)

    assert _floor(session, 0, 1) == 0
    assert _floor(session, 0, 2) == 0
    assert _floor(session, 0, 3) == 1


def test_without_a_session_the_task_alone_is_judged() -> None:
    """From the second error on, one above the last tier; unknown last or a success: no floor."""
    assert _floor(None, 0, 1) == 0
    assert _floor(None, 0, 2) == 1
    assert _floor(None, 3, 9) == 3
    assert _floor(None, -1, 9) == 0
    assert _floor(None, 0, 9, failed=False) == 0
    assert _floor(None, 0, None) == 0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"after": 0}, "escalate_after is 0 and escalate_most 2, must be >= 1"),
        ({"most": 0}, "escalate_most 0"),
        ({"failure_below": 11.0}, r"failure_below is 11, must be in \[0, 10\]"),
    ],
)
def test_settings_out_of_range_are_told(changes: dict[str, float], told: str) -> None:
    """By the names that they have in the file."""
    with pytest.raises(SettingsError, match=told):
        Escalation(**changes)  # type: ignore[arg-type]
