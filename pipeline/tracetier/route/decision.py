"""From a choice to its event and to the record that the caller gets; on the hot path.

The event is made under the router's lock, the record outside.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct

from tracetier.heads.prior import Prediction
from tracetier.records import Decision, TierScore
from tracetier.route.choice import Choice
from tracetier.route.event import Decided
from tracetier.route.guards import After, Before
from tracetier.route.late_reasons import LateReasons
from tracetier.route.model import Model
from tracetier.route.reasons import explain


class Made(Struct, frozen=True, gc=False):
    """A decision as it was made.

    Attributes
    ----------
    decision_id : str
    time_s : float
        Seconds since 1970.
    price : float
        What a goal adds to lambda.
    allowed : sequence of int
        Tiers that the learner could take.
    chosen, choice : Choice
        The learner's, and the one that stands.
    before, after : Before, After, optional
        What the layers above the learner did; ``None`` where there are none.
    """

    decision_id: str
    time_s: float
    price: float
    allowed: Sequence[int]
    chosen: Choice
    choice: Choice
    before: Before | None
    after: After | None


def event_of(
    model: Model,
    prediction: Prediction,
    made: Made,
    lam: float,
    session_id: str | None,
    trace_id: str | None,
    tenant: str | None,
) -> Decided:
    """Return the event of a decision; what it believed of costs is as `tier_scores` has it."""
    choice, dearest, ref = made.choice, model.dearest, model.cost_ref
    tier, believed = choice.tier, choice.cost
    predicted, predicted_usd = prediction.cost, prediction.cost_usd
    usd = predicted_usd[tier] + (believed[tier] - predicted[tier]) * ref
    dear_usd = predicted_usd[dearest] + (believed[dearest] - predicted[dearest]) * ref
    return Decided(
        made.decision_id,
        prediction.bucket,
        tier,
        prediction.quality,
        predicted,
        lam,
        choice.propensities[tier],
        made.time_s,
        session_id,
        trace_id,
        tenant,
        choice.explored,
        usd if usd > 0.0 else 0.0,
        dear_usd if dear_usd > 0.0 else 0.0,
        10.0 * choice.quality[dearest],
        model.layout,
    )


def decision_of(
    model: Model,
    prediction: Prediction,
    made: Made,
    lam: float,
    session_id: str | None,
    strategy: str,
) -> Decision:
    """Return the record of a decision that ``model`` made at ``lam``."""
    choice, before, after = made.choice, made.before, made.after
    tier, names, propensities = choice.tier, model.names, choice.propensities
    rules: list[str] = []
    shadow, abstained = None, False
    if before is not None and after is not None:
        abstained = after.abstained
        rules = list(before.rules)
        shadow = None if after.shadow_of < 0 else names[after.shadow_of]
    return Decision(  # by place: as many names would take longer than all the rest of it
        made.decision_id,
        names[tier],
        model.models[tier],
        propensities[tier],
        dict(zip(names, propensities)),  # noqa: B905
        tier_scores(choice, prediction, names, model.cost_ref),
        LateReasons(reasons_of, model, prediction, made, lam, strategy),
        model.prior.buckets[prediction.bucket],
        lam,
        strategy,
        model.artifact_id,
        choice.explored,
        datetime.fromtimestamp(made.time_s, UTC),
        session_id,
        rules,
        abstained,
        shadow,
        made.price,
    )


def reasons_of(
    model: Model, prediction: Prediction, made: Made, lam: float, strategy: str
) -> list[str]:
    """Return what the layers above the learner did, and in between why it chose as it did."""
    reasons = explain(
        made.chosen,
        prediction,
        tiers=model.names,
        bucket=model.prior.buckets[prediction.bucket],
        lam=lam,
        price=made.price,
        allowed=made.allowed,
        strategy=strategy,
    )
    if made.before is not None and made.after is not None:
        reasons = [*made.before.reasons, *reasons, *made.after.reasons]
    return reasons


def tier_scores(
    choice: Choice, prediction: Prediction, names: Sequence[str], cost_ref: float
) -> dict[str, TierScore]:
    """Return what was believed of each tier, clipped to its range.

    The channel learns the reward cost c, so USD move by as much:
    ``cost_usd + (c_learned - c_predicted) cost_ref``, not below 0.
    """
    usds, predicted = prediction.cost_usd, prediction.cost
    believed, qualities, rewards = choice.cost, choice.quality, choice.reward
    sds, prior_rewards = choice.sd, choice.prior_reward
    scores = {}
    for a, name in enumerate(names):  # by index: a zip of as many lists costs as much again
        quality, usd = qualities[a], usds[a] + (believed[a] - predicted[a]) * cost_ref
        scores[name] = TierScore(
            0.0 if quality < 0.0 else 1.0 if quality > 1.0 else quality,
            usd if usd > 0.0 else 0.0,
            rewards[a],
            sds[a],
            prior_rewards[a],
        )
    return scores
