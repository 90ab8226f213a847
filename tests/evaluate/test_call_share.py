"""The router told by the share of its calls that go to the dear tier."""

import numpy as np
import pytest

from tracetier.evaluate.call_share import call_share
from tracetier.evaluate.resampling import Resampling

ONCE = Resampling(np.arange(4), n_draws=200, seed=0)


def test_quality_and_cost_are_those_of_the_tasks_that_are_sent_up() -> None:
    """Task 3 gains most from the dear tier, then task 2; tasks 0 and 1 gain nothing there.

    The tiers stand in another order than their costs. Shares 0, .25 and .5: qualities (1 + 1) / 4,
    3 / 4 and 1, costs 1, (3 + 5) / 4 and 3 USD.
    """
    dear, cheap = [0.5, 0.5, 0.8, 0.95], [0.6, 0.6, 0.5, 0.5]
    q_hat, c_hat = np.array([dear, cheap]).T, np.tile([1.0, 0.2], (4, 1))
    quality, cost_usd = np.array([[0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0]]).T, 5.0 * c_hat

    found = call_share(q_hat, c_hat, quality, cost_usd, ("large", "small"), ONCE)

    assert found.tier == "large"
    assert [point.calls for point in found.points] == [0.0, 0.25, 0.5]
    assert [point.quality.estimate for point in found.points] == [0.5, 0.75, 1.0]
    assert [point.cost_usd.estimate for point in found.points] == pytest.approx([1.0, 2.0, 3.0])
    assert found.points[1].share == {"large": 0.25, "small": 0.75}
    lams = [point.lam for point in found.points]
    assert lams == sorted(lams, reverse=True)
    first, last = found.points[0].quality, found.points[-1].quality
    assert first.low < 0.5 < first.high
    assert last.low == last.high == 1.0
