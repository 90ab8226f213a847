"""Numbers that a router is given, checked."""

import math

from tracetier.errors import SettingsError


def checked_lam(lam: float) -> float:
    """Return ``lam`` as a float; `SettingsError` unless it is finite and >= 0."""
    if not 0.0 <= lam < math.inf:
        raise SettingsError(
            f"lam is {lam!r}, must be finite and >= 0: reward = quality (0-10) - lam * cost (0-1)"
        )
    return float(lam)


def checked_ttl(pending_ttl_s: float | None) -> float | None:
    """Return the seconds; `SettingsError` unless they are finite and > 0."""
    if pending_ttl_s is not None and not 0.0 < pending_ttl_s < math.inf:
        raise SettingsError(f"pending_ttl_s is {pending_ttl_s!r}, must be finite and > 0 seconds")
    return pending_ttl_s


def checked_bound(max_pending: int | None) -> int | None:
    """Return the bound; `SettingsError` unless it is at least 1."""
    if max_pending is not None and max_pending < 1:
        raise SettingsError(f"max_pending is {max_pending!r}, must be at least 1 decision")
    return max_pending
