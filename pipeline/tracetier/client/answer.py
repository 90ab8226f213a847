"""A service's answer as a record, or its problem document as one of our errors."""

from typing import Final, TypeVar

import httpx
import msgspec
from msgspec import Struct

from tracetier.errors import (
    ArtifactError,
    CapError,
    FeedbackError,
    InputError,
    PolicyError,
    ServiceError,
    SettingsError,
    StorageError,
    TierError,
    TracetierError,
)

Record = TypeVar("Record")


class Problem(Struct, kw_only=True):
    """What is used of a problem document (RFC 9457)."""

    type: str = ""
    title: str = ""
    detail: str = ""
    field: str | None = None
    mend: str | None = None
    instance: str | None = None


_BY_KIND: Final[dict[str, type[TracetierError]]] = {
    "unknown-decision": FeedbackError,
    "no-tier-left": PolicyError,
    "cap-reached": CapError,
    "not-stored": StorageError,
    "unauthenticated": SettingsError,
    "forbidden": SettingsError,
    "misdirected": SettingsError,
}
_BY_FIELD: Final[dict[str, type[TracetierError]]] = {
    "allowed": TierError,
    "lam": SettingsError,
    "path": ArtifactError,
    "quality": FeedbackError,
    "cost_usd": FeedbackError,
    "decision_id": FeedbackError,
    "reports": FeedbackError,
    "trace_id": FeedbackError,
}
"""The first part of the field that was wrong → the error that a `Router` raises for it."""


def decoded(answer: httpx.Response, kind: type[Record]) -> Record:
    """Return the record of a good answer.

    Raises
    ------
    TracetierError
        What the problem document says, by its kind; `ServiceError` where there is none.
    """
    if not answer.is_success:
        raise error_of(answer)
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.DecodeError as error:
        raise ServiceError(
            f"{answer.url} answered what is no {kind.__name__}: {error}; check that a tracetier "
            "service of this version listens there"
        ) from error


def error_of(answer: httpx.Response) -> TracetierError:
    """Return the error that an answer is, with the field and the mend where it names them."""
    try:
        problem = msgspec.json.decode(answer.content, type=Problem)
    except msgspec.DecodeError:
        problem = Problem()
    told = problem.detail or problem.title or f"{answer.url} answered {answer.status_code}"
    mend = problem.mend or (None if problem.detail else "check that a tracetier service is there")
    if answer.status_code >= 500 and problem.instance:
        told = f"{told} (request {problem.instance})"
    error = _kind(answer.status_code, problem)(f"{told}; {mend}" if mend else told)
    error.field, error.mend = problem.field, problem.mend
    return error


def unreachable(error: httpx.HTTPError, url: str) -> ServiceError:
    """Return what is raised where no answer came, however often it was asked."""
    what = str(error) or type(error).__name__
    return ServiceError(
        f"no answer from {url}: {what}; see that tracetier serve runs there, or give another url"
    )


def _kind(status: int, problem: Problem) -> type[TracetierError]:
    kind = problem.type.rpartition(":")[2]
    if kind in _BY_KIND:
        return _BY_KIND[kind]
    if status >= 500 or status == 429 or not kind:
        return ServiceError
    return _BY_FIELD.get((problem.field or "").partition(".")[0], InputError)
