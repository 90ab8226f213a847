"""Who calls, and whether they may: a request's id, token, roles and rate, from its headers alone.

No body is read before. Whoever may not is refused by a `ProblemError`.
"""

import itertools
import os
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tracetier.serve.auth import ANYONE, Access, Caller
from tracetier.serve.limits import RateLimit
from tracetier.serve.problems import ProblemError
from tracetier.serve.roles import RoleTable

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_CHALLENGE = ((b"www-authenticate", b'Bearer realm="tracetier"'),)
_MOST_NAMES: Final = 64
"""Ways to write the service's own names that are remembered as good, as with a port."""

Client = Sequence[Any] | None  # Any: of a machine its address and port

# An id must differ from all others and need not be a secret: asking for chance takes longer.
_PROCESS = os.urandom(4).hex()
_numbers = itertools.count(int.from_bytes(os.urandom(3)))


def new_id() -> str:
    """Return the id of a request that brings none: 16 hexadecimal digits."""
    return f"{_PROCESS}{next(_numbers) & 0xFFFFFFFF:08x}"


class Visit:
    """One request on its way through the service: who calls, and what became of it."""

    __slots__ = (
        "caller",
        "is_complete",
        "is_started",
        "length",
        "request_id",
        "route",
        "started",
        "status",
    )

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.request_id = ""
        self.caller = ANYONE
        self.route = "other"
        self.length: int | None = None
        self.status = 500
        self.is_started = False
        self.is_complete = False


class Admission:
    """Lets requests in, or refuses them.

    Parameters
    ----------
    access : Access
        The declared tokens.
    roles : RoleTable
    limit : RateLimit, optional
        Requests in time of one caller.
    hosts : frozenset of bytes, optional
        Names that the service may be called by, where it is open to a machine's own programs and
        a page in a browser must not reach it.
    """

    def __init__(
        self,
        access: Access,
        roles: RoleTable,
        *,
        limit: RateLimit | None = None,
        hosts: frozenset[bytes] | None = None,
    ) -> None:
        self._access = access
        self._roles = roles
        self._limit = limit
        self.hosts = hosts
        self._good_names: set[bytes] = set()

    def admit(
        self, path: str, headers: Mapping[bytes, bytes], client: Client, visit: Visit
    ) -> None:
        """Note who calls, by the headers with their names in lower case.

        Raises
        ------
        ProblemError
            401, 403, 421 or 429.
        """
        given_id = headers.get(b"x-request-id")
        if given_id is not None and _REQUEST_ID.fullmatch(given_id):
            visit.request_id = given_id.decode()
        else:
            visit.request_id = new_id()
        length = headers.get(b"content-length", b"")
        if length.isdigit():
            visit.length = int(length)
        if self.hosts is not None:
            self._check_names(self.hosts, headers)
        needed = self._roles.needed(path)
        token = _token(headers)
        caller = self._access.caller(token)
        if needed:
            if caller is None:
                raise _unauthenticated(is_given=token is not None)
            if not caller.may(needed):
                raise _forbidden(caller, needed)
        visit.caller = caller or ANYONE
        if self._limit is not None and needed:
            _spend(self._limit, client, visit.caller)

    def _check_names(self, hosts: frozenset[bytes], headers: Mapping[bytes, bytes]) -> None:
        """Refuse what a page of another origin in a browser sends, by its own name or another's."""
        host = headers.get(b"host")
        if host is None or host not in self._good_names:
            if _name_of(host or b"") not in hosts:
                raise ProblemError(
                    "misdirected",
                    421,
                    "without tokens the service answers to the names of this machine alone",
                    field="Host",
                    mend="call it by 127.0.0.1 or localhost, or declare tokens",
                )
            if host is not None and len(self._good_names) < _MOST_NAMES:
                self._good_names.add(host)
        origin = headers.get(b"origin")
        if origin is not None and origin.partition(b"://")[2] != host:
            raise ProblemError(
                "forbidden",
                403,
                "without tokens no page of another origin may call the service",
                field="Origin",
                mend="call it without a browser, or declare tokens",
            )


def _token(headers: Mapping[bytes, bytes]) -> bytes | None:
    given = headers.get(b"authorization")
    if given is not None and given[:7].lower() == b"bearer ":
        return given[7:].strip()
    return headers.get(b"x-api-key")


def _name_of(host: bytes) -> bytes:
    """Return a host's name without its port, in lower case."""
    if b":" in host and not host.endswith(b"]"):
        host = host.rpartition(b":")[0]
    return host.lower()


def _spend(limit: RateLimit, client: Client, caller: Caller) -> None:
    who = f"ip {client[0] if client else 'unknown'}" if caller is ANYONE else caller.name
    wait_s = limit.wait_s(who)
    if wait_s > 0.0:
        seconds = str(max(1, round(wait_s + 0.5)))
        raise ProblemError(
            "too-many-requests",
            429,
            "more requests came than the service was set to take of one caller",
            mend=f"send it again after {seconds} s, and tasks together by /v1/route/batch",
            headers=((b"retry-after", seconds.encode()),),
        )


def _unauthenticated(*, is_given: bool) -> ProblemError:
    given = "the token is none of the declared ones" if is_given else "no token was given"
    return ProblemError(
        "unauthenticated",
        401,
        given,
        field="Authorization",
        mend="send the header Authorization: Bearer TOKEN, with a token that the operator gave",
        headers=_CHALLENGE,
    )


def _forbidden(caller: Caller, needed: frozenset[str]) -> ProblemError:
    return ProblemError(
        "forbidden",
        403,
        f"token {caller.name!r} has the roles {', '.join(sorted(caller.roles))}; this needs "
        f"{' or '.join(sorted(needed | {'admin'}))}",
        field="Authorization",
        mend="use a token with that role",
    )
