"""From a choice to the record that the caller gets; on the hot path, outside the router's lock."""

from collections.abc import Sequence
from datetime import UTC, datetime

from tracetier.heads.prior import Prediction
from tracetier.records import Decision, TierScore
from tracetier.route.choice import Choice
from tracetier.route.guards import After, Before
from tracetier.route.model import Model
from tracetier.route.reasons import explain


def decision_of(
    model: Model,
    prediction: Prediction,
    chosen: Choice,
    decision_id: str,
    time_s: float,
    lam: float,
    price: float,
    allowed: Sequence[int],
    session_id: str | None,
    strategy: str,
    before: Before | None,
    after: After | None,
) -> Decision:
    """Return the record of a decision.

    Parameters
    ----------
    model : Model
        That it was made with.
    prediction : Prediction
    chosen : Choice
        The learner's choice.
    decision_id : str
    time_s : float
        Seconds since 1970.
    lam, price : float
        Lambda that was asked for, and what a goal adds to it.
    allowed : sequence of int
        Tiers that the learner could take.
    session_id : str, optional
    strategy : str
    before, after : Before, After, optional
        What the layers above the learner did; ``None`` where there are none.
    """
    names, bucket = model.names, model.prior.buckets[prediction.bucket]
    reasons = explain(
        chosen,
        prediction,
        tiers=names,
        bucket=bucket,
        lam=lam,
        price=price,
        allowed=allowed,
        strategy=strategy,
    )
    rules: list[str] = []
    choice, shadow, abstained = chosen, None, False
    if before is not None and after is not None:
        choice, abstained = after.choice, after.abstained
        reasons = [*before.reasons, *reasons, *after.reasons]
        rules = list(before.rules)
        shadow = None if after.shadow_of < 0 else names[after.shadow_of]
    return Decision(
        decision_id=decision_id,
        tier=names[choice.tier],
        model=model.models[choice.tier],
        propensity=choice.propensities[choice.tier],
        propensities=dict(zip(names, choice.propensities)),  # noqa: B905
        scores=tier_scores(choice, prediction, names, model.cost_ref),
        reasons=reasons,
        bucket=bucket,
        lam=lam,
        strategy=strategy,
        artifact_id=model.artifact_id,
        explored=choice.explored,
        timestamp=datetime.fromtimestamp(time_s, UTC),
        session_id=session_id,
        rules=rules,
        abstained=abstained,
        shadow_tier=shadow,
        price=price,
    )


def tier_scores(
    choice: Choice, prediction: Prediction, names: Sequence[str], cost_ref: float
) -> dict[str, TierScore]:
    """Return what was believed of each tier, clipped to its range.

    The channel learns the reward cost c, so USD move by as much:
    ``cost_usd + (c_learned - c_predicted) cost_ref``, not below 0.
    """
    scores = {}
    for name, usd, predicted, cost, quality, reward, sd, prior_reward in zip(  # noqa: B905 - hot
        names,
        prediction.cost_usd,
        prediction.cost,
        choice.cost,
        choice.quality,
        choice.reward,
        choice.sd,
        choice.prior_reward,
    ):
        usd += (cost - predicted) * cost_ref
        scores[name] = TierScore(
            0.0 if quality < 0.0 else 1.0 if quality > 1.0 else quality,
            usd if usd > 0.0 else 0.0,
            reward,
            sd,
            prior_reward,
        )
    return scores
