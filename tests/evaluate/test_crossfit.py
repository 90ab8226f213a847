"""The operating point of a task has not seen the task."""

import numpy as np

from tracetier.evaluate.crossfit import cross_fitted
from tracetier.measures.operating_point import Calibration, OperatingPoint, Policy


def test_each_group_is_calibrated_without_itself() -> None:
    """The calibrations see 8 of 10 groups; a task's own mean is never among them."""
    n = 20
    groups = np.arange(n) // 2
    # Tier 0's mean quality on the seen tasks names them: every group is a power of two.
    quality = np.stack([2.0 ** -(1.0 + groups), np.zeros(n)], axis=1)
    cost = np.tile([1.0, 2.0], (n, 1))
    seen: list[set[int]] = []

    def solve(calibration: Calibration) -> OperatingPoint:
        total = round(calibration.tier_quality[0] * 16 * 2**9)
        seen.append({g for g in range(10) if total >> (9 - g) & 1})
        part = len(seen) / 10
        return OperatingPoint(
            cheap=Policy(tier=0), dear=Policy(tier=1), p_dear=part, quality=0.0, cost_usd=0.0
        )

    found = cross_fitted(quality, cost, quality, cost, groups=groups, solve=solve)

    assert [len(each) for each in seen] == [8] * 5
    for row, group in zip(found, groups, strict=True):
        used = seen[round(row[1] * 10) - 1]
        assert group not in used
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


def test_a_recipe_that_cannot_generalise_is_found_out() -> None:
    """Random predictions of 60 tasks in 20 worlds, at the cost half way between two tiers.

    Read off in hindsight they beat the even mixture of the tiers by more than .02 of quality; told
    on held-out tasks they are within .02 of it.
    """
    hindsight, held_out = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        quality = (rng.random((60, 2)) < [0.3, 0.7]).astype(float)
        cost, q_hat = np.tile([1.0, 3.0], (60, 1)), rng.random((60, 2))
        line = quality.mean(axis=0) @ [0.5, 0.5]
        hindsight.append(Calibration.fit(q_hat, cost, quality, cost).at_cost(2.0).quality - line)
        p = cross_fitted(
            q_hat,
            cost,
            quality,
            cost,
            groups=np.arange(60),
            solve=lambda calibration: calibration.at_cost(2.0),
        )
        held_out.append((p * quality).sum(axis=1).mean() - line)

    assert np.mean(hindsight) > 0.02
    assert abs(np.mean(held_out)) < 0.02
