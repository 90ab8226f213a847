"""The columns of the feature table, as data.

`COLUMNS` says of each what it is, in which unit, and on which side of the decision it is known; the
Arrow schema, the audit on reading and the check for leaks follow from it.
"""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from tracetier.records import SCHEMA_VERSION, AttrValue

if TYPE_CHECKING:
    import pyarrow as pa

Group = Literal["id", "before", "derived", "action", "after"]
ATTR_PREFIX, X_PREFIX = "attr_", "x_"
VERSION_KEY, TIERS_KEY = b"tracetier.schema_version", b"tracetier.tiers"
FEATURES_KEY = b"tracetier.feature_fingerprint"


class ColumnSpec(NamedTuple):
    """One column: Arrow type by name, the side of the decision it is known on, unit, meaning."""

    name: str
    dtype: str
    group: Group
    unit: str
    doc: str


COLUMNS: tuple[ColumnSpec, ...] = (
    ColumnSpec("trace_id", "string", "id", "", "the trace a row came from; with span_id unique"),
    ColumnSpec("span_id", "string", "id", "", "the call or run within the trace"),
    ColumnSpec("parent_id", "string", "id", "", "span_id of what started it"),
    ColumnSpec("session_id", "string", "id", "", "conversation or agent session"),
    ColumnSpec("task_id", "string", "id", "", "one task; several rows where several tiers ran it"),
    ColumnSpec("task_text_hash", "string", "id", "", "keyed hash of a text that is withheld"),
    ColumnSpec("source_format", "string", "id", "", "name of the log format"),
    ColumnSpec("source_file", "string", "id", "", "path of the log, as it was given"),
    ColumnSpec("timestamp", "timestamp[us, UTC]", "before", "UTC", "start of the invocation"),
    ColumnSpec("task_text", "string", "before", "", "first user text or the sub-agent's prompt"),
    ColumnSpec("task_type", "string", "before", "", "sub-agent type, benchmark or tag"),
    ColumnSpec("agent_name", "string", "before", "", "the agent that asks"),
    ColumnSpec("tools", "list<string>", "before", "", "names of the tools offered"),
    ColumnSpec("n_tools", "int64", "before", "count", "number of tools offered"),
    ColumnSpec("prompt_tokens_est", "int64", "before", "tokens", "prompt, counted from its text"),
    ColumnSpec("context_tokens", "int64", "before", "tokens", "context, counted from its text"),
    ColumnSpec("latency_limit_s", "float64", "before", "s", "longest acceptable answer time"),
    ColumnSpec("turn_index", "int64", "before", "count", "turn within the session, from 0"),
    ColumnSpec("n_prior_errors", "int64", "before", "count", "failures in the session so far"),
    ColumnSpec("n_prior_retries", "int64", "before", "count", "second tries in the session so far"),
    ColumnSpec(
        "n_files_touched", "int64", "before", "count", "files touched in the session so far"
    ),
    ColumnSpec("idle_s", "float64", "before", "s", "since the session's last step ended"),
    ColumnSpec("last_tier", "string", "before", "", "tier of the session's previous invocation"),
    ColumnSpec("last_failed", "bool", "before", "", "whether that invocation failed"),
    ColumnSpec("level", "string", "before", "", "call, agent_run or task"),
    ColumnSpec("model", "string", "action", "", "model that ran"),
    ColumnSpec("tier", "string", "action", "", "tier that was taken"),
    ColumnSpec("p_log", "float64", "action", "(0, 1]", "probability with which it was taken"),
    ColumnSpec("y_quality", "float64", "after", "[0, 1]", "quality of the outcome"),
    ColumnSpec("y_quality_source", "string", "after", "", "human, reference, judge, given, ..."),
    ColumnSpec("y_quality_name", "string", "after", "", "the score it comes from"),
    ColumnSpec("y_quality_time", "timestamp[us, UTC]", "after", "UTC", "when it was given"),
    ColumnSpec("y_cost_usd", "float64", "after", "USD", "cost of the invocation"),
    ColumnSpec("y_cost_source", "string", "after", "", "logged or priced"),
    ColumnSpec("y_latency_s", "float64", "after", "s", "wall time"),
    ColumnSpec("y_input_tokens", "int64", "after", "tokens", "as billed, cache included"),
    ColumnSpec("y_output_tokens", "int64", "after", "tokens", "as billed"),
    ColumnSpec("y_cache_read_tokens", "int64", "after", "tokens", "part of the input"),
    ColumnSpec("y_cache_write_tokens", "int64", "after", "tokens", "part of the input"),
    ColumnSpec("y_status", "string", "after", "", "how it ended; says nothing of quality"),
    ColumnSpec("y_error_type", "string", "after", "", "kind of failure"),
)
"""The columns of every table, in order; ``attr_*`` and ``x_*`` stand between before and action."""


def column_names(*groups: Group) -> tuple[str, ...]:
    """Return the names of the fixed columns of some groups, of all where none is given.

    Examples
    --------
    >>> column_names("action")
    ('model', 'tier', 'p_log')
    """
    return tuple(spec.name for spec in COLUMNS if not groups or spec.group in groups)


def attr_type(value: AttrValue) -> str:
    """Return the name of the Arrow type in which a value of the user's is kept.

    Examples
    --------
    >>> attr_type(2), attr_type("a"), attr_type(True)
    ('float64', 'string', 'bool')
    """
    if isinstance(value, bool):
        return "bool"
    return "string" if isinstance(value, str) else "float64"


def kind_of(dtype: "pa.DataType") -> str:
    """Return the name of an Arrow type as `attr_type` gives it."""
    import pyarrow as pa

    return "float64" if pa.types.is_floating(dtype) else str(dtype)


@cache
def arrow_type(dtype: str) -> "pa.DataType":
    """Return the Arrow type that a ``ColumnSpec.dtype`` or an attribute's type names."""
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "float64": pa.float64(),
        "int64": pa.int64(),
        "bool": pa.bool_(),
        "list<string>": pa.list_(pa.string()),
        "timestamp[us, UTC]": pa.timestamp("us", "UTC"),
    }
    return types[dtype]


def arrow_schema(
    attr_columns: Mapping[str, "pa.DataType"] | None = None,
    x_columns: Sequence[str] = (),
    *,
    tiers: Sequence[str] = (),
    feature_fingerprint: str | None = None,
) -> "pa.Schema":
    """Return the Arrow schema of a table.

    Parameters
    ----------
    attr_columns : mapping of str to pa.DataType, optional
        The user's columns, each name with its ``attr_`` prefix.
    x_columns : sequence of str
        Derived features, kept as float64.
    tiers : sequence of str
        Tier names, cheap to dear, where they are known.
    feature_fingerprint : str, optional
        Of the specification that the ``x_*`` columns were extracted by.

    Returns
    -------
    pa.Schema
        Unit, group and meaning in the fields' metadata; version, tiers and fingerprint in its own.
    """
    attrs = tuple((attr_columns or {}).items())
    return _schema(attrs, tuple(x_columns), tuple(tiers), feature_fingerprint)


@lru_cache(maxsize=64)  # every file's rows ask for it, and most alike
def _schema(
    attr_columns: tuple[tuple[str, "pa.DataType"], ...],
    x_columns: tuple[str, ...],
    tiers: tuple[str, ...],
    feature_fingerprint: str | None,
) -> "pa.Schema":
    import pyarrow as pa

    attrs = [_field(name, kind, "before") for name, kind in attr_columns]
    derived = [_field(name, pa.float64(), "derived") for name in x_columns]
    metadata = {VERSION_KEY: str(SCHEMA_VERSION).encode()}
    if tiers:
        metadata[TIERS_KEY] = msgspec.json.encode(tiers)
    if feature_fingerprint:
        metadata[FEATURES_KEY] = feature_fingerprint.encode()
    before, rest = _spec_fields("id", "before"), _spec_fields("action", "after")
    return pa.schema(before + attrs + derived + rest, metadata=metadata)


def _spec_fields(*groups: Group) -> list["pa.Field"]:
    return [
        _field(spec.name, arrow_type(spec.dtype), spec.group, spec.unit, spec.doc)
        for spec in COLUMNS
        if spec.group in groups
    ]


def _field(
    name: str, kind: "pa.DataType", group: Group, unit: str = "", doc: str = ""
) -> "pa.Field":
    import pyarrow as pa

    facts = {"group": group, "unit": unit, "doc": doc}
    return pa.field(name, kind, metadata={key: value for key, value in facts.items() if value})
