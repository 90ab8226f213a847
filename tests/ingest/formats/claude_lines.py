"""Lines of Claude Code sessions, and what is read of them."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tracetier.ingest.formats.claude_code import ClaudeCode
from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import NoStep, PartOfStep, Span

Lines = list[dict[str, Any]]

SESSION = "5e551011-0000-4000-8000-000000000001"

MODEL = "claude-sonnet-4-5-20250929"

SIDE: dict[str, Any] = {"isSidechain": True}


class ReadSession:
    """What was read of a file, sorted out."""

    def __init__(self, path: Path) -> None:
        self.source = Source(path)
        items = list(ClaudeCode().read(self.source, Context()))
        self.spans = [item for item in items if isinstance(item, Span)]
        self.issues = [item for item in items if isinstance(item, Issue)]
        self.n_parts = sum(isinstance(item, PartOfStep) for item in items)
        self.n_silent = sum(isinstance(item, NoStep) for item in items)
        self.by_id = {span.span_id: span for span in self.spans}

    def kind(self, kind: str) -> list[Span]:
        return [span for span in self.spans if span.kind == kind]

    def total(self, name: str) -> int:
        return sum(getattr(call, name) or 0 for call in self.kind("call"))

    @property
    def reasons(self) -> list[tuple[str, int | None]]:
        return [(issue.reason, issue.line) for issue in self.issues]


def session_line(
    kind: str, uuid: str, parent: str | None, second: float, **fields: Any
) -> dict[str, Any]:
    time = f"2026-10-01T12:{second // 60:02.0f}:{second % 60:06.3f}Z"
    line = {"type": kind, "uuid": uuid, "parentUuid": parent, "timestamp": time}
    return line | {"sessionId": SESSION, "isSidechain": False} | fields


def user_line(uuid: str, parent: str | None, second: float, content: Any, **fields: Any) -> Any:
    message = {"role": "user", "content": content}
    return session_line("user", uuid, parent, second, message=message, **fields)


def answer_line(
    uuid: str,
    parent: str | None,
    second: float,
    *blocks: Any,
    id_: str | None = None,
    **fields: Any,
) -> Any:
    n_output = fields.pop("output", 10)
    usage = {"input_tokens": 3, "cache_read_input_tokens": 100, "output_tokens": n_output}
    message = {"role": "assistant", "model": MODEL, "content": blocks, "usage": usage}
    message |= {"id": f"msg_{uuid}"} | fields.pop("message", {})
    return session_line("assistant", uuid, parent, second, message=message, **fields)


def text_block(text: str = "Done.") -> dict[str, Any]:
    return {"type": "text", "text": text}


def tool_use(id_: str, name: str = "Bash", **inputs: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id_, "name": name, "input": inputs}


def result_line(uuid: str, parent: str, second: float, id_: str, **fields: Any) -> Any:
    block = {"type": "tool_result", "tool_use_id": id_, "content": fields.pop("content", "ok")}
    if "is_error" in fields:
        block["is_error"] = fields.pop("is_error")
    return user_line(uuid, parent, second, [block], **fields)


def write_session(path: Path, lines: Iterable[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text("".join(row + "\n" for row in rows), encoding="utf-8")
    return path
