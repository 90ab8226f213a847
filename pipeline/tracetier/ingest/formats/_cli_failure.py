"""What the error messages of a coding agent's own program say of the model.

Where the provider was overloaded, out of reach or unpaid, the answer says nothing of the tier;
where the context was too long or the answer was cut, it does.
"""

import re
from typing import NamedTuple

from tracetier.ingest.formats._failures import is_infrastructure

_STATUS = re.compile(r"\b(?:API Error:?|status(?:_code|Code)?\"?:?)\s*\(?(\d{3})\b", re.IGNORECASE)
_OF_THE_MODEL = {
    "prompt_too_long": ("prompt is too long", "context window", "context_window"),
    "output_limit": ("output token maximum", "max_output_tokens"),
    "refused": ("usage policy", "refusal"),
}
_OF_THE_ACCOUNT = {
    "usage_limit": ("usage limit", "usage_limit", "hit your limit", "limit reached", "rate_limit"),
    "account": ("credit balance", "api key", "/login", "oauth", "billing", "authentication"),
    "connection": ("econn", "fetch failed", "socket", "network", "connection", "disconnect"),
}


class Failure(NamedTuple):
    """Kind of a failure, and whether it lies outside the model."""

    error_type: str
    is_infrastructure: bool


def failure_of(told: str) -> Failure:
    """Return what kind of failure a message tells.

    Examples
    --------
    >>> failure_of('API Error: 529 {"type":"error","error":{"type":"overloaded_error"}}')
    Failure(error_type='http_529', is_infrastructure=True)
    >>> failure_of("Prompt is too long")
    Failure(error_type='prompt_too_long', is_infrastructure=False)
    >>> failure_of("You've hit your limit")
    Failure(error_type='usage_limit', is_infrastructure=True)
    """
    found, low = _STATUS.search(told), told.lower()
    status = None if found is None else int(found[1])
    if is_infrastructure(None, "", status):
        return Failure(f"http_{status}", is_infrastructure=True)
    for kinds, is_outside in ((_OF_THE_MODEL, False), (_OF_THE_ACCOUNT, True)):
        for error_type, signs in kinds.items():
            if any(sign in low for sign in signs):
                return Failure(error_type, is_outside)
    error_type = "api_error" if status is None else f"http_{status}"
    return Failure(error_type, is_infrastructure(None, told, None))
