"""Taking secrets and personal names out of texts, by their shape.

What is found is replaced by a placeholder that names its kind and nothing of it, and the rest of
the text stays as it was. A shape that is not known here is not found: this lowers the risk of what
is handed on, it does not make a text public.

Every built-in pattern is linear in the text: repeats are bounded, or run over one class of
characters up to one that is not of it.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from tracetier.errors import SettingsError

MAX_PATTERN_CHARS = 500
MAX_PATTERNS = 100
_WINDOW, _STEP = 1_024, 512  # characters in which a pattern of the user's is looked for at a time
_MOST_PASSES = 8

_QUOTE = r"(?:\\*[\"'`])"
_SECRET_NAME = (
    r"password|passwd|passphrase|pwd|secret|token|credentials?|authorization"
    r"|(?:api|access|auth|account|private|secret|signing|encryption|master|shared|hash)[_\- ]?key"
)
_KEYS = (
    r"sk-(?=[a-z_-]{0,64}[A-Z0-9])[A-Za-z0-9_-]{16,}",  # many providers; sk-ant-, sk-proj-, sk-or-
    r"[sr]k_(?:live|test)_[A-Za-z0-9]{10,}",
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16,}",
    r"gh[opsur]_[A-Za-z0-9]{16,}",
    r"github_pat_[A-Za-z0-9_]{16,}",
    r"glpat-[A-Za-z0-9_-]{16,}",
    r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{8,}",
    r"xapp-[A-Za-z0-9-]{8,}",
    r"AIza[A-Za-z0-9_-]{30,}",
    r"ya29\.[A-Za-z0-9_-]{16,}",
    r"GOCSPX-[A-Za-z0-9_-]{16,}",
    r"(?:hf|gsk|npm|r8|pplx|tvly|fw|xai|dckr_pat|lsv2_pt|lsv2_sk)[_-](?=[a-z_-]{0,64}[A-Z0-9])"
    r"[A-Za-z0-9_-]{20,}",
    r"pypi-[A-Za-z0-9_-]{32,}",
    r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
)


class _Kind(NamedTuple):
    """One kind of secret: its pattern, what stands there afterwards, and cheap signs of it.

    A text that holds none of the signs, in lower case, is not searched.
    """

    name: str
    pattern: re.Pattern[str]
    replacement: str
    signs: tuple[str, ...] = ()


_KINDS = (
    _Kind(
        "private_key",
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{1,40}-----"
            r"(?:(?:[^-]|-(?!----)){0,20000}-----END [A-Z0-9 ]{1,40}-----|[\sA-Za-z0-9+/=\\:,]*)"
        ),
        "[private-key]",
        ("-----begin",),
    ),
    _Kind(
        "password",
        re.compile(r"(?<=://)[^\s/@:\"'`]{0,256}:[^\s/\"'`]{1,256}(?=@)"),
        "[secret]",
        ("://",),
    ),
    _Kind(
        "password",
        re.compile(
            rf"(?P<name>(?:{_SECRET_NAME}){_QUOTE}?[ \t]*(?:[:=]=?>?|%3D)[ \t]*"
            rf"|--(?:{_SECRET_NAME})[ \t]+)"
            r"(?P<auth>(?:Bearer|Basic|Token)[ \t]+)?"
            rf"(?:(?P<q>{_QUOTE})(?:(?!(?P=q))(?:\\.|[^\n\\])){{1,4096}}"
            r"|[^\s\"'`,;&<>\\]{1,4096})",
            re.IGNORECASE,
        ),
        r"\g<name>\g<auth>\g<q>[secret]",
        ("pass", "pwd", "secret", "token", "credential", "authorization", "key"),
    ),
    _Kind(
        "bearer",
        re.compile(
            r"(?P<name>\bBearer[ \t]+)"
            r"(?:(?=[A-Za-z._~+/-]{0,64}[0-9])[\w.~+/=-]{8,}|[\w.~+/=-]{20,})",
            re.IGNORECASE,
        ),
        r"\g<name>[token]",
        ("bearer",),
    ),
    _Kind(
        "jwt",
        re.compile(r"(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){1,4}"),
        "[token]",
        ("eyj",),
    ),
    _Kind("api_key", re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(_KEYS)})"), "[api-key]"),
    _Kind(
        "email",
        re.compile(r"[\w.%+-]{1,64}(?:@|%40)(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,63}"),
        "[email]",
        ("@", "%40"),
    ),
    _Kind(
        "home_path",
        re.compile(
            r"(?P<name>[\\/](?:home|Users)[\\/]+|(?<![\w-])-(?:home|Users)-)(?!\[user\])"
            r"(?:(?<=\\)[^\\/:*?\"<>|\r\n]{1,64}(?=\\)|(?<=-)[^\W_]+(?=-)"
            r"|(?<=[\\/])[^\\/\s\"'`:;,<>|(){}*?&#]{1,256})",
            re.IGNORECASE,
        ),
        r"\g<name>[user]",
        ("home", "users"),
    ),
)
_OWN = "[redacted]"
_PLACEHOLDER = re.compile(
    "|".join(
        re.escape(text)
        for text in sorted({"[secret]", "[user]", _OWN, *(k.replacement for k in _KINDS)})
        if "\\" not in text
    )
    + r"|\[token\]"
)


class Redacted(NamedTuple):
    """A text without its secrets, and how many of each kind there were."""

    text: str
    found: Counter[str]


def redact_text(text: str, patterns: Iterable[re.Pattern[str]] = ()) -> Redacted:
    """Replace all that looks like a secret, an e-mail address or a user's home.

    What is written has no such shape left, so doing it twice changes nothing more.

    Parameters
    ----------
    text : str
    patterns : iterable of re.Pattern
        The user's own, of the kind ``pattern``; see `compile_patterns`.

    Examples
    --------
    >>> redact_text("Mail ann@example.com the log in /home/ann/run, password=hunter2").text
    'Mail [email] the log in /home/[user]/run, password=[secret]'
    >>> redact_text("Nothing to hide").found
    Counter()
    """
    found: Counter[str] = Counter()
    own = tuple(patterns)
    for _ in range(_MOST_PASSES):  # what one kind leaves may have the shape of another
        before = text
        low = text.lower()
        for kind in _KINDS:
            if not kind.signs or any(sign in low for sign in kind.signs):
                text = _replaced(text, kind, found)
        for pattern in own:
            text = _replaced_own(text, pattern, found)
        if text == before:
            break
    return Redacted(text, found)


def compile_patterns(patterns: Iterable[str]) -> tuple[re.Pattern[str], ...]:
    r"""Compile the user's patterns.

    Each is looked for in stretches of 1,024 characters that overlap by half, which bounds the time
    that it can take; a match of more than 512 characters may be found in part.

    Raises
    ------
    SettingsError
        If one is no regular expression, is empty or too long, or repeats within a repeat, which
        can take for ever.

    Examples
    --------
    >>> compile_patterns([r"(\w+\s?)*"])
    Traceback (most recent call last):
    tracetier.errors.SettingsError: [privacy] redact: pattern '(\\w+\\s?)*' repeats a group that...
    """
    given = tuple(patterns)
    if len(given) > MAX_PATTERNS:
        raise SettingsError(
            f"[privacy] redact holds {len(given)} patterns, at most {MAX_PATTERNS} are taken; "
            "join some of them with |"
        )
    return tuple(_compiled(pattern) for pattern in given)


def _compiled(pattern: str) -> re.Pattern[str]:
    if not 0 < len(pattern) <= MAX_PATTERN_CHARS:
        raise SettingsError(
            f"[privacy] redact: a pattern has {len(pattern)} characters, 1 to {MAX_PATTERN_CHARS} "
            "are taken"
        )
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise SettingsError(
            f"[privacy] redact: pattern {pattern!r} is no regular expression: {error}"
        ) from error
    if _may_explode(pattern):
        raise SettingsError(
            f"[privacy] redact: pattern {pattern!r} repeats a group that may itself match in "
            "several ways, which can take for ever; make the group atomic, (?>...), or what is "
            "within possessive, as in \\w++"
        )
    return compiled


_TOKEN = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?:\?(?:P<\w+>|[:>=!]|<[=!]|[a-zA-Z-]+:?|\#[^)]*))?|\)|\|"
    r"|(?:[*+?]|\{\d*,?\d*\})[+?]?",
    re.DOTALL,
)


def _may_explode(pattern: str) -> bool:
    """Whether a repeated group holds a repeat or a choice that can be undone."""
    groups = [False]
    closed = -1, False, False  # where the last group ended, whether it is loose, or atomic
    kept: list[bool] = []
    for token in _TOKEN.finditer(pattern):
        sign = token[0]
        if sign[0] == "(" and sign[:3] != "(?#":
            groups.append(False)
            kept.append(sign == "(?>")
        elif sign == ")" and len(groups) > 1:
            is_loose, is_atomic = groups.pop(), kept.pop()
            closed = token.end(), is_loose and not is_atomic, is_atomic
            groups[-1] |= is_loose and not is_atomic
        elif sign == "|":
            groups[-1] = True
        elif sign[0] in "*+?{":
            is_many = sign[0] in "*+" or sign[0] == "{"
            if is_many and not _is_possessive(sign) and closed[:2] == (token.start(), True):
                return True
            groups[-1] |= not _is_possessive(sign)
    return False


def _is_possessive(sign: str) -> bool:
    return len(sign) > 1 and sign[-1] == "+"


def _replaced(text: str, kind: _Kind, found: Counter[str]) -> str:
    def place(match: re.Match[str]) -> str:
        after = match.expand(kind.replacement)
        if after != match[0]:
            found[kind.name] += 1
        return after

    return kind.pattern.sub(place, text)


def _replaced_own(text: str, pattern: re.Pattern[str], found: Counter[str]) -> str:
    """Replace what a pattern of the user's matches, but for placeholders."""
    pieces: list[str] = []
    end = 0
    for match in _PLACEHOLDER.finditer(text):
        pieces += (_without(text[end : match.start()], pattern, found), match[0])
        end = match.end()
    return "".join([*pieces, _without(text[end:], pattern, found)])


def _without(text: str, pattern: re.Pattern[str], found: Counter[str]) -> str:
    kept: list[str] = []
    at = done = 0
    while at < len(text):
        window = min(at + _WINDOW, len(text))
        match = pattern.search(text, at, window)
        if match is None:
            at = window if window == len(text) else at + _STEP
        elif match.end() == window < len(text) and match.start() > at:
            at = match.start()  # it may go on behind the window
        elif match.end() == match.start():
            at = match.end() + 1
        else:
            kept += (text[done : match.start()], _OWN)
            found["pattern"] += 1
            at = done = match.end()
    return "".join([*kept, text[done:]])
