"""Errors of the gateway's own, each in the shape of the protocol that the client speaks."""

from typing import Final

import msgspec

from tracetier.serve.gateway.config import Api
from tracetier.serve.hot.answer import Answer
from tracetier.serve.problems import ProblemError

_ANTHROPIC: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
}
_OPENAI: Final = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}


def error_body(
    api: Api, status: int, message: str, *, param: str | None = None, code: str | None = None
) -> bytes:
    """Return the body of an error.

    Examples
    --------
    >>> error_body("anthropic", 404, "no such model")
    b'{"type":"error","error":{"type":"not_found_error","message":"no such model"}}'
    >>> error_body("openai", 502, "no answer", code="upstream_failed")
    b'{"error":{"message":"no answer","type":"server_error","param":null,"code":...}}'
    """
    if api == "anthropic":
        kind = _ANTHROPIC.get(status, "api_error" if status >= 500 else "invalid_request_error")
        return msgspec.json.encode({"type": "error", "error": {"type": kind, "message": message}})
    kind = _OPENAI.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return msgspec.json.encode(
        {"error": {"message": message, "type": kind, "param": param, "code": code}}
    )


def problem_in(api: Api, problem: ProblemError) -> Answer:
    """Return a problem of the service, as a missing token, as the clients of a protocol know it."""
    told = f"{problem.detail}; {problem.mend}" if problem.mend else problem.detail
    code = problem.kind.replace("-", "_")
    return Answer(problem.status, error_body(api, problem.status, told, code=code), problem.headers)
