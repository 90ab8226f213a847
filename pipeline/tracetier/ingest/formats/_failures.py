"""Which failures say nothing of the model: the provider was busy, out of reach, or told to stop.

A run that ended so has no quality, not a quality of 0: any other tier would have failed as well.
"""

import re

_HTTP = (401, 403, 408, 409, 425, 429, 499, 500, 502, 503, 504, 520, 522, 524, 529)
_TYPE = re.compile(
    r"rate.?limit|too.?many.?requests|throttl|overload|quota|timeout|timed.?out|deadline"
    r"|service.?unavailable|bad.?gateway|internal.?server|server.?error|apiconnection"
    r"|connection.?(?:error|reset|refused|aborted)|connect.?error|unavailable|authentication"
    r"|permission.?denied|cancel|abort|interrupt",
    re.IGNORECASE,
)
_TEXT = re.compile(
    r"\b(?:429|502|503|504|529)\b|rate limit|too many requests|overloaded|throttl|timed? out"
    r"|service unavailable|connection (?:error|reset|refused)|cancell?ed",
    re.IGNORECASE,
)
_CANCELLED = re.compile(r"cancel|abort|interrupt|\b499\b", re.IGNORECASE)


def is_infrastructure(error_type: str | None, message: str, http_status: int | None) -> bool:
    """Whether a failure is of the infrastructure.

    Examples
    --------
    >>> is_infrastructure("openai.RateLimitError", "", None), is_infrastructure("429", "", None)
    (True, True)
    >>> is_infrastructure("BadRequestError", "context is too long", 400)
    False
    >>> is_infrastructure("FileNotFoundError", "no such file", None)
    False
    """
    if http_status in _HTTP or ((error_type or "").isdecimal() and int(error_type or 0) in _HTTP):
        return True
    return bool(_TYPE.search(error_type or "") or _TEXT.search(message))


def is_cancelled(error_type: str | None, message: str) -> bool:
    """Whether somebody stopped it."""
    return bool(_CANCELLED.search(error_type or "") or (not error_type and "cancel" in message))
