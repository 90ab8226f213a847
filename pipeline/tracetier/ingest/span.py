"""One step of a trace, as every format of nested logs tells it.

Readers turn bytes into spans and know nothing of routing; ``assemble`` turns the spans of a trace
into invocations and knows nothing of formats. So the rules that hold for all logs (count leaves
once, one call told by several reporters, retries, what was known before) stand in one place.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from tracetier.records import AttrValue, Task

SpanKind = Literal["call", "agent", "turn", "tool", "group"]
"""``call`` a model call, ``agent`` a run of an agent or sub-agent, ``turn`` a user's turn of the
main agent, ``tool`` a tool's execution, ``group`` anything else (chains, wrappers, HTTP)."""

Outcome = Literal["ok", "error", "cancelled"]

ScoreSource = Literal["feedback", "human", "reference", "judge", "programmatic", "proxy"]


class Score(Struct, frozen=True, kw_only=True):
    """One score as the log gives it, before any map of names to directions.

    Attributes
    ----------
    name : str
        As in the log.
    value : float, bool or str
        A number, a verdict, or a label.
    source : str, optional
        Who judged.
    low, high : float, optional
        Ends of the scale where the log states them.
    better : {"high", "low"}, optional
        Which end is good, where the format itself defines it.
    time : datetime, optional
        When it was given, UTC; often long after the call.
    """

    name: str
    value: float | bool | str
    source: ScoreSource | None = None
    low: float | None = None
    high: float | None = None
    better: Literal["high", "low"] | None = None
    time: datetime | None = None


class Span(Struct, frozen=True, kw_only=True, gc=False):
    """One step of a trace.

    ``None`` is unknown, never zero. What was known before the step stands apart from what came
    of it, so that an assembler cannot mix them up by accident.

    Attributes
    ----------
    trace_id, span_id : str
        Unique together.
    parent_id : str, optional
        ``None`` for a root; may name a span that comes later, or never.
    session_id : str, optional
        Conversation or thread.
    kind : SpanKind
    name : str, optional
        Agent's name or type for an agent, tool's name for a tool.
    start, end : datetime, optional
        UTC.
    task_id : str, optional
        Before: the item of a benchmark, the same whatever model runs it; else the text tells.
    text : str
        Before: the first user text of a call's input, the prompt of an agent's run.
    task_type : str, optional
        Before: sub-agent type, tag, benchmark.
    tools : list of str, optional
        Before: names of the tools *offered*.
    model_asked, model_answered : str, optional
        The action, and who answered (for pricing).
    p_log : float, optional
        Probability with which the log's own router took the model.
    response_id : str, optional
        Provider's id of the answer: two spans with the same one tell the same call.
    input_tokens : int, optional
        After: total input, cached included, whatever the log's convention.
    output_tokens, cache_read_tokens, cache_write_tokens : int, optional
        After; cache counts are parts of the input.
    cache_write_1h_tokens : int, optional
        After; of the tokens written those that are kept for an hour, at a price of their own.
    cost_usd : float, optional
        After; ``None`` where the log says 0 for tokens that were used.
    price_factor : float
        What the provider multiplies its list price by: 0.5 for batches.
    latency_s : float, optional
        After; where the log has a duration but no times.
    outcome : Outcome, optional
        After; ``ok`` says that nothing crashed, not that the task was solved.
    error_type : str, optional
        After.
    is_infrastructure_error : bool
        After: rate limits, overload, cancelled; says nothing of the tier.
    is_cached_answer : bool
        After: answered from a cache, so cost and latency say nothing.
    scores : tuple of Score
        After.
    files : tuple of str
        Files that a tool step touched.
    is_test : bool
        Whether it is a tool step that ran tests.
    have_passed : bool, optional
        Whether these tests passed, as their summary says; the step itself may be ``ok`` all the
        same, where its output was piped on.
    is_judge : bool
        A grader, guard or simulated user: model calls below it are not the agent's.
    attrs : dict, optional
        Before: the user's own values, become ``attr_*`` columns.
    tier : str, optional
        The action, where the log's own router tells it.
    text_hash : str, optional
        Stands for a text that the log withholds.
    x : dict of str to float, optional
        Features of that text, by the names of the ``x_*`` columns.
    is_record : bool
        Whether it is a record of its file; else the records that told it were counted as parts.
    known : Task, optional
        Before: what the log's own router was told; goes before what the other steps tell.
    """

    trace_id: str
    span_id: str
    kind: SpanKind
    parent_id: str | None = None
    session_id: str | None = None
    name: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    task_id: str | None = None
    text: str = ""
    task_type: str | None = None
    tools: list[str] | None = None
    model_asked: str | None = None
    model_answered: str | None = None
    p_log: float | None = None
    response_id: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cost_usd: float | None = None
    price_factor: float = 1.0
    latency_s: float | None = None
    outcome: Outcome | None = None
    error_type: str | None = None
    is_infrastructure_error: bool = False
    is_cached_answer: bool = False
    scores: tuple[Score, ...] = ()
    files: tuple[str, ...] = ()
    is_judge: bool = False
    attrs: dict[str, AttrValue] | None = None
    tier: str | None = None
    text_hash: str | None = None
    known: Task | None = None
    x: dict[str, float] | None = None
    is_record: bool = True
    is_test: bool = False
    have_passed: bool | None = None
    cache_write_1h_tokens: int | None = None


class After(Struct, frozen=True, kw_only=True):
    """What came of a step, told apart from it; names and units as in `Span`.

    `time` is when it was told: what is told last counts.
    """

    time: datetime | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cost_usd: float | None = None
    latency_s: float | None = None
    outcome: Outcome | None = None
    error_type: str | None = None
    is_infrastructure_error: bool | None = None


class PartOfStep(Struct, frozen=True):
    """A record that tells a step together with others, which then comes by itself."""


class NoStep(Struct, frozen=True):
    """A record that was understood and tells no step: a summary, a snapshot, a header."""


class Addition(Struct, frozen=True, kw_only=True):
    """What a log tells of a step apart from it: a score given later, a text kept elsewhere.

    It belongs to the step named by `span_id`, else to the call whose answer is `response_id`, else
    to the whole trace `trace_id`, else to the session; span ids are random, so that one without
    its trace is told apart all the same.

    Attributes
    ----------
    trace_id, span_id, response_id, session_id : str, optional
        At least one is given.
    scores : tuple of Score
        Added to those of the step.
    text : str
        The step's text where it has none of its own.
    tools : list of str, optional
        Tools offered, where the step names none.
    after : After, optional
        Takes the place of what was known before; of several the last that was told.
    """

    trace_id: str | None = None
    span_id: str | None = None
    response_id: str | None = None
    session_id: str | None = None
    scores: tuple[Score, ...] = ()
    text: str = ""
    tools: list[str] | None = None
    after: After | None = None
