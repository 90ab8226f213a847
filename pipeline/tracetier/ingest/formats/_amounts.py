"""Times, counts and costs of foreign logs: strings, numbers or nothing, checked at once."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from msgspec import Struct

from tracetier.ingest.coerce import count, instant, number
from tracetier.ingest.issue import Fault, excerpt

T = TypeVar("T")
MAX_COUNT = 2**53  # beyond it a float no longer tells whole numbers apart


class Tokens(Struct, frozen=True):
    """Token counts of one call; those of the cache are parts of the input."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None


def time_of(value: object, pointer: str) -> datetime | None:
    """Return a time in UTC; one without zone is UTC, a number counts s, ms, us or ns by its size.

    Raises
    ------
    Fault
        If there is a value that is no time.
    """
    if type(value) is str:  # as most logs write it
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            if found.tzinfo is UTC:
                return found
    return read_as(instant, value, pointer)


def tokens_of(value: object, pointer: str) -> int | None:
    """Return a count of tokens, ``None`` where there is none.

    Raises
    ------
    Fault
        If there is a value that is no whole number from 0 to 2**53.

    Examples
    --------
    >>> tokens_of("12", "n"), tokens_of(None, "n")
    (12, None)
    """
    if type(value) is int and 0 <= value <= MAX_COUNT:
        return value
    found = read_as(count, value, pointer)
    if found is not None and not 0 <= found <= MAX_COUNT:
        raise _out_of_range(found, pointer, "a count from 0 to 2**53")
    return found


def usd_of(value: object, pointer: str) -> float | None:
    """Return an amount, ``None`` where there is none; costs may be decimal strings.

    Raises
    ------
    Fault
        If there is a value that is no finite number >= 0.

    Examples
    --------
    >>> usd_of("0.00052065", "total_cost")
    0.00052065
    """
    if type(value) is float and 0 <= value < math.inf:
        return value
    found = read_as(number, value, pointer)
    if found is not None and not 0 <= found < math.inf:
        raise _out_of_range(found, pointer, "a finite number >= 0")
    return found


def finite_of(value: object, pointer: str) -> float | None:
    """Return a number of either sign, ``None`` where there is none.

    Raises
    ------
    Fault
        If there is a value that is no finite number.
    """
    found = read_as(number, value, pointer)
    if found is not None and not math.isfinite(found):
        raise _out_of_range(found, pointer, "a finite number")
    return found


def verdict(value: object) -> float | bool | None:
    """Return a value that judges by itself: true, false, or a finite number.

    Examples
    --------
    >>> verdict(3), verdict(True), verdict("yes"), verdict(float("nan"))
    (3.0, True, None, None)
    """
    if isinstance(value, bool):
        return value
    if not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def known_cost(cost_usd: float | None) -> float | None:
    """Return a cost, ``None`` for 0: what loggers write for a price that they do not know."""
    return cost_usd or None


def with_cache(
    n_input: int | None,
    n_output: int | None,
    *,
    total: int | None = None,
    cache_read: int | None = None,
    cache_write: int | None = None,
) -> Tokens:
    """Return counts whose input includes the cache, whatever the log's convention.

    The stated total decides; but more cached tokens than input can only mean that they are counted
    apart.

    Examples
    --------
    >>> with_cache(5, 94, total=1099, cache_read=1000).input
    1005
    >>> with_cache(412, 37, total=449, cache_read=256).input
    412
    """
    cached = (cache_read or 0) + (cache_write or 0)
    if n_input is not None and cached:
        plain = n_input + (n_output or 0)
        if total == plain + cached or cached > n_input:
            n_input += cached
    return Tokens(n_input, n_output, cache_read, cache_write)


def read_as(convert: Callable[[object], T], value: object, pointer: str) -> T | None:
    """Return a value as one of our types, ``None`` where it is absent or blank.

    Raises
    ------
    Fault
        If it is something else, with its place.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        return convert(value)
    except Fault as fault:
        message = f"{pointer} is {excerpt(value)}, must be {fault}"
        raise Fault(fault.reason, message, pointer=pointer, value=value) from None
    except OverflowError:
        raise _out_of_range(value, pointer, "a finite number") from None


def _out_of_range(value: object, pointer: str, expected: str) -> Fault:
    message = f"{pointer} is {excerpt(value)}, must be {expected}"
    return Fault("out_of_range", message, pointer=pointer, value=value)
