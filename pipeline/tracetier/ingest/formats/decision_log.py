"""Our own decision log: what a router chose, and what became known of it afterwards.

A decision is a call by itself, and the trace is the decision, so that feedback finds it in
whatever file it comes; the caller's session holds it together with the decisions beside it. The
probability of the tier that was taken is in the log, so these rows can be learned from without
guessing how they came about.
"""

from collections.abc import Iterator

import msgspec

from tracetier.decision_log.schema import LOG_VERSION, VERSION_KEY, DecisionLine, FeedbackLine
from tracetier.features.extract import X_COLUMNS
from tracetier.features.spec import fingerprint
from tracetier.ingest.check import find_span_fault
from tracetier.ingest.formats._failures import is_infrastructure
from tracetier.ingest.formats._part import utc
from tracetier.ingest.formats._typed_json import decoder, typed
from tracetier.ingest.head import Head
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import Addition, After, Score, Span
from tracetier.records import Level, Task

_BEST_QUALITY = 10.0
_SCORE_NAME = "feedback"
_AFTER = (
    *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"),
    *("cost_usd", "latency_s", "error_type"),
)


class _Version(msgspec.Struct, frozen=True):
    tracetier_log: int


_LINE = msgspec.json.Decoder(DecisionLine | FeedbackLine, strict=False)
_VERSION = decoder(_Version)


class DecisionLog:
    """Lines with ``tracetier_log``, the version of the log."""

    name = "decision_log"
    level: Level = "call"
    stands_alone = True
    is_spread = True

    def matches(self, head: Head) -> float:
        """Tell by the name of the version, which nobody else uses."""
        lines = head.kind == "jsonl" and head.records
        return float(bool(lines) and any(VERSION_KEY in record for record in head.records))

    def read(self, source: Source, context: Context) -> Iterator[Span | Addition | Issue]:
        """Yield a call per decision, and an addition per feedback."""
        for line in source.lines():
            if isinstance(line, Issue):
                yield line
                continue
            try:
                yield _told(line)
            except Fault as fault:
                yield source.issue(fault)


def _told(line: bytes) -> Span | Addition:
    version = typed(line, _VERSION).tracetier_log
    if version > LOG_VERSION:
        raise Fault(
            "too_new",
            f"{VERSION_KEY} is {version}, this version reads up to {LOG_VERSION}; update tracetier",
            pointer=VERSION_KEY,
            value=version,
        )
    told = typed(line, _LINE)
    return _call(told) if isinstance(told, DecisionLine) else _addition(told)


def _call(line: DecisionLine) -> Span:
    task = line.task or Task()
    return Span(
        trace_id=line.decision_id,
        span_id=line.decision_id,
        kind="call",
        session_id=line.session_id or line.trace_id or task.session_id,
        start=utc(line.timestamp),
        task_id=line.task_id,
        task_type=task.task_type,
        text=task.text,
        text_hash=line.task_text_hash,
        x=_features(line),
        tools=task.tools,
        attrs=task.attrs,
        model_asked=line.model,
        tier=line.tier,
        p_log=line.propensity,
        known=task,
    )


def _features(line: DecisionLine) -> dict[str, float] | None:
    """Return the features of a text that is withheld, if they are those of this version."""
    if line.x is None or line.task_text_hash is None or line.feature_fingerprint != fingerprint():
        return None
    known = ((name, line.x.get(name)) for name in X_COLUMNS)
    return {name: value for name, value in known if value is not None}


def _addition(line: FeedbackLine) -> Addition:
    """Return what is told of a decision.

    Raises
    ------
    Fault
        If the quality is not from 0 to 10, or another value cannot be.
    """
    quality = line.quality
    if quality is not None and not 0 <= quality <= _BEST_QUALITY:
        message = f"quality is {quality:g}, must be from 0 to 10"
        raise Fault("out_of_range", message, pointer="quality", value=quality)
    after = {name: getattr(line, name) for name in _AFTER}
    is_broken = line.status == "cancelled" or (
        line.status == "error" and is_infrastructure(line.error_type, "", None)
    )
    id_ = line.decision_id
    fault = find_span_fault(Span(trace_id=id_, span_id=id_, kind="call", **after))
    if fault is not None:
        raise fault
    return Addition(
        trace_id=id_,
        span_id=id_,
        scores=() if quality is None else (_score(line, quality),),
        after=After(
            time=utc(line.timestamp),
            outcome=line.status,
            is_infrastructure_error=None if line.status is None else is_broken,
            **after,
        ),
    )


def _score(line: FeedbackLine, quality: float) -> Score:
    return Score(
        name=_SCORE_NAME,
        value=quality,
        source="feedback",
        low=0.0,
        high=_BEST_QUALITY,
        better="high",
        time=utc(line.timestamp),
    )


FORMAT = DecisionLog
