"""Every error of the service as one problem document (RFC 9457), with the field and the mend.

    {"type": "urn:tracetier:problem:invalid-value", "title": "...", "status": 422,
     "detail": "what was given, what was expected", "instance": "<request id>",
     "field": "task.text", "mend": "what to do"}

A problem repeats no value that was sent, so it holds neither task text nor secrets.
"""

import re
from typing import Final

import msgspec
from msgspec import Struct

from tracetier.errors import (
    ArtifactError,
    CapError,
    FeedbackError,
    PolicyError,
    SettingsError,
    StateError,
    StorageError,
    TierError,
    TracetierError,
)

CONTENT_TYPE: Final = b"application/problem+json"
MAX_DETAIL: Final = 500
"""Characters of a detail; names that a caller gave may stand in it."""

RETRY_AFTER_S: Final = 1
"""Seconds after which to try again what could not be stored."""

TITLES: Final = {
    "malformed-json": "The body is no JSON",
    "invalid-value": "A value is missing or out of its range",
    "unauthenticated": "No valid token",
    "forbidden": "The token's roles do not allow this",
    "misdirected": "The service was called by a name that is not its own",
    "not-found": "Nothing is here",
    "unknown-decision": "No such decision",
    "method-not-allowed": "The method is not allowed here",
    "too-large": "The body is too large",
    "too-slow": "The body did not come in time",
    "unsupported-media-type": "The body must be JSON",
    "too-many-requests": "Too many requests",
    "cap-reached": "A cap is reached",
    "no-tier-left": "The rules leave no tier for the task",
    "conflict": "The state was changed meanwhile",
    "not-stored": "The report could not be stored",
    "overloaded": "Too much is waiting",
    "not-ready": "The service is not ready",
    "upstream": "The upstream failed",
    "internal": "The service failed",
}
"""Kind of a problem -> its title, the same each time."""


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem document; ``instance`` is the request's id, ``field`` a path within the body."""

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None
    field: str | None = None
    mend: str | None = None


class ProblemError(Exception):
    """Ends a request with a problem.

    Parameters
    ----------
    kind : str
        A key of `TITLES`.
    status : int
        HTTP status.
    detail : str
        What was given and what was expected; no task text, no secret.
    field, mend : str, optional
    headers : tuple of (bytes, bytes)
        Beside the content type.
    """

    def __init__(
        self,
        kind: str,
        status: int,
        detail: str,
        *,
        field: str | None = None,
        mend: str | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.status = status
        self.detail = detail
        self.field = field
        self.mend = mend
        self.headers = headers

    def body(self, instance: str | None = None) -> bytes:
        """Return the document, for a request's id."""
        problem = Problem(
            type=f"urn:tracetier:problem:{self.kind}",
            title=TITLES[self.kind],
            status=self.status,
            detail=self.detail[:MAX_DETAIL],
            instance=instance,
            field=self.field,
            mend=self.mend,
        )
        return msgspec.json.encode(problem)


_AT = re.compile(r" - at `(?:key in )?\$\.?(?P<path>.*)`$")
_NAMED = re.compile(r"(?:missing required|unknown) field `(?P<name>[^`]{1,64})`")
_RETRY = ((b"retry-after", str(RETRY_AFTER_S).encode()),)

_BY_ERROR: Final[tuple[tuple[type[TracetierError], str, int, str | None], ...]] = (
    (TierError, "invalid-value", 422, "allowed"),
    (SettingsError, "invalid-value", 422, "lam"),
    (PolicyError, "no-tier-left", 409, None),
    (CapError, "cap-reached", 429, None),
    (ArtifactError, "invalid-value", 422, "path"),
    (FeedbackError, "invalid-value", 422, None),
)
"""Errors whose message speaks of the request alone; kind, status and field."""


def of_error(error: TracetierError) -> ProblemError:
    """Return the problem that an error of ours is to the caller.

    Examples
    --------
    >>> of_error(TierError("no tier 'x'; known are low, high")).status
    422
    """
    for kind_of_error, kind, status, field in _BY_ERROR:
        if isinstance(error, kind_of_error):
            detail, parted, mend = str(error).rpartition("; ")
            if not parted:
                detail, mend = mend, ""
            return ProblemError(kind, status, detail, field=field, mend=mend or None)
    if isinstance(error, StorageError):
        return not_stored()
    if isinstance(error, StateError):
        return ProblemError(
            "conflict",
            503,
            "the state cannot be used as it stands; the log of the service tells why",
            mend="try again, and tell the operator if it stays so",
            headers=_RETRY,
        )
    return internal()


def not_stored() -> ProblemError:
    """Return the answer to a report that the store did not take."""
    return ProblemError(
        "not-stored",
        503,
        "the state store did not take this, so it was neither learned from nor kept",
        mend="send it again after Retry-After seconds; nothing is learned from twice",
        headers=_RETRY,
    )


def overloaded(what: str) -> ProblemError:
    """Return the answer where too much waits already."""
    return ProblemError(
        "overloaded",
        503,
        f"too many {what} are waiting",
        mend="send it again after Retry-After seconds",
        headers=_RETRY,
    )


def unknown_decision(decision_id: str) -> ProblemError:
    """Return the answer to an id that no decision has."""
    shown = decision_id if len(decision_id) <= 40 else decision_id[:40] + "..."
    return ProblemError(
        "unknown-decision",
        404,
        f"no decision {shown!r} is known here: never taken, taken on another state, or expired",
        field="decision_id",
        mend="give the id that /v1/route answered, to a service on the same state",
    )


def internal() -> ProblemError:
    """Return the answer to a bug: nothing of it but the request's id, which the log names."""
    return ProblemError(
        "internal",
        500,
        "the service failed on this request; its log tells why, by the request id",
        mend="report it with the request id",
    )


UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError)
"""What decoding a body may raise."""


def of_invalid(error: msgspec.DecodeError | UnicodeDecodeError) -> ProblemError:
    """Return the problem of a body that could not be read.

    Examples
    --------
    >>> try:
    ...     msgspec.json.decode(b'{"a": 1}', type=dict[str, str])
    ... except msgspec.ValidationError as error:
    ...     found = of_invalid(error)
    >>> found.status, found.field, found.detail
    (422, '[...]', 'Expected `str`, got `int`')
    """
    text = "a text is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
    if not isinstance(error, msgspec.ValidationError):
        return ProblemError(
            "malformed-json", 400, text, mend="send one JSON document, encoded in UTF-8"
        )
    at = _AT.search(text)
    detail, field = (text[: at.start()], at["path"]) if at else (text, "")
    named = _NAMED.search(detail)
    if named is not None:
        field = f"{field}.{named['name']}" if field else named["name"]
    return ProblemError(
        "invalid-value",
        422,
        detail,
        field=field or None,
        mend="see /docs for the fields of this request",
    )
