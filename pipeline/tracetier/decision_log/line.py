"""A decision or a report of the running service → a line of its log.

Without leave to store texts, a text's keyed hash and its features stand for it: the hash tells
which tasks are the same, the features are what a model is trained on.
"""

from datetime import UTC, datetime

import msgspec

from tracetier.decision_log.schema import LOG_VERSION, DecisionLine, FeedbackLine
from tracetier.decision_log.text_hash import keyed_hash
from tracetier.features.extract import known_features
from tracetier.features.spec import fingerprint
from tracetier.records import Decision, Feedback, Task

_FINGERPRINT = fingerprint()


def decision_line(
    task: Task,
    decision: Decision,
    *,
    source: str,
    store_text: bool,
    key: bytes,
    with_features: bool = True,
) -> DecisionLine:
    """Return the line of a decision.

    Parameters
    ----------
    task : Task
    decision : Decision
    source : str
        Who asked.
    store_text : bool
        Whether the text itself may be in it.
    key : bytes
        Of the hash that stands for the text else.
    with_features : bool
        Whether the features of a withheld text are in it.
    """
    text_hash: str | None = None
    x: dict[str, float | None] | None = None
    if task.text and not store_text:
        text_hash = keyed_hash(task.text, key)
        x = {**known_features(task)} if with_features else None
        task = msgspec.structs.replace(task, text="")
    return DecisionLine(
        tracetier_log=LOG_VERSION,
        decision_id=decision.decision_id,
        timestamp=decision.timestamp,
        tier=decision.tier,
        propensity=decision.propensity,
        model=decision.model,
        propensities=decision.propensities,
        scores=decision.scores,
        task=task,
        task_text_hash=text_hash,
        session_id=decision.session_id,
        lam=decision.lam,
        bucket=decision.bucket,
        strategy=decision.strategy,
        artifact_id=decision.artifact_id,
        explored=decision.explored,
        reasons=list(decision.reasons),
        policy=decision.rules,
        abstained=decision.abstained,
        shadow_tier=decision.shadow_tier,
        price=decision.price,
        source=source,
        x=x,
        feature_fingerprint=None if x is None else _FINGERPRINT,
    )


def feedback_line(report: Feedback, *, source: str, now_s: float) -> FeedbackLine:
    """Return the line of a report that came at ``now_s`` seconds since 1970."""
    return FeedbackLine(
        tracetier_log=LOG_VERSION,
        decision_id=report.decision_id,
        timestamp=datetime.fromtimestamp(now_s, UTC),
        quality=report.quality,
        cost_usd=report.cost_usd,
        source=source,
    )
