"""Spans of OpenInference in each form, and what is read of them."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tracetier.ingest.formats._span_values import told_by
from tracetier.ingest.formats.openinference import Openinference
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import Span

TRACE, PARENT, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "5fb397be34d26b51"


MESSAGES = [
    {"message.role": "system", "message.content": "Be brief."},
    {"message.role": "user", "message.content": 'What\'s "new"?'},
]


CALL = {
    "openinference.span.kind": "LLM",
    "llm.model_name": "gpt-4.1-mini",
    "llm.token_count.prompt": 120,
    "llm.token_count.completion": 8,
    "llm.token_count.prompt_details.cache_read": 60,
    "session.id": "talk",
    "llm.tools.0.tool.json_schema": '{"type": "function", "function": {"name": "edit"}}',
    **{
        f"llm.input_messages.{i}.{name}": value
        for i, message in enumerate(MESSAGES)
        for name, value in message.items()
    },
}


EXPECTED = Span(
    trace_id=TRACE,
    span_id=SPAN,
    parent_id=PARENT,
    kind="call",
    session_id="talk",
    start=datetime(2026, 1, 5, 8, 0, 0, 250_000, UTC),
    end=datetime(2026, 1, 5, 8, 0, 1, 500_000, UTC),
    text='What\'s "new"?',
    tools=["edit"],
    model_asked="gpt-4.1-mini",
    input_tokens=120,
    output_tokens=8,
    cache_read_tokens=60,
    outcome="ok",
)


def rest_span(attributes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Build a span of Phoenix's REST interface."""
    return {
        "id": "U3Bhbjox",
        "name": "llm",
        "context": {"trace_id": TRACE, "span_id": SPAN},
        "span_kind": "LLM",
        "parent_id": PARENT,
        "start_time": "2026-01-05T08:00:00.250000+00:00",
        "end_time": "2026-01-05T09:00:01.500000+01:00",
        "status_code": "UNSET",
        "status_message": "",
        "attributes": attributes,
        "events": [],
    } | fields


def read(path: Path) -> list[object]:
    """Read a file to its end."""
    return list(Openinference().read(Source(path), Context()))


def told(value: object) -> list[object]:
    """Read one JSON value."""
    return list(told_by(json.dumps(value).encode()))


def write_csv(path: Path, *rows: dict[str, object]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            writer.writerow({name: str(value) for name, value in row.items()})
    return path
