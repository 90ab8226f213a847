"""Many orders: paired comparisons and their intervals."""

import numpy as np
import pytest

from tracetier.evaluate.over_orders import strategy_replay, versus_baseline
from tracetier.evaluate.regret import StreamFigures
from tracetier.evaluate.stream import Played


def figures(regret: list[float], bucket: list[float] | None = None) -> StreamFigures:
    """Two checkpoints; the means do not matter here."""
    some = np.array([0.25, 0.75])
    return StreamFigures(np.array(regret), np.array(bucket or regret), some, some, some)


def test_a_strategy_is_told_by_its_mean_over_orders() -> None:
    """Regrets 1 and 3 at the first checkpoint, 10 and 20 at the second; shares over all."""
    played = [
        Played(np.arange(4), np.array([0, 0, 1, 2]), n_explored=1),
        Played(np.arange(4), np.array([0, 2, 2, 2]), n_explored=2),
    ]
    found = strategy_replay(
        played, [figures([1.0, 10.0]), figures([3.0, 20.0])], ("a", "b", "c"), seed=0
    )

    assert [each.estimate for each in found.regret_oracle] == [2.0, 15.0]
    assert (found.regret_oracle[1].low, found.regret_oracle[1].high) == (10.0, 20.0)
    assert [each.estimate for each in found.quality] == [0.25, 0.75]
    assert found.explored == pytest.approx(3 / 8)
    assert found.share == {"a": 0.375, "b": 0.125, "c": 0.5}


def test_a_strategy_is_compared_order_by_order() -> None:
    """At the end half the regret in every order: the ratio has no width."""
    own = [figures([5.0, r]) for r in (10.0, 20.0, 40.0)]
    other = [figures([b, 2 * r]) for b, r in zip((4.0, 5.0, 6.0), (10.0, 20.0, 40.0), strict=True)]
    found = versus_baseline(own, other, seed=0)

    assert found.regret_ratio[0].estimate == pytest.approx(1.0)
    assert found.regret_ratio[0].low < 1.0 < found.regret_ratio[0].high
    ratio = found.regret_ratio[1]
    assert (ratio.estimate, ratio.low, ratio.high) == pytest.approx((0.5, 0.5, 0.5))
    assert found.regret_difference[1].estimate == pytest.approx(-70 / 3)


def test_ties_count_for_neither_side() -> None:
    """At the first checkpoint one better, one worse, one equal; at the end all better."""
    own = [figures([5.0, r]) for r in (1.0, 2.0, 3.0)]
    other = [figures([b, 9.0]) for b in (4.0, 5.0, 6.0)]
    found = versus_baseline(own, other, seed=0)

    assert (found.n_better, found.n_worse) == ([1, 3], [1, 0])
    assert found.p_value == pytest.approx([1.0, 0.25])


def test_one_order_has_no_interval() -> None:
    """A width of 0 would say that the order does not matter."""
    found = versus_baseline([figures([5.0, 10.0])], [figures([4.0, 20.0])], seed=0)

    assert found.regret_ratio[1].estimate == pytest.approx(0.5)
    assert np.isnan([found.regret_ratio[1].low, found.regret_ratio[1].high]).all()
