r"""The lines of a decision log: what a router chose, and what came of it.

A log is JSON Lines, appended to and never changed, in as many files as the writer likes. A line
of feedback may come in a later file than its decision, several times, each with what was known by
then. Every line names the version of the schema, so that a later reader knows what it reads, and
an older one refuses what it cannot know.

>>> from datetime import UTC
>>> chosen = DecisionLine(
...     tracetier_log=LOG_VERSION, decision_id="d1", timestamp=datetime(2026, 1, 5, tzinfo=UTC),
...     tier="low", propensity=0.9, propensities={"low": 0.9, "high": 0.1})
>>> encode_line(chosen).partition(b',"timestamp"')[0]
b'{"kind":"decision","tracetier_log":1,"decision_id":"d1"'
"""

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from tracetier.records import Task, TierScore

LOG_VERSION = 1
VERSION_KEY = "tracetier_log"


class DecisionLine(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="decision"
):
    """One decision. ``None`` is unknown.

    Parameters
    ----------
    tracetier_log : int
        Version of the schema, `LOG_VERSION`.
    decision_id : str
        Unique over all logs; feedback names it.
    timestamp : datetime
        When it was taken, UTC.
    task : Task, optional
        What was known; its text only where the log may hold it.
    task_text_hash : str, optional
        Keyed hash of a text that is withheld.
    x : dict of str to float, optional
        Derived features by the names of the table's ``x_*`` columns, unknown ones left out, so that
        a log whose text is withheld can be learned from.
    feature_fingerprint : str, optional
        Of the specification by which they were derived; those of another one are not used.
    task_id : str, optional
        The task, where the caller names it.
    session_id, trace_id : str, optional
        As the caller gave them.
    tier, model : str
        What was taken.
    propensity : float
        Probability of ``tier``, in (0, 1].
    propensities : dict of str to float
        Of every tier; they sum to 1.
    scores : dict of str to TierScore
        What the router believed of each tier.
    lam : float, optional
        Weight of cost: reward = quality (0-10) - lam * cost (0-1).
    bucket, strategy, artifact_id : str, optional
    explored : bool
        Whether another tier looked better.
    reasons, policy : list of str
        Why; rules that had a say.
    abstained : bool
        Whether the router stayed with the incumbent for want of evidence.
    shadow_tier : str, optional
        What would have been taken where shadow mode took another.
    price : float
        What a budget or floor added to ``lam``.
    source : str, optional
        Who asked: the API, a gateway, a hook.
    """

    tracetier_log: int
    decision_id: str
    timestamp: datetime
    tier: str
    propensity: float
    model: str | None = None
    propensities: dict[str, float] = {}
    scores: dict[str, TierScore] = {}
    task: Task | None = None
    task_text_hash: str | None = None
    x: dict[str, float | None] | None = None
    feature_fingerprint: str | None = None
    task_id: str | None = None
    session_id: str | None = None
    trace_id: str | None = None
    lam: float | None = None
    bucket: str | None = None
    strategy: str | None = None
    artifact_id: str | None = None
    explored: bool = False
    reasons: list[str] = []
    policy: list[str] = []
    abstained: bool = False
    shadow_tier: str | None = None
    price: float = 0.0
    source: str | None = None


class FeedbackLine(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="feedback"
):
    """What became known of a decision; of several the newest value of each field counts.

    Parameters
    ----------
    tracetier_log : int
        Version of the schema, `LOG_VERSION`.
    decision_id : str
    timestamp : datetime
        When it was given, UTC.
    quality : float, optional
        From 0 to 10.
    cost_usd, latency_s : float, optional
        >= 0.
    input_tokens, output_tokens, cache_read_tokens, cache_write_tokens : int, optional
        Input tokens include the cached ones.
    status : {"ok", "error", "cancelled"}, optional
        How it ended; ``ok`` says that nothing crashed.
    error_type : str, optional
    source : str, optional
        Who gave it: a gateway, a hook, a person.
    """

    tracetier_log: int
    decision_id: str
    timestamp: datetime
    quality: float | None = None
    cost_usd: float | None = None
    latency_s: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    status: Literal["ok", "error", "cancelled"] | None = None
    error_type: str | None = None
    source: str | None = None


def encode_line(line: DecisionLine | FeedbackLine) -> bytes:
    r"""Return a line of the log, without its ``\n``."""
    return msgspec.json.encode(line)
