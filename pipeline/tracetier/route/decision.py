"""From a choice to the record that the caller gets; on the hot path, outside the router's lock."""

from collections.abc import Sequence

from tracetier.heads.prior import Prediction
from tracetier.records import TierScore
from tracetier.route.choice import Choice


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
