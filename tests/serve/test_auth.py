"""Who may do what, and that nothing tells of a token."""

import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.errors import SettingsError
from tracetier.serve.auth import ANYONE, ROLES, Access, check_host

ONE, TWO = "0123456789abcdef", "fedcba9876543210"


def test_a_token_is_its_callers_name_and_roles() -> None:
    """Two tokens, two callers; whatever else is given is nobody."""
    access = Access.from_text(f"ci:route,feedback:{ONE};ops:admin:{TWO}", where="test")

    ci, ops = access.caller(ONE.encode()), access.caller(TWO.encode())

    assert ci is not None
    assert (ci.name, set(ci.roles)) == ("ci", {"route", "feedback"})
    assert ops is not None
    assert ops.may(frozenset({"route"}))
    assert not ci.may(frozenset({"read"}))
    assert access.caller(b"") is None
    assert access.caller(None) is None


@given(st.binary(max_size=40))
def test_no_other_bytes_are_a_token(token: bytes) -> None:
    """Whatever is sent, but the token itself."""
    access = Access([("ci", ["route"], ONE)])

    assert (access.caller(token) is not None) == (token == ONE.encode())


def test_every_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those after the one that fits, each by `hmac.compare_digest`, over digests alone."""
    seen: list[tuple[int, int]] = []

    compare = hmac.compare_digest

    def counting(a: bytes, b: bytes) -> bool:
        seen.append((len(a), len(b)))
        return compare(a, b)

    monkeypatch.setattr(hmac, "compare_digest", counting)
    access = Access([("one", ["route"], ONE), ("two", ["admin"], TWO)])

    assert access.caller(ONE.encode()) is not None
    assert seen == [(32, 32), (32, 32)]


def test_without_a_token_anyone_may_do_anything() -> None:
    """Which is why such a service listens on its own machine only."""
    assert Access().caller(None) is ANYONE
    assert ANYONE.roles == set(ROLES)


@pytest.mark.parametrize(
    ("host", "is_let"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)],
)
def test_an_open_service_listens_on_this_machine_only(host: str, is_let: bool) -> None:
    """Unless it is told to be insecure, or tokens are declared."""
    check_host("0.0.0.0", Access(), is_insecure=True)
    check_host("0.0.0.0", Access([("ci", ["route"], ONE)]))
    if is_let:
        check_host(host, Access())
        return
    with pytest.raises(SettingsError, match=r"--tokens-file .* 127\.0\.0\.1, or say --insecure"):
        check_host(host, Access())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"ci:{ONE}", "entry 1 is not of the form NAME:ROLE"),
        (f"ci:{ONE}:route", "a role is not known; known are route, feedback, read, admin"),
        (f"{ONE} x:route:ci", "the name must be"),
        ("ci:route:tooshort", "at least 16 ASCII characters"),
        ("ci:route:0123456789 abcdef", "without blanks"),
        (f"a:route:{ONE};a:route:{TWO}", "two tokens have the same name"),
        (f"a:route:{ONE};b:route:{ONE}", "two tokens have the same token"),
    ],
)
def test_a_wrong_declaration_is_told_without_showing_it(text: str, words: str) -> None:
    """A secret may stand in any place of a wrong entry."""
    with pytest.raises(SettingsError, match=words) as told:
        Access.from_text(text, where="TRACETIER_TOKENS")

    assert ONE not in str(told.value)
    assert "tooshort" not in str(told.value)


def test_a_file_of_tokens_is_read_and_must_be_private(tmp_path: Path) -> None:
    """Comments and blank lines are left out; a file that all may read is refused."""
    file = tmp_path / "tokens"
    file.write_text(f"# the build\n\nci:route:{ONE}\n")
    file.chmod(0o600)

    assert Access.load(file).names == ("ci (route)",)

    file.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        Access.load(file)
    with pytest.raises(SettingsError, match="cannot be read"):
        Access.load(tmp_path / "missing")
    file.write_text("# nothing\n")
    file.chmod(0o600)
    with pytest.raises(SettingsError, match="declares no token"):
        Access.load(file)


def test_the_environment_declares_tokens_too() -> None:
    """The variable of the documentation."""
    assert Access.load(env={"TRACETIER_TOKENS": f"ci:route:{ONE}"}).names == ("ci (route)",)
    assert Access.load(env={}).is_open


def test_an_access_shows_no_token() -> None:
    """Not by any of its representations."""
    access = Access([("ci", ["route"], ONE)])

    assert ONE not in repr(access) + repr(vars(access)) + str(access.names)
