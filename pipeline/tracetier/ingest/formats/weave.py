"""W&B Weave: calls of traced functions, as the API and the export of its table give them.

A call's usage sums what is below it, so only calls of a provider's own functions count as calls of
a model. Which those are is told by the kind that the function was given, else by its name.
"""

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from tracetier.ingest.formats._amounts import (
    Tokens,
    time_of,
    tokens_of,
    usd_of,
    verdict,
    with_cache,
)
from tracetier.ingest.formats._error_text import failure_of
from tracetier.ingest.formats._json_items import read_items, record_paths
from tracetier.ingest.formats._logged_input import (
    Object,
    as_list,
    as_object,
    first_word,
    offered_tools,
    user_text,
    within,
    word,
)
from tracetier.ingest.head import Head
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import Score, Span, SpanKind
from tracetier.records import Level

_SIGNS = frozenset({"op_name", "trace_id", "started_at"})
_SCHEME = b"weave:///"
_KINDS: dict[str | None, SpanKind] = {"llm": "call", "agent": "agent", "tool": "tool"}
_PROVIDERS = re.compile(
    r"(?:(?:async_?)?openai|anthropic|litellm|mistralai|groq|cohere|cerebras|together|google\.gen\w*|"
    r"vertexai|bedrock|huggingface_hub|nvidia)\b.*"
    r"|.*\b(?:chat\.completions|completions|responses|messages)\.(?:create|stream|parse)",
    re.IGNORECASE,
)
_INPUTS, _OUTPUTS = ("input_tokens", "prompt_tokens"), ("output_tokens", "completion_tokens")
_SCORER = "wandb.runnable."


class Call(Struct, frozen=True, kw_only=True):
    """One call of a traced function."""

    id: str | None = None
    trace_id: str | None = None
    parent_id: str | None = None
    thread_id: str | None = None
    op_name: str | None = None
    display_name: object = None
    inputs: object = None
    output: object = None
    exception: object = None
    started_at: object = None
    ended_at: object = None
    summary: object = None
    attributes: object = None


class Weave:
    """Calls that Weave traced."""

    name = "weave"
    level: Level = "agent_run"
    stands_alone = True
    is_spread = True

    def matches(self, head: Head) -> float:
        """Tell by the names of functions, which are addresses of Weave's own kind."""
        return float(record_paths(head) >= _SIGNS and _SCHEME in head.data)

    def read(self, source: Source, context: Context) -> Iterator[Span | Issue]:
        """Yield one span per call."""
        for call in read_items(source, Call):
            if isinstance(call, Issue):
                yield call
                continue
            try:
                yield span_of(call)
            except Fault as fault:
                yield source.issue(fault)


def span_of(call: Call) -> Span:
    """Return a traced call as a span.

    Raises
    ------
    Fault
        If an id is missing, or a time, count or cost cannot be read.
    """
    if not call.id or not call.trace_id:
        name = "id" if not call.id else "trace_id"
        raise Fault("missing", f"{name} is missing, every call needs one", pointer=name)
    op = _op(call.op_name)
    kind, is_judge = _kind(call, op)
    is_call = kind == "call"
    summary = as_object(call.summary)
    model, usage = _usage(summary) if is_call else (None, Tokens())
    asked = word(within(call.inputs, "model")) if is_call else None
    answered = first_word((within(call.output, "model"), model, asked))
    error = call.exception if isinstance(call.exception, str) else None
    failure = failure_of(error) if error else None
    end = time_of(call.ended_at, "ended_at")
    return Span(
        trace_id=call.trace_id,
        span_id=call.id,
        parent_id=call.parent_id or None,
        session_id=call.thread_id or None,
        kind=kind,
        name=op,
        start=time_of(call.started_at, "started_at"),
        end=end,
        text=user_text(call.inputs) if kind in ("call", "agent") or not call.parent_id else "",
        tools=offered_tools(within(call.inputs, "tools")) if is_call else None,
        model_asked=asked or model,
        model_answered=answered if is_call else None,
        response_id=word(within(call.output, "id")) if is_call else None,
        input_tokens=usage.input,
        output_tokens=usage.output,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write,
        cost_usd=_cost(summary) if is_call else None,
        outcome=("ok" if end is not None else None) if failure is None else failure.outcome,
        error_type=None if failure is None else failure.error_type,
        is_infrastructure_error=failure is not None
        and kind != "tool"
        and failure.is_infrastructure,
        scores=tuple(_scores(summary)),
        is_judge=is_judge,
    )


def _op(address: str | None) -> str | None:
    """Return the function's name, without project and version.

    Examples
    --------
    >>> _op("weave:///team/project/op/openai.chat.completions.create:abc")
    'openai.chat.completions.create'
    """
    return word((address or "").rpartition("/op/")[2].partition(":")[0])


def _kind(call: Call, op: str | None) -> tuple[SpanKind, bool]:
    told = first_word((within(call.attributes, "weave", "kind"), within(call.attributes, "kind")))
    if told == "scorer" or (op or "").endswith((".score", ".summarize")):
        return "group", True
    if told in _KINDS:
        return _KINDS[told], False
    return ("call" if _PROVIDERS.fullmatch(op or "") else "group"), False


def _usage(summary: Object) -> tuple[str | None, Tokens]:
    """Return the model and counts of a call that used one model, nothing where it used several."""
    told = as_object(summary.get("usage"))
    if len(told) != 1:
        return None, Tokens()
    ((model, held),) = told.items()
    usage = as_object(held)

    def count(*names: str) -> int | None:
        found = next((name for name in names if usage.get(name) is not None), names[0])
        return tokens_of(usage.get(found), f"summary.usage.*.{found}")

    n_input, n_output = count(*_INPUTS), count(*_OUTPUTS)
    if not n_input and not n_output:
        return model, Tokens()
    cached = within(usage, "prompt_tokens_details", "cached_tokens")
    return model, with_cache(
        n_input,
        n_output,
        total=count("total_tokens"),
        cache_read=count("cache_read_input_tokens")
        or tokens_of(cached, "summary.usage.*.prompt_tokens_details.cached_tokens"),
        cache_write=count("cache_creation_input_tokens"),
    )


def _cost(summary: Object) -> float | None:
    parts = [
        usd_of(within(costs, f"{side}_tokens_total_cost"), f"summary.weave.costs.*.{side}")
        for costs in as_object(within(summary, "weave", "costs")).values()
        for side in ("prompt", "completion")
    ]
    return sum(part for part in parts if part is not None) or None


def _scores(summary: Object) -> Iterator[Score]:
    """Yield what scorers found, where feedback was exported with the calls."""
    for item in as_list(within(summary, "weave", "feedback")):
        kind = word(within(item, "feedback_type")) or ""
        if kind.startswith(_SCORER):
            output = within(item, "payload", "output")
            held = output if isinstance(output, Mapping) else {"": output}
            scorer, time = kind.removeprefix(_SCORER), within(item, "created_at")
            for name, judged in held.items():
                if (value := verdict(judged)) is not None:
                    yield Score(
                        name=f"{scorer}.{name}".rstrip("."),
                        value=value,
                        time=time_of(time, "created_at"),
                    )


FORMAT = Weave
