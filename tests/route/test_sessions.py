"""What is remembered of sessions is bounded."""

from tracetier.route.sessions import Session, Sessions


def test_the_session_longest_unused_is_forgotten() -> None:
    """Two are kept; looking one up does not make it used."""
    sessions = Sessions({"a": Session(last=1)}, most=2)
    sessions.of("b").last = 2
    assert sessions.find("a") is not None
    sessions.of("c")

    assert list(sessions.kept) == ["b", "c"]
    assert sessions.find("a") is None
    assert sessions.find(None) is None
    assert sessions.of("b").last == 2
