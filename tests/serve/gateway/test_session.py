"""Whose conversation a request is of, and what is remembered of it."""

from typing import Any

import pytest

from tracetier.ingest.formats._provider_record import Reference, Request
from tracetier.serve.gateway.session import Past, Session, Sessions, session_of


def _session(request: Request, **changes: Any) -> Session:
    given: dict[str, Any] = {"header": None, "text": "Hi", "prefix": b"", "key": b"k" * 16}
    return session_of(request, **(given | changes))


@pytest.mark.parametrize(
    ("request_", "header", "found"),
    [
        pytest.param(Request(metadata={"session_id": "m"}), "h", "h", id="header first"),
        pytest.param(Request(metadata={"session_id": "m"}), None, "m", id="metadata"),
        pytest.param(Request(conversation=Reference("c")), None, "c", id="conversation"),
        pytest.param(
            Request(metadata={"user_id": "user_1_account__session_s9"}), None, "s9", id="agent"
        ),
    ],
)
def test_what_the_client_says_is_its_session(
    request_: Request, header: str | None, found: str
) -> None:
    """In the places where readers of logs find it too."""
    assert _session(request_, header=header) == Session(found, is_told=True)


def test_else_all_that_begin_alike_are_one_session() -> None:
    """By a keyed hash: whoever reads a log of sessions learns nothing of their texts."""
    one = _session(Request())

    assert not one.is_told
    assert one == _session(Request())
    assert one.id != _session(Request(), text="Ho").id
    assert one.id != _session(Request(), prefix=b"other caller").id
    assert one.id != _session(Request(), key=b"x" * 16).id
    assert "Hi" not in one.id


def test_a_retry_is_a_call_after_one_that_had_failed() -> None:
    """Three calls, the second fails: one error, one retry."""
    past = Past()
    for start_s, failed in ((0.0, False), (2.0, True), (4.0, False)):
        past.ended(
            start_s=start_s,
            end_s=start_s + 1.0,
            failed=failed,
            tier="low",
            n_tokens=None if failed else 120,
            text="Hi",
        )

    assert (past.n_ended, past.n_errors, past.n_retries, past.failed) == (3, 1, 1, False)
    assert (past.end_s, past.tier, past.n_tokens) == (5.0, "low", 120)


def test_the_session_not_seen_for_longest_is_forgotten() -> None:
    """Memory is bounded."""
    sessions = Sessions(most=2)
    for name in ("a", "b", "a", "c"):
        sessions.of(name).n_ended += 1

    assert sessions.find("b") is None
    found = sessions.find("a")
    assert found is not None
    assert found.n_ended == 2
