"""By which signs a file of spans shows itself, and which of the two conventions it follows first.

The envelope says that a file holds spans; its attributes say whose. A file may mix both: which one
it begins with names it, and each span is read by its own.
"""

import re

from tracetier.ingest.formats._json_head import paths_of
from tracetier.ingest.head import HEAD_BYTES, Head

_OTLP = (
    "resourceSpans[].",
    "resource_spans[].",
    "resourceLogs[].",
    "resource_logs[].",
)
_WRAPPED = ("", "trace.", "result.", "[].")
_TEMPO = ("batches[].scopeSpans", "batches[].scope_spans", "batches[].instrumentationLibrarySpans")
_CONSOLE = re.compile(rb'"kind":\s*"SpanKind\.\w+"')
_HEX_ID = re.compile(rb'"span_id":\s*"0x[0-9a-f]+"')
_OPENINFERENCE = re.compile(
    rb'openinference\.|"llm\.(?:token_count|input_messages|model_name|tools)|"llm"\s*:\s*\{'
)
_GENAI = re.compile(rb'"gen_ai\.|"traceloop\.|"llm\.request\.|"ai\.(?:model|usage)\.')


def is_phoenix(head: Head) -> bool:
    """Whether a file is in one of Phoenix's own forms: span lists, traces, annotations."""
    paths = paths_of(head)
    for at in ("", "[].", "data[]."):
        if {f"{at}context.span_id", f"{at}span_kind"} <= paths:
            return True
        if {f"{at}trace_id", f"{at}start_time_unix_nano", f"{at}attributes[].key"} <= paths:
            return True
        if {f"{at}annotator_kind", f"{at}result", f"{at}name"} <= paths:
            return True
        if {f"{at}traceId", f"{at}spans[].context.span_id", f"{at}spans[].span_kind"} <= paths:
            return True
    return False


def is_envelope(head: Head) -> bool:
    """Whether a file is OTLP, Tempo's, Jaeger's or the console exporter's."""
    paths = paths_of(head)
    starts = tuple(at + key for at in _WRAPPED for key in _OTLP)
    if any(path.startswith(starts) for path in paths):
        return True
    tempo = (at + path for at in _WRAPPED for path in _TEMPO)
    return any(path in paths for path in tempo) or _is_jaeger(paths) or _is_console(head)


def places_of_signs(head: Head) -> tuple[int | None, int | None]:
    """Return where OpenInference's first sign stands, and GenAI's, ``None`` where there is none."""
    data = head.data[:HEAD_BYTES]
    ours, theirs = _OPENINFERENCE.search(data), _GENAI.search(data)
    return ours and ours.start(), theirs and theirs.start()


def _is_jaeger(paths: set[str]) -> bool:
    return any(
        {f"{at}traceID", f"{at}spans[].spanID", f"{at}spans[].operationName"} <= paths
        for at in ("data[].", "[].", "")
    )


def _is_console(head: Head) -> bool:
    data = head.data[:HEAD_BYTES]
    return _CONSOLE.search(data) is not None and _HEX_ID.search(data) is not None
