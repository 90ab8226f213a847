"""The records that cross an edge: task, invocation, decision, feedback.

Quality is 0-10 at the edges where people meet it (``Feedback``, outcome files) and in
[0, 1] inside (``Invocation.y_quality``, ``TierScore.quality``). Costs are USD.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

SCHEMA_VERSION = 1

Level = Literal["call", "agent_run", "task"]
AttrValue = float | str | bool


class Task(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is known of a task before its tier is chosen.

    The extractor reads these fields and nothing else, both from table rows and from live
    requests. ``None`` means unknown, never zero.

    Parameters
    ----------
    text : str
        The first user text, or the prompt given to the sub-agent.
    task_type : str, optional
        Sub-agent type, benchmark or tag; the context bucket where it is frequent enough.
    agent_name : str, optional
        Name of the agent that asks.
    tools : list of str, optional
        Names of the tools *offered* (tools called are an outcome).
    n_tools : int, optional
        Number of tools offered, where the names are unknown; else the length of ``tools``.
    prompt_tokens_est, context_tokens : int, optional
        Size of the prompt and of the whole context, counted from the text with one tokenizer
        for all models, in tokens.
    latency_limit_s : float, optional
        Longest acceptable answer time, in seconds.
    turn_index, n_prior_errors : int, optional
        Turn within the session from 0, and failures seen in it so far.
    n_prior_retries, n_files_touched : int, optional
        Steps of the session that were tried again after a failure, and distinct files that its
        tools have touched so far.
    idle_s : float, optional
        Seconds since the last step of the session ended.
    last_tier : str, optional
        Tier of the previous invocation in the session.
    last_failed : bool, optional
        Whether that invocation failed.
    level : {"call", "agent_run", "task"}, optional
        What is routed: a model call, a run of an agent, or a whole task.
    attrs : dict, optional
        The user's own columns (``attr_*`` in a table), known before the decision.
    session_id : str, optional
        For joining and stickiness; never a feature.

    Examples
    --------
    >>> Task(text="Rename the function foo to bar.", task_type="code_edit", tools=["edit"]).tools
    ['edit']
    """

    text: str = ""
    task_type: str | None = None
    agent_name: str | None = None
    tools: list[str] | None = None
    n_tools: int | None = None
    prompt_tokens_est: int | None = None
    context_tokens: int | None = None
    latency_limit_s: float | None = None
    turn_index: int | None = None
    n_prior_errors: int | None = None
    n_prior_retries: int | None = None
    n_files_touched: int | None = None
    idle_s: float | None = None
    last_tier: str | None = None
    last_failed: bool | None = None
    level: Level | None = None
    attrs: dict[str, AttrValue] | None = None
    session_id: str | None = None


class Invocation(Struct, frozen=True, kw_only=True):
    """One routed model call or agent run with its outcome: one row of the feature table.

    Field names are the table's columns; ``attrs`` becomes the ``attr_*`` columns, and ``x`` goes
    into the ``x_*`` columns, where a text was withheld from which they would be derived.
    ``y_quality`` is in [0, 1], ``y_cost_usd`` in USD, ``p_log`` the probability with which
    the logging policy took the tier; ``None`` is unknown. ``task_text_hash`` stands for a text
    that is withheld.
    """

    trace_id: str
    task_id: str
    span_id: str | None = None
    parent_id: str | None = None
    session_id: str | None = None
    timestamp: datetime | None = None
    task_text_hash: str | None = None
    task_text: str = ""
    task_type: str | None = None
    agent_name: str | None = None
    tools: list[str] | None = None
    n_tools: int | None = None
    prompt_tokens_est: int | None = None
    context_tokens: int | None = None
    latency_limit_s: float | None = None
    turn_index: int | None = None
    n_prior_errors: int | None = None
    n_prior_retries: int | None = None
    n_files_touched: int | None = None
    idle_s: float | None = None
    last_tier: str | None = None
    last_failed: bool | None = None
    level: Level | None = None
    attrs: dict[str, AttrValue] | None = None
    model: str | None = None
    tier: str | None = None
    p_log: float | None = None
    y_quality: float | None = None
    y_quality_source: str | None = None
    y_quality_name: str | None = None
    y_quality_time: datetime | None = None
    y_cost_usd: float | None = None
    y_cost_source: str | None = None
    y_latency_s: float | None = None
    y_input_tokens: int | None = None
    y_output_tokens: int | None = None
    y_cache_read_tokens: int | None = None
    y_cache_write_tokens: int | None = None
    y_status: str | None = None
    y_error_type: str | None = None
    x: dict[str, float] | None = None

    @property
    def task(self) -> Task:
        """The part that was known before the decision."""
        return Task(
            text=self.task_text,
            task_type=self.task_type,
            agent_name=self.agent_name,
            tools=self.tools,
            n_tools=self.n_tools,
            prompt_tokens_est=self.prompt_tokens_est,
            context_tokens=self.context_tokens,
            latency_limit_s=self.latency_limit_s,
            turn_index=self.turn_index,
            n_prior_errors=self.n_prior_errors,
            n_prior_retries=self.n_prior_retries,
            n_files_touched=self.n_files_touched,
            idle_s=self.idle_s,
            last_tier=self.last_tier,
            last_failed=self.last_failed,
            level=self.level,
            attrs=self.attrs,
        )


class TierScore(Struct, frozen=True, gc=False):
    """What the router believed of one tier when it decided.

    ``quality`` is in [0, 1], ``cost_usd`` in USD, ``reward`` is quality (0-10) - lambda * cost
    (0-1), ``sd`` the standard deviation of ``reward``; ``prior_reward`` is the model's own
    prediction before any feedback.
    """

    quality: float
    cost_usd: float
    reward: float
    sd: float
    prior_reward: float


class Decision(Struct, frozen=True, gc=False):
    """The tier that was chosen, why, and with which probability.

    ``propensities`` holds the probability of every tier of the set (0 where a tier was not
    allowed) and sums to 1; ``propensity`` is that of ``tier``. ``rules`` names the rules of the
    policy that were for the task, ``shadow_tier`` the tier that would have been taken where shadow
    mode returned another, ``abstained`` says that the router stayed with the incumbent for want of
    evidence, and ``price`` is what a budget or floor added to ``lam``.
    """

    decision_id: str
    tier: str
    model: str | None
    propensity: float
    propensities: dict[str, float]
    scores: dict[str, TierScore]
    reasons: Sequence[str]
    bucket: str
    lam: float
    strategy: str
    artifact_id: str
    explored: bool
    timestamp: datetime
    session_id: str | None = None
    rules: list[str] = []
    abstained: bool = False
    shadow_tier: str | None = None
    price: float = 0.0


class Feedback(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The outcome of a decision.

    ``quality`` is 0-10, ``cost_usd`` in USD; either may be missing, not both.
    """

    decision_id: str
    quality: float | None = None
    cost_usd: float | None = None
