"""Who may do what: bearer tokens, each with roles.

    TRACETIER_TOKENS="ci:route,feedback:4f1c...;ops:admin:9b02..."

A token is kept as its SHA-256 alone and compared with every declared one in constant time, so
neither a log nor a clock tells anything of it. Where none is declared the service is open, and
then listens on this machine only.
"""

import hmac
import os
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Self

from msgspec import Struct

from tracetier.errors import SettingsError

TOKENS_ENV: Final = "TRACETIER_TOKENS"

ROLES: Final = {
    "route": "choose a tier, and use the gateway, hooks and MCP",
    "feedback": "report outcomes",
    "read": "look at decisions, policy, metrics and the dashboard",
    "admin": "everything, and swap the artifact",
}
"""Role -> what it allows."""

MIN_TOKEN_LENGTH: Final = 16
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_FORM = "NAME:ROLE[,ROLE]:TOKEN"


class Caller(Struct, frozen=True):
    """Who calls: the token's name for logs and limits, and its roles."""

    name: str
    roles: frozenset[str]

    def may(self, needed: frozenset[str]) -> bool:
        """Whether one of the roles that a path needs is among its own."""
        return "admin" in self.roles or not needed.isdisjoint(self.roles)


ANYONE: Final = Caller("anyone", frozenset(ROLES))
"""The caller of an open service."""


class _Token(Struct, frozen=True):
    caller: Caller
    digest: bytes


class Access:
    """The declared tokens.

    Parameters
    ----------
    tokens : iterable of (name, roles, token)

    Raises
    ------
    SettingsError
        For a name, role or token that cannot be right; the token itself is never shown.

    Examples
    --------
    >>> access = Access([("ci", ["route"], "0123456789abcdef")])
    >>> access.caller(b"0123456789abcdef"), access.caller(b"0123456789abcdeX")
    (Caller(name='ci', roles=frozenset({'route'})), None)
    """

    def __init__(
        self, tokens: Iterable[tuple[str, Iterable[str], str]] = (), *, where: str = "tokens"
    ) -> None:
        self._tokens = tuple(
            _token(*each, where=f"{where}, entry {i + 1}") for i, each in enumerate(tokens)
        )
        for kind, values in (
            ("name", [each.caller.name for each in self._tokens]),
            ("token", [each.digest for each in self._tokens]),
        ):
            if len(set(values)) < len(values):
                raise SettingsError(f"two tokens have the same {kind}; give each its own")

    @property
    def is_open(self) -> bool:
        """Whether no token is declared, so that anyone may do anything."""
        return not self._tokens

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the tokens, with their roles; not the tokens."""
        return tuple(f"{t.caller.name} ({', '.join(sorted(t.caller.roles))})" for t in self._tokens)

    @classmethod
    def from_text(cls, text: str, *, where: str) -> Self:
        """Return the access that a list of tokens declares.

        Parameters
        ----------
        text : str
            ``NAME:ROLE[,ROLE]:TOKEN``, several parted by ``;`` or by lines; a line that starts
            with ``#`` is a comment.
        where : str
            Variable or file, for messages.
        """
        lines = [line.strip() for part in text.splitlines() for line in part.split(";")]
        entries = [line for line in lines if line and not line.startswith("#")]
        parts = [_entry(entry, f"{where}, entry {i + 1}") for i, entry in enumerate(entries)]
        return cls(parts, where=where)

    @classmethod
    def load(cls, file: Path | None = None, *, env: Mapping[str, str] | None = None) -> Self:
        """Return the access that a file declares, else the environment's.

        Raises
        ------
        SettingsError
            If the file cannot be read, holds none, or may be read by every user of the machine.
        """
        if file is None:
            text = (os.environ if env is None else env).get(TOKENS_ENV, "")
            return cls.from_text(text, where=TOKENS_ENV)
        try:
            mode = file.stat().st_mode
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise SettingsError(f"tokens file {str(file)!r} cannot be read: {reason}") from error
        if mode & 0o007:
            raise SettingsError(
                f"tokens file {str(file)!r} may be read by every user of this machine; run "
                f"chmod 600 {file}"
            )
        access = cls.from_text(text, where=str(file))
        if access.is_open:
            raise SettingsError(f"tokens file {str(file)!r} declares no token; write {_FORM}")
        return access

    def caller(self, token: bytes | None) -> Caller | None:
        """Return who gives this token, ``None`` where nobody does.

        Every declared token is compared, whichever fits.
        """
        if not self._tokens:
            return ANYONE
        if token is None:
            return None
        digest, found = sha256(token).digest(), None
        for each in self._tokens:
            if hmac.compare_digest(each.digest, digest):
                found = each.caller
        return found


def check_host(host: str, access: Access, *, is_insecure: bool = False) -> None:
    """Refuse to serve others than this machine where no token is declared.

    Raises
    ------
    SettingsError
        With the ways out.
    """
    if access.is_open and not is_insecure and not is_loopback(host):
        raise SettingsError(
            f"host {host!r} can be reached from other machines, and no token is declared; declare "
            f"tokens by --tokens-file or {TOKENS_ENV}, listen on 127.0.0.1, or say --insecure"
        )


def is_loopback(host: str) -> bool:
    """Whether a host's name is one of this machine alone.

    Examples
    --------
    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "example.org")]
    [True, True, True, False, False]
    """
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _entry(entry: str, where: str) -> tuple[str, list[str], str]:
    parts = entry.split(":", 2)
    if len(parts) != 3:
        raise SettingsError(f"{where} is not of the form {_FORM}")
    name, roles, token = parts
    return name.strip(), [role.strip() for role in roles.split(",")], token.strip()


def _token(name: str, roles: Iterable[str], token: str, *, where: str) -> _Token:
    """Return the token; messages show nothing of the entry, whose parts may be in another order."""
    roles = frozenset(roles)
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"{where}: the name must be 1 to 64 letters, digits, '.', '_' or '-', as in {_FORM}"
        )
    if not roles or roles - ROLES.keys():
        raise SettingsError(
            f"{where}: a role is not known; known are {', '.join(ROLES)}, as in {_FORM}"
        )
    if len(token) < MIN_TOKEN_LENGTH or not token.isascii() or any(c.isspace() for c in token):
        raise SettingsError(
            f"{where}: the token must be at least {MIN_TOKEN_LENGTH} ASCII characters without "
            "blanks; make one with: openssl rand -hex 24"
        )
    return _Token(Caller(name, roles), sha256(token.encode()).digest())
