"""When a client tries again, and after how long."""

from datetime import UTC, datetime

import httpx
import pytest

from tracetier.client.retry import Retry, retry_after_s

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)


def _wait(outcome: httpx.Response | Exception, n: int = 1, *, twice: bool = False) -> float | None:
    return Retry().wait_s(n, outcome, is_idempotent=twice, share=lambda: 1.0)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_is_asked_again_with_doubled_waits(status: int) -> None:
    """At most 5 seconds, and four times."""
    busy = httpx.Response(status)
    patient = Retry(times=9)
    waits = [patient.wait_s(n, busy, is_idempotent=False, share=lambda: 1.0) for n in (1, 2, 8)]

    assert waits == [0.1, 0.2, 5.0]
    assert [_wait(busy, n) is None for n in (4, 5)] == [False, True]


def test_waits_are_spread_between_a_half_and_all() -> None:
    """So that clients that were refused together do not come back together."""
    busy = httpx.Response(503)
    waits = [
        Retry().wait_s(1, busy, is_idempotent=False, share=lambda share=share: share)  # type: ignore[misc]
        for share in (0.0, 0.5)
    ]

    assert waits == pytest.approx([0.05, 0.075])


@pytest.mark.parametrize("status", [200, 400, 401, 404, 409, 422, 500, 502])
def test_an_answer_that_will_not_change_is_taken(status: int) -> None:
    """Good or bad."""
    assert _wait(httpx.Response(status), twice=True) is None


def test_what_may_have_been_done_is_asked_again_only_where_that_does_no_harm() -> None:
    """A connection that never came about has done nothing."""
    lost, never = httpx.ReadTimeout("late"), httpx.ConnectError("refused")

    assert (_wait(lost), _wait(lost, twice=True)) == (None, 0.1)
    assert (_wait(never), _wait(never, twice=True)) == (0.1, 0.1)
    assert _wait(httpx.UnsupportedProtocol("x"), twice=True) is None


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param("3", 3.1, id="seconds"),
        pytest.param("0", 0.1, id="at once"),
        pytest.param("61", None, id="longer than anyone waits"),
        pytest.param("soon", 0.1, id="unreadable is as if not told"),
    ],
)
def test_the_service_says_how_long(told: str, expected: float | None) -> None:
    """And the client's own wait comes on top, so that not all come back at one moment."""
    assert _wait(httpx.Response(503, headers={"retry-after": told})) == expected


@pytest.mark.parametrize("zone", ["GMT", "-0000"])
def test_retry_after_may_be_a_date(zone: str) -> None:
    """One in the past is now."""
    later = {"retry-after": f"Mon, 05 Jan 2026 08:00:30 {zone}"}
    before = {"retry-after": f"Mon, 05 Jan 2026 07:00:00 {zone}"}

    assert (retry_after_s(later, now=NOW), retry_after_s(before, now=NOW)) == (30.0, 0.0)
