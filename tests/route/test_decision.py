"""What was believed, in the units of the edge."""

import pytest

from tracetier.heads.prior import Prediction
from tracetier.route.choice import Choice
from tracetier.route.decision import tier_scores


def test_scores_are_clipped_and_usd_move_with_the_learned_cost() -> None:
    """low: quality 1.04 is shown as 1; .10 more reward cost at a reference of $.02 is $.002.

    high: a cost far below the prediction is shown as 0, never below.
    """
    prediction = Prediction([0.9, 0.5], [0.001, 0.002], [0.05, 0.4], 0)
    choice = Choice(
        tier=0,
        greedy=0,
        near_tie_with=-1,
        explored=False,
        epsilon=0.0,
        propensities=[1.0, 0.0],
        quality=[1.04, -0.1],
        cost=[0.15, 0.1],
        reward=[10.36, -1.03],
        sd=[0.2, 0.3],
        prior_reward=[8.985, 4.88],
        n_reports=[1, 2],
    )

    scores = tier_scores(choice, prediction, ("low", "high"), 0.02)

    low, high = scores["low"], scores["high"]
    assert (low.quality, high.quality) == (1.0, 0.0)
    assert low.cost_usd == pytest.approx(0.003)
    assert high.cost_usd == 0.0
    assert (low.reward, low.sd, low.prior_reward) == (10.36, 0.2, 8.985)
