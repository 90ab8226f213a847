"""LangSmith's runs as they stand, and one run → a span.

A run's own ``session_id`` is the project it was logged to, never the conversation: that stands in
the metadata. Runs that hold others state sums, so only those of type ``llm`` give counts and costs.
"""

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct

from tracetier.ingest.formats._amounts import (
    Tokens,
    known_cost,
    time_of,
    tokens_of,
    usd_of,
    verdict,
    with_cache,
)
from tracetier.ingest.formats._error_text import Failure, failure_of
from tracetier.ingest.formats._logged_input import (
    as_object,
    first_word,
    offered_tools,
    user_text,
    within,
    word,
)
from tracetier.ingest.formats._test_commands import NO_TESTS, ran_tests
from tracetier.ingest.issue import Fault
from tracetier.ingest.span import Outcome, Score, Span, SpanKind

_KINDS: dict[str | None, SpanKind] = {"llm": "call", "tool": "tool"}
_RUNS = frozenset({"LangGraph", "AgentExecutor"})
_SESSIONS = ("thread_id", "session_id", "conversation_id")
_EVALUATORS = "evaluators"  # the project to which evaluations of other runs are logged
_CONTROL_FLOW = frozenset(
    {"GraphInterrupt", "NodeInterrupt", "GraphBubbleUp", "ParentCommand"}
)  # how LangGraph waits for a person or hands over: no failure
_MESSAGE = ("generations", "0", "0", "message", "kwargs")
_USAGES = (
    ("usage_metadata",),
    ("llm_output", "token_usage"),
    ("llm_output", "usage"),
    (*_MESSAGE, "usage_metadata"),
    ("usage",),
)
_INPUTS = (("input_tokens",), ("prompt_tokens",))
_OUTPUTS = (("output_tokens",), ("completion_tokens",))
_READS = (
    ("input_token_details", "cache_read"),
    ("prompt_tokens_details", "cached_tokens"),
    ("input_tokens_details", "cached_tokens"),
    ("cache_read_input_tokens",),
)
_WRITES = (("input_token_details", "cache_creation"), ("cache_creation_input_tokens",))


class Run(Struct, frozen=True, kw_only=True):
    """A run, whole or in part."""

    id: str | None = None
    trace_id: str | None = None
    parent_run_id: str | None = None
    dotted_order: str | None = None
    name: str | None = None
    run_type: str | None = None
    start_time: object = None
    end_time: object = None
    inputs: object = None
    outputs: object = None
    extra: object = None
    error: object = None
    status: str | None = None
    tags: object = None
    session_name: str | None = None
    reference_example_id: str | None = None
    prompt_tokens: object = None
    completion_tokens: object = None
    total_tokens: object = None
    prompt_token_details: object = None
    total_cost: object = None
    feedback_stats: object = None
    child_runs: object = None

    @property
    def own_id(self) -> str | None:
        """The run's id, by its last place in ``dotted_order`` where it is not stated."""
        if self.id:
            return self.id
        last = (self.dotted_order or "").rpartition(".")[2]
        return last.partition("Z")[2] or None


def merged(start: Run, end: Run) -> Run:
    """Return one run from its two parts: what the later one states replaces the earlier.

    Examples
    --------
    >>> run = merged(Run(id="a", name="chat", outputs={}), Run(id="a", outputs={"x": 1}))
    >>> run.name, run.outputs
    ('chat', {'x': 1})
    """
    told = {
        name: value
        for name in Run.__struct_fields__
        if (value := getattr(end, name)) is not None and value != {} and value != []
    }
    return msgspec.structs.replace(start, **told)


def span_of(run: Run) -> Span:
    """Return a run as a span.

    Raises
    ------
    Fault
        If its id is missing, or a time, count or cost cannot be read.
    """
    run_id, parent_id = run.own_id, _parent_id(run)
    if run_id is None:
        raise Fault("missing", "id is missing, every run needs one", pointer="id")
    meta = as_object(within(run.extra, "metadata"))
    kind = _kind(run, meta)
    is_call = kind == "call"
    end = time_of(run.end_time, "end_time")
    failure = _failure(run)
    usage = usage_of(run) if is_call else Tokens()
    return Span(
        trace_id=run.trace_id or _first_id(run.dotted_order) or run_id,
        span_id=run_id,
        parent_id=parent_id,
        session_id=_session(meta),
        kind=kind,
        name=(word(meta.get("lc_agent_name")) if kind == "agent" else None) or word(run.name),
        start=time_of(run.start_time, "start_time"),
        end=end,
        task_id=run.reference_example_id,
        text=user_text(run.inputs) if kind in ("call", "agent") or parent_id is None else "",
        tools=_tools(run) if is_call else None,
        model_asked=_asked(run, meta) if is_call else None,
        model_answered=_answered(run, meta) if is_call else None,
        response_id=_response_id(run.outputs) if is_call else None,
        input_tokens=usage.input,
        output_tokens=usage.output,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write,
        cost_usd=known_cost(usd_of(run.total_cost, "total_cost")) if is_call else None,
        outcome=_outcome(run, failure, is_ended=end is not None),
        error_type=None if failure is None else failure.error_type,
        is_infrastructure_error=failure is not None
        and kind != "tool"
        and failure.is_infrastructure,
        scores=tuple(_scores(as_object(run.feedback_stats))),
        is_judge=_is_judge(run),
        **(ran_tests(run.inputs, run.outputs) if kind == "tool" else NO_TESTS),
    )


def usage_of(run: Run) -> Tokens:
    """Return the counts of an ``llm`` run: its own columns, else what its outputs say.

    Raises
    ------
    Fault
        If a count cannot be one.
    """
    if run.prompt_tokens or run.completion_tokens:
        details = as_object(run.prompt_token_details)
        return with_cache(
            tokens_of(run.prompt_tokens, "prompt_tokens"),
            tokens_of(run.completion_tokens, "completion_tokens"),
            total=tokens_of(run.total_tokens, "total_tokens"),
            cache_read=tokens_of(details.get("cache_read"), "prompt_token_details.cache_read"),
            cache_write=tokens_of(
                details.get("cache_creation"), "prompt_token_details.cache_creation"
            ),
        )
    for path in _USAGES:
        if usage := as_object(within(run.outputs, *path)):
            return _of_usage(usage, ".".join(("outputs", *path)))
    return Tokens()


def _of_usage(usage: Mapping[str, object], place: str) -> Tokens:
    def count(*paths: tuple[str, ...]) -> int | None:
        for path in paths:
            if (value := within(usage, *path)) is not None:
                return tokens_of(value, ".".join((place, *path)))
        return None

    return with_cache(
        count(*_INPUTS),
        count(*_OUTPUTS),
        total=count(("total_tokens",)),
        cache_read=count(*_READS),
        cache_write=count(*_WRITES),
    )


def _parent_id(run: Run) -> str | None:
    """Return the parent's id, by the place before the last where it is not stated."""
    if run.parent_run_id:
        return run.parent_run_id
    above = (run.dotted_order or "").rpartition(".")[0].rpartition(".")[2]
    return above.partition("Z")[2] or None


def _first_id(dotted_order: str | None) -> str | None:
    return (dotted_order or "").partition(".")[0].partition("Z")[2] or None


def _kind(run: Run, meta: Mapping[str, object]) -> SpanKind:
    if _is_judge(run):
        return "group"
    if run.run_type == "chain" and run.name is not None:
        is_run = run.name in _RUNS or run.name == meta.get("lc_agent_name")
        return "agent" if is_run else "group"
    return _KINDS.get(run.run_type, "group")


def _is_judge(run: Run) -> bool:
    return run.session_name == _EVALUATORS


def _session(meta: Mapping[str, object]) -> str | None:
    found = (meta.get(name) for name in _SESSIONS)
    return next((str(value) for value in found if isinstance(value, str | int) and value), None)


def _asked(run: Run, meta: Mapping[str, object]) -> str | None:
    return first_word(
        (
            meta.get("ls_model_name"),
            within(run.extra, "invocation_params", "model"),
            within(run.extra, "invocation_params", "model_name"),
            within(run.inputs, "model"),
        )
    )


def _answered(run: Run, meta: Mapping[str, object]) -> str | None:
    told = (
        within(run.outputs, "model"),
        within(run.outputs, "llm_output", "model_name"),
        within(run.outputs, *_MESSAGE, "response_metadata", "model_name"),
        within(run.outputs, "response_metadata", "model_name"),
        _asked(run, meta),
    )
    return first_word(told)


def _response_id(outputs: object) -> str | None:
    places = ((*_MESSAGE, "response_metadata", "id"), ("response_metadata", "id"), ("id",))
    return first_word(within(outputs, *path) for path in places)


def _tools(run: Run) -> list[str] | None:
    places = (
        within(run.extra, "invocation_params", "tools"),
        within(run.extra, "invocation_params", "functions"),
        within(run.inputs, "tools"),
    )
    told = (offered_tools(place) for place in places)
    return next((found for found in told if found is not None), None)


def _failure(run: Run) -> Failure | None:
    if run.error is None or run.error == "":
        return Failure() if run.status == "error" else None
    failure = failure_of(run.error if isinstance(run.error, str) else "")
    said = run.error if isinstance(run.error, str) else ""
    return None if said.partition("(")[0].strip() in _CONTROL_FLOW else failure


def _outcome(run: Run, failure: Failure | None, *, is_ended: bool) -> Outcome | None:
    if failure is not None:
        return failure.outcome
    return "ok" if is_ended and run.status != "pending" else None


def _scores(stats: Mapping[str, object]) -> Iterable[Score]:
    """Yield the mean of each feedback key; counted labels are one where all agree."""
    for name, stat in stats.items():
        mean, labels = verdict(within(stat, "avg")), as_object(within(stat, "values"))
        if mean is not None:
            yield Score(name=name, value=mean)
        elif len(labels) == 1 and within(stat, "n") != 0:
            yield Score(name=name, value=next(iter(labels)))
