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
        propensities=dict(zip(names, choice.propensities, strict=True)),
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
    for a, name in enumerate(names):
        usd = prediction.cost_usd[a] + (choice.cost[a] - prediction.cost[a]) * cost_ref
        scores[name] = TierScore(
            min(1.0, max(0.0, choice.quality[a])),
            max(0.0, usd),
            choice.reward[a],
            choice.sd[a],
            choice.prior_reward[a],
        )
    return scores
