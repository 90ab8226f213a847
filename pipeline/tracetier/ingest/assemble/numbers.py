"""What an invocation used and cost: the sum over its own calls, each counted once.

A sum is unknown where a call that succeeded does not tell its part, since half a sum would look
like a cheap invocation. Answers from a cache cost nothing and took no time, which says nothing of
the tier: cost and latency are then unknown.
"""

from collections.abc import Callable, Sequence
from math import inf
from typing import Literal, NamedTuple, TypeVar

from tracetier.ingest.span import Span

Number = TypeVar("Number", int, float)
Price = Callable[[Span], float | None]
"""Cost in USD of one call by its tokens, ``None`` where no price is known."""


class Cost(NamedTuple):
    """USD, and where it comes from; ``None`` is unknown."""

    usd: float | None
    source: Literal["logged", "priced"] | None


UNKNOWN_COST = Cost(None, None)


def cost_of(call: Span, price: Price) -> Cost:
    """Return the cost of one call: as logged, else by its tokens.

    Tokens that cost 0 are what loggers write for a price they do not know.
    """
    if call.is_cached_answer:
        return UNKNOWN_COST
    logged = call.cost_usd
    n_tokens = (call.input_tokens or 0) + (call.output_tokens or 0)
    if logged is not None and (logged > 0 or (n_tokens == 0 and _knows_tokens(call))):
        return Cost(logged, "logged")
    priced = price(call) if _knows_tokens(call) else None
    return UNKNOWN_COST if priced is None else Cost(priced * call.price_factor, "priced")


def total_cost(calls: Sequence[Span], costs: Sequence[Cost]) -> Cost:
    """Return the cost of several calls; one that was priced makes the whole a priced one."""
    if any(call.is_cached_answer for call in calls):
        return UNKNOWN_COST
    usd = total([cost.usd for cost in costs], calls)
    if usd is None:
        return UNKNOWN_COST
    return Cost(usd, "priced" if any(cost.source == "priced" for cost in costs) else "logged")


def total_tokens(calls: Sequence[Span]) -> tuple[int | None, int | None, int | None, int | None]:
    """Return input, output, cache read and cache written tokens of several calls.

    Cached tokens are parts of the input; a call that tells none of them had none.
    """
    n_input = total([call.input_tokens for call in calls], calls)
    n_output = total([call.output_tokens for call in calls], calls)
    reads = [call.cache_read_tokens for call in calls if call.cache_read_tokens is not None]
    writes = [call.cache_write_tokens for call in calls if call.cache_write_tokens is not None]
    return n_input, n_output, sum(reads) if reads else None, sum(writes) if writes else None


def total(values: Sequence[Number | None], calls: Sequence[Span]) -> Number | None:
    """Add up what the calls tell; ``None`` where none does, or one that did not fail does not."""
    if None not in values:
        return sum(values) if values else None  # type: ignore[arg-type]
    known = [value for value in values if value is not None]
    for value, call in zip(values, calls, strict=True):
        if value is None and call.outcome != "error":
            return None
    return sum(known) if known else None


def latency_of(span: Span) -> float | None:
    """Return the wall time of a step in seconds, from its own ends or as the log states it."""
    if span.is_cached_answer:
        return None
    if span.start is not None and span.end is not None and span.end >= span.start:
        return (span.end - span.start).total_seconds()
    return span.latency_s


def latency_of_calls(
    calls: Sequence[Span], starts: Sequence[float], ends: Sequence[float]
) -> float | None:
    """Return the time from the start of the first call to the end of the last, else their sum."""
    if not calls or any(call.is_cached_answer for call in calls):
        return None
    if max(ends) < inf and min(starts) < inf:
        # Where the start of none is told there is one instant, and nothing was measured.
        return round(max(ends) - min(starts), 6) or None
    return total([call.latency_s for call in calls], calls)


def _knows_tokens(call: Span) -> bool:
    return call.input_tokens is not None and call.output_tokens is not None
