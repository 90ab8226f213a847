"""Langfuse's records as they stand: observations, traces, scores, and what holds them.

The API and the downloads of the user interface spell names ``likeThis``, the scheduled exports
``like_this``; both are the same record. Content comes as values or as JSON text. Most of a log's
bytes are the messages of its calls, of which little is needed: where a record is of the usual types
its input is left as it was written.
"""

from typing import Any, cast

import msgspec
from msgspec import Raw, Struct

from tracetier.ingest.formats._json_items import record_paths
from tracetier.ingest.head import Head

Id = str | int | None


class Record(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """Whatever a line or document of an export can be; the fields that are there tell which."""

    # An observation.
    id: Id = None
    trace_id: Id = None
    parent_observation_id: Id = None
    type: str | None = None
    name: str | None = None
    start_time: object = None
    end_time: object = None
    level: str | None = None
    status_message: str | None = None
    environment: str | None = None
    model: str | None = None
    provided_model_name: str | None = None
    usage_details: object = None
    usage: object = None
    prompt_tokens: object = None
    completion_tokens: object = None
    total_tokens: object = None
    input_usage: object = None
    output_usage: object = None
    total_usage: object = None
    cost_details: object = None
    total_cost: object = None
    calculated_total_cost: object = None
    input: object = None
    output: object = None
    metadata: object = None
    tool_definitions: object = None
    session_id: Id = None
    trace_name: str | None = None
    # A trace, with what hangs on it.
    timestamp: object = None
    observations: object = None
    scores: object = None
    # A score.
    observation_id: Id = None
    value: object = None
    string_value: str | None = None
    data_type: str | None = None
    source: str | None = None
    updated_at: object = None
    # What holds others: a downloaded trace, a page of the API.
    trace: object = None
    data: object = None

    @property
    def is_score(self) -> bool:
        """Whether it is a score of a trace or an observation."""
        has_value = self.value is not None or self.string_value is not None
        return self.data_type is not None or (has_value and self.name is not None)

    @property
    def is_observation(self) -> bool:
        """Whether it is one step of a trace."""
        return self.type is not None and self.trace_id is not None


def _like_record(name: str, rename: str | None = None, **types: Any) -> type[Record]:
    """Return a record of the same fields, some of other types."""
    fields = [
        (field.name, types.get(field.name, field.type), field.default)
        for field in msgspec.structs.fields(Record)
    ]
    bases = {"is_score": Record.is_score, "is_observation": Record.is_observation}
    made = msgspec.defstruct(
        name,
        fields,
        namespace=bases,
        frozen=True,
        kw_only=True,
        rename=cast(Any, rename),
        gc=False,  # nothing that was decoded is in a circle, and there is much of it
    )
    return cast(type[Record], made)


SnakeRecord = _like_record("SnakeRecord")


def _quick(name: str, rename: str | None) -> type[Record]:
    """Return a record of raw contents, as are those of the observations which it holds."""
    raw = {"input": Raw, "output": Raw, "metadata": Raw}
    step = _like_record(name + "Step", rename, **raw)
    held = list[step] | None  # type: ignore[valid-type]
    return _like_record(name, rename, **raw, observations=held)


_QUICK = {Record: _quick("QuickRecord", "camel"), SnakeRecord: _quick("QuickSnakeRecord", None)}

_TRACE_SIGNS = frozenset(
    {"session_id", "sessionId", "bookmarked", "public", "observations", "scores", "environment"}
)
_OBSERVATION = ("parentObservationId", "parent_observation_id")
_HELD = ("observations[].", "data[].", "trace.observations[].", "data[].observations[].")


def record_type(head: Head) -> type[Record]:
    """Return the record in the spelling of a file."""
    paths = record_paths(head)
    is_snake = bool({"trace_id", "session_id"} & paths) and "traceId" not in paths
    return SnakeRecord if is_snake else Record


def quick_type(kind: type[Record]) -> type[Record]:
    """Return the record that leaves inputs and metadata as they were written."""
    return _QUICK[kind]


def role_of(head: Head) -> str | None:
    """Return what a file of ours holds: ``"observations"``, ``"scores"``, ``"traces"`` or none."""
    paths = record_paths(head)
    if any(prefix + name in paths for name in _OBSERVATION for prefix in ("", *_HELD)):
        return "observations"
    if "trace" in paths and ("observations" in paths or "trace.sessionId" in paths):
        return "observations"
    return _flat_role(paths) or _flat_role({path.removeprefix("data[].") for path in paths})


def _flat_role(paths: frozenset[str] | set[str]) -> str | None:
    is_score = {"traceId", "dataType"} <= paths or {"trace_id", "data_type"} <= paths
    if is_score and {"name", "value"} <= paths:
        return "scores"
    is_trace = {"id", "name", "timestamp", "bookmarked"} <= paths
    return "traces" if is_trace and len(_TRACE_SIGNS & paths) > 2 else None
