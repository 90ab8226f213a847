"""How an invocation ended, by itself or by its last call, and which model it is credited to."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from tracetier.ingest.assemble.numbers import Cost
from tracetier.ingest.assemble.tree import RUN_KINDS
from tracetier.ingest.span import Outcome, Span


class End(NamedTuple):
    """How an invocation ended; ``None`` is unknown."""

    outcome: Outcome | None
    error_type: str | None
    is_infrastructure_error: bool

    @property
    def failed(self) -> bool | None:
        """Whether it ended in an error."""
        return None if self.outcome is None else self.outcome == "error"


def end_of(span: Span, calls: Sequence[Span]) -> End:
    """Return how a step ended.

    What it says of itself comes first; else it ended as its last call did, if it ended at all. A
    run that failed because its last call met a full or broken service failed by that, not by its
    tier.
    """
    last = calls[-1] if calls else span
    outcome = span.outcome or (None if _goes_on(span, last) else last.outcome)
    failed = outcome in ("error", "cancelled")
    is_broken = span.is_infrastructure_error or (failed and last.is_infrastructure_error)
    error_type = span.error_type or (last.error_type if failed else None)
    return End(outcome, error_type, is_broken)


def _goes_on(span: Span, last: Span) -> bool:
    """Whether a log with times tells no end of a run: that its last call was good is none."""
    is_run = span.kind in RUN_KINDS and last is not span
    is_open = span.start is not None and span.end is None and span.latency_s is None
    return is_run and is_open and last.outcome == "ok"


def model_of(span: Span, calls: Sequence[Span], costs: Sequence[Cost]) -> tuple[str | None, bool]:
    """Return the model that a step is credited to, and whether it used others too.

    The model that was asked for is the action. Among several it is the one that cost most; where a
    cost is unknown the one with most tokens; where these are, too, the one with most calls.
    """
    named = [(action_of(call), k) for k, call in enumerate(calls)]
    models = dict.fromkeys(model for model, _ in named if model)
    if len(models) < 2:
        return next(iter(models), action_of(span)), False
    usage = _usage(calls, costs)
    used: defaultdict[str, float] = defaultdict(float)
    for model, k in named:
        if model:
            used[model] += usage[k]
    return max(models, key=used.__getitem__), True


def action_of(span: Span) -> str | None:
    """Return the model that was asked for, else the one that answered."""
    return span.model_asked or span.model_answered


def _usage(calls: Sequence[Span], costs: Sequence[Cost]) -> list[float]:
    usd = [_part(call, cost.usd) for call, cost in zip(calls, costs, strict=True)]
    if None not in usd:
        return [value or 0.0 for value in usd]
    counts = [_part(call, _n_tokens(call)) for call in calls]
    if None not in counts:
        return [value or 0.0 for value in counts]
    return [1.0] * len(calls)


def _part(call: Span, told: float | None) -> float | None:
    return 0.0 if told is None and call.outcome == "error" else told


def _n_tokens(call: Span) -> int | None:
    if call.input_tokens is None or call.output_tokens is None:
        return None
    return call.input_tokens + call.output_tokens
