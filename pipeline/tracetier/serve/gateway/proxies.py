"""Implicit signs of trouble as a guess at quality: each declared, each with a weight, all off.

``quality = 10 * (1 - sum(weight * trouble))``, not below 0, as for the proxies of `ingest`. An
explicit report of a decision's quality goes before: a sign waits for it, and then stands back.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from msgspec import Struct

from tracetier.errors import SettingsError

SIGNS: Final[Mapping[str, float]] = {
    "error": 1.0,
    "refusal": 0.5,
    "truncation": 0.5,
    "invalid_tool_call": 0.75,
    "retry": 0.5,
}
"""Sign -> its usual weight.

``error`` is an answer that the request was wrong, or one that broke off, not a service that was
down; ``refusal`` what the provider calls one; ``truncation`` an answer cut by its limit of tokens;
``invalid_tool_call`` arguments that are no JSON; ``retry`` the same request again within seconds.
"""

SOURCE: Final = "proxy"


class Seen(Struct, frozen=True, kw_only=True):
    """Which signs an answer bears; a request that comes again is seen later."""

    error: bool = False
    refusal: bool = False
    truncation: bool = False
    invalid_tool_call: bool = False
    retry: bool = False


def quality_of(seen: Seen, weights: Mapping[str, float]) -> float:
    """Return the guess at quality, from 0 to 10.

    Examples
    --------
    >>> quality_of(Seen(truncation=True, retry=True), {"truncation": 0.5, "retry": 0.25})
    2.5
    >>> quality_of(Seen(truncation=True), {"error": 1.0})
    10.0
    """
    loss = sum(weight for name, weight in weights.items() if getattr(seen, name))
    return 10.0 * max(0.0, 1.0 - loss)


def read_weights(weights: Mapping[str, float]) -> None:
    """Refuse a sign that is not known, or a weight that is none.

    Raises
    ------
    SettingsError
    """
    for name, weight in weights.items():
        if name not in SIGNS:
            near = get_close_matches(name, SIGNS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(SIGNS)}"
            raise SettingsError(f"[gateway] proxies: unknown sign {name!r}; {hint}")
        if not 0 < weight <= 1:
            raise SettingsError(
                f"[gateway] proxies: {name} is {weight:g}, its weight must be in (0, 1]; usual is "
                f"{SIGNS[name]:g}"
            )
