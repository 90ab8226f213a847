"""Which step of a run a span is: its own word for it where it has one, else what it holds.

A model call is what names a model; an agent's run may name one too, and repeats the tokens of the
calls below it. What is not clearly a call, a run or a tool is a group: it keeps the tree together
and its tokens are never counted.
"""

from tracetier.ingest.formats import _attributes as names
from tracetier.ingest.formats._attributes import text_of
from tracetier.ingest.formats._raw_span import RawSpan
from tracetier.ingest.span import SpanKind

_OPENINFERENCE: dict[str, SpanKind] = {"LLM": "call", "AGENT": "agent", "TOOL": "tool"}
_JUDGES = ("EVALUATOR", "GUARDRAIL")
_OPERATIONS: dict[str, SpanKind] = {
    "chat": "call",
    "generate_content": "call",
    "text_completion": "call",
    "completion": "call",
    "llm_request": "call",
    "responses": "call",
    "execute_tool": "tool",
    "invoke_agent": "agent",
}
_TRACELOOP: dict[str, SpanKind] = {"agent": "agent", "tool": "tool"}
_REQUESTS: dict[str, SpanKind] = {"chat": "call", "completion": "call"}
_NAMED: tuple[tuple[str, SpanKind], ...] = (
    ("invoke_agent ", "agent"),
    ("execute_tool ", "tool"),
    ("agent run", "agent"),
)
_UNKNOWN_KINDS = ("", "UNKNOWN")


def kind_of(raw: RawSpan) -> SpanKind:
    """Return which step a span is.

    In this order: OpenInference's kind, the GenAI operation, Traceloop's kind and type of request,
    the name of a tool, the name of an agent beside a model or tokens, a model.

    Examples
    --------
    >>> ids = {"trace_id": "t", "span_id": "s"}
    >>> kind_of(RawSpan(**ids, attrs={"gen_ai.operation.name": "embeddings"}))
    'group'
    >>> kind_of(RawSpan(**ids, attrs={"gen_ai.request.model": "m"}))
    'call'
    """
    told = openinference_kind(raw)
    if told is not None:
        return _OPENINFERENCE.get(told, "group")
    attrs = raw.attrs
    for column, kinds in (
        (names.OPERATION, _OPERATIONS),
        (names.TRACELOOP_KIND, _TRACELOOP),
        (names.REQUEST_TYPE, _REQUESTS),
    ):
        word = text_of(attrs, column)
        if word is not None:
            return kinds.get(word.lower(), "group")
    return _kind_by_content(raw)


def is_judge(raw: RawSpan) -> bool:
    """Whether a span is of a grader or a guard: what it asks of models, the agent does not."""
    return openinference_kind(raw) in _JUDGES


def openinference_kind(raw: RawSpan) -> str | None:
    """Return OpenInference's kind in capitals, ``None`` where the span has none."""
    told = text_of(raw.attrs, names.OPENINFERENCE_KIND) or raw.kind
    word = (told or "").strip().upper()
    return None if word in _UNKNOWN_KINDS else word


def _kind_by_content(raw: RawSpan) -> SpanKind:
    attrs = raw.attrs
    for start, kind in _NAMED:
        if raw.name.startswith(start):
            return kind
    has_model = text_of(attrs, names.MODEL_ASKED) or text_of(attrs, names.MODEL_ANSWERED)
    if text_of(attrs, names.TOOL_NAME) and not has_model:
        return "tool"
    has_tokens = any(name in attrs for name in (*names.INPUT_TOKENS, *names.OUTPUT_TOKENS))
    if text_of(attrs, names.AGENT_NAME) and (has_model or has_tokens):
        return "agent"
    return "call" if has_model else "group"
