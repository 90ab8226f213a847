"""What a value may be, whatever the format it came from."""

import math

from tracetier.ingest.issue import Fault, excerpt
from tracetier.ingest.span import Span
from tracetier.records import Invocation
from tracetier.table import ATTR_PREFIX, attr_type

_MAX_COUNT = 2**53  # beyond it a float no longer tells whole numbers apart
_NON_NEGATIVE = ("y_cost_usd", "y_latency_s", "latency_limit_s", "idle_s")
_AMOUNTS, _NO_AMOUNTS = ("cost_usd", "latency_s"), (None, None)
_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
_NO_COUNTS = (None, None, None, None)  # as most steps have
_COUNTS = (
    "n_tools",
    "prompt_tokens_est",
    "context_tokens",
    "turn_index",
    "n_prior_errors",
    "n_prior_retries",
    "n_files_touched",
    "y_input_tokens",
    "y_output_tokens",
    "y_cache_read_tokens",
    "y_cache_write_tokens",
)


def find_fault(row: Invocation) -> Fault | None:
    """Return the first value of an invocation that cannot be, ``None`` where all can.

    Quality must be in [0, 1], a propensity in (0, 1], costs and times finite and >= 0, counts in
    [0, 2**53], the ids not empty, and cached tokens no more than the input.
    """
    if not (row.trace_id.strip() and row.task_id.strip()):
        name = "task_id" if row.trace_id.strip() else "trace_id"
        return Fault("missing", f"{name} is empty, every record needs one", pointer=name)
    if row.y_quality is not None and not 0 <= row.y_quality <= 1:
        return _fault("y_quality", row.y_quality, "from 0 to 1")
    if row.p_log is not None and not 0 < row.p_log <= 1:
        return _fault("p_log", row.p_log, "above 0 and at most 1")
    for name in _NON_NEGATIVE:
        amount = getattr(row, name)
        if amount is not None and not 0 <= amount < math.inf:
            return _fault(name, amount, "a finite number >= 0")
    for name in _COUNTS:
        count = getattr(row, name)
        if count is not None and not 0 <= count <= _MAX_COUNT:
            return _fault(name, count, "a count from 0 to 2**53")
    return _cache_fault(row.y_input_tokens, row.y_cache_read_tokens, row.y_cache_write_tokens)


def find_span_fault(span: Span) -> Fault | None:
    """Return the first value of a step that cannot be, ``None`` where all can.

    As for an invocation; times must have a zone.
    """
    if not (span.trace_id and span.span_id):
        name = "span_id" if span.trace_id else "trace_id"
        return Fault("missing", f"{name} is empty, every step needs one", pointer=name)
    for time in (span.start, span.end):
        if time is not None and time.tzinfo is None:
            return Fault("bad_value", f"time {time.isoformat()} has no zone", pointer="start")
    if span.p_log is not None and not 0 < span.p_log <= 1:
        return _fault("p_log", span.p_log, "above 0 and at most 1")
    amounts = span.cost_usd, span.latency_s
    if amounts != _NO_AMOUNTS:
        for name, amount in zip(_AMOUNTS, amounts, strict=True):
            if amount is not None and not 0 <= amount < math.inf:
                return _fault(name, amount, "a finite number >= 0")
    counts = span.input_tokens, span.output_tokens, span.cache_read_tokens, span.cache_write_tokens
    if counts == _NO_COUNTS:
        return None
    for name, count in zip(_TOKENS, counts, strict=True):
        if count is not None and not 0 <= count <= _MAX_COUNT:
            return _fault(name, count, "a count from 0 to 2**53")
    return _cache_fault(span.input_tokens, span.cache_read_tokens, span.cache_write_tokens)


class AttrTypes:
    """The type of each of the user's own columns, which its first value decides."""

    def __init__(self) -> None:
        self._kinds: dict[str, str] = {}

    def find_fault(self, row: Invocation) -> Fault | None:
        """Return the first attribute that is of another type than before."""
        for name, value in (row.attrs or {}).items():
            kind = attr_type(value)
            before = self._kinds.setdefault(name, kind)
            if kind != before:
                message = (
                    f"{ATTR_PREFIX + name} is a {kind}, was a {before} before; keep to one type"
                )
                return Fault("attr_type", message, pointer=ATTR_PREFIX + name, value=value)
        return None


def _cache_fault(n_input: int | None, n_read: int | None, n_written: int | None) -> Fault | None:
    cached = (n_read or 0) + (n_written or 0)
    if n_input is None or cached <= n_input:
        return None
    return Fault(
        "out_of_range",
        f"{cached} cached tokens exceed y_input_tokens {n_input}; give all input tokens, cached "
        "ones included",
        pointer="y_input_tokens",
        value=n_input,
    )


def _fault(name: str, value: float, expected: str) -> Fault:
    reason = "not_finite" if not math.isfinite(value) else "out_of_range"
    message = f"{name} is {excerpt(value)}, must be {expected}"
    return Fault(reason, message, pointer=name, value=value)
