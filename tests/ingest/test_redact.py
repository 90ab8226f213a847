"""No shape of a secret is left, and what is no secret stays."""

import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ingest.secret_shapes import SECRETS, secrets

from tracetier.errors import SettingsError
from tracetier.ingest.redact import compile_patterns, redact_text

_PROSE = st.text(st.characters(codec="utf-8"), max_size=40)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("mail ann.b+c@mail.example.co.uk now", "mail [email] now", id="email"),
        pytest.param("git clone x%40y.org", "git clone [email]", id="escaped email"),
        pytest.param("cd /home/ann/src/x", "cd /home/[user]/src/x", id="home"),
        pytest.param("file:///Users/ann", "file:///Users/[user]", id="mac"),
        pytest.param(r"C:\Users\Ann Lee\x", r"C:\Users\[user]\x", id="windows"),
        pytest.param(r'"C:\\Users\\ann\\x"', r'"C:\\Users\\[user]\\x"', id="windows in JSON"),
        pytest.param(
            "projects/-home-ann-my-app/s.jsonl",
            "projects/-home-[user]-my-app/s.jsonl",
            id="dashed home",
        ),
        pytest.param("password=hunter2&a=1", "password=[secret]&a=1", id="assignment"),
        pytest.param("DB_PASSWORD='hun ter2'", "DB_PASSWORD='[secret]'", id="quoted"),
        pytest.param(r'"pwd": "a\"b", "c": 1', r'"pwd": "[secret]", "c": 1', id="escaped quote"),
        pytest.param(r"{\"api_key\": \"ab\"}", r"{\"api_key\": \"[secret]\"}", id="JSON in JSON"),
        pytest.param("login --password hunter2 -v", "login --password [secret] -v", id="flag"),
        pytest.param("Authorization: Bearer abc", "Authorization: Bearer [secret]", id="header"),
        pytest.param("Authorization: Basic YTpi", "Authorization: Basic [secret]", id="basic"),
        pytest.param("postgres://u:p@ss@db/x", "postgres://[secret]@db/x", id="in a URL"),
        pytest.param(
            "-----BEGIN RSA PRIVATE KEY-----\nMIIab+/=\n-----END RSA PRIVATE KEY-----\nend",
            "[private-key]\nend",
            id="PEM",
        ),
        pytest.param("-----BEGIN A KEY-----\nMIIab+/=", "[private-key]", id="PEM, cut"),
    ],
)
def test_a_secret_goes_and_the_rest_stays(text: str, expected: str) -> None:
    """The placeholder names the kind and nothing else."""
    assert redact_text(text).text == expected


@pytest.mark.parametrize(
    "text",
    [
        "max_tokens=4096, tokens: 5, token_count=3",
        "the bearer of bad news",
        "a task-force-one-two-three-four, risk-sk-less",
        "version claude-3-5-sonnet@20240620 and pkg@1.2.3",
        "my home/office, the users in /etc/passwd",
        "eyJ is how each token starts",
        "-----BEGIN is a marker",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    """Names that only sound like one."""
    assert redact_text(text) == (text, Counter())


@given(st.lists(st.one_of(_PROSE, secrets()), max_size=5), _PROSE)
def test_no_secret_survives_and_twice_is_once(pieces: list[str], between: str) -> None:
    """Wherever it stands, as a word of its own."""
    text = f" {between} ".join(pieces)
    hidden = [piece for piece in pieces if any(shape.fullmatch(piece) for shape in SECRETS)]
    first = redact_text(text)

    assert redact_text(first.text) == (first.text, Counter())
    for secret in hidden:
        assert secret not in first.text


@given(st.text("abc XYZ.,;!?()\n", max_size=200))
def test_plain_prose_is_never_touched(text: str) -> None:
    """Nothing else changes."""
    assert redact_text(text) == (text, Counter())


def test_the_users_patterns_are_found_beyond_a_window_and_placeholders_are_left() -> None:
    """A pattern that would match a placeholder, or nothing, does no harm."""
    own = compile_patterns([r"CUST-\d+", r"\[.*?\]|x*"])
    text = "a@b.org " + "a" * 1_020 + "CUST-123456 " + "b" * 2_000 + " CUST-1"
    expected = "[email] " + "a" * 1_020 + "[redacted] " + "b" * 2_000 + " [redacted]"

    assert redact_text(text, own) == (expected, Counter(email=1, pattern=2))


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("(", "no regular expression"),
        ("", "0 characters"),
        ("a" * 501, "501 characters"),
        (r"(\w+\s?)*", "can take for ever"),
        ("(a|ab)+", "can take for ever"),
        ("((?:a+)b){2,}", "can take for ever"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_told(pattern: str, told: str) -> None:
    """Before a byte is read."""
    with pytest.raises(SettingsError, match=told):
        compile_patterns([pattern])


@pytest.mark.parametrize(
    "pattern", ["(foo)+", "(?>a|b)+", "(a++)+", "[(a+)]+", r"\(a+\)+", "(a+)?"]
)
def test_a_pattern_that_ends_is_taken(pattern: str) -> None:
    """Atomic groups and possessive repeats cannot be undone."""
    assert compile_patterns([pattern])[0].pattern == pattern


@pytest.mark.parametrize(
    "piece",
    ["a", "-----BEGIN A-----", "eyJ", "sk-", "hf_", "x@", "token=", 'token="', "/home/", "://a:",
     "a.", "-", "Bearer ", " ", "\\", "password ", "\\Users", "-home-a"],
)  # fmt: skip
def test_no_text_takes_for_ever(piece: str) -> None:
    """The time grows with the text, whatever half a secret is repeated in it."""
    short, long = piece * (20_000 // len(piece)), piece * (80_000 // len(piece))
    start = time.process_time()
    redact_text(short)
    middle = time.process_time()
    redact_text(long)

    assert time.process_time() - middle < 8 * (middle - start) + 1


def test_a_polynomial_pattern_is_bounded() -> None:
    """By the window that it sees at a time."""
    start = time.process_time()
    redact_text("a" * 3_000, compile_patterns(["a*a*b"]))

    assert time.process_time() - start < 20
