"""The published gap closed of plain bucket means on real outcomes, found again.

From the project's notes on learning (section 4): two halves both ways. Which halves is not stated,
so what was published is one draw among ours: over 60 splits the standard deviation of one is .0138
on bfcl_claude and .0040 on pareto3. It must lie within two of them of the mean of 20 splits.

The savings at 99 % published beside it (.74-.80 on bfcl_claude) are not checked: half-splits move
by .06 each, and five pooled folds give .807 +- .010 here, so the protocol was not quite ours.
"""

import gzip
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pytest

from tracetier.evaluate.controls import Predictions, bucket_mean_predictions
from tracetier.measures.frontier import Matrix, sweep
from tracetier.measures.hull import fixed_tier_hull, upper_hull
from tracetier.measures.metrics import gap_closed


class Outcome(NamedTuple):
    """Outcomes of n tasks on K tiers, cheap to dear."""

    quality: Matrix
    cost_usd: Matrix
    bucket: np.ndarray


def read_outcomes(path: Path, tiers: tuple[str, ...]) -> Outcome:
    """Read an outcome file; quality is 0-10 there."""
    tasks: dict[str, dict[str, tuple[float, float]]] = {}
    types: dict[str, str] = {}
    with gzip.open(path) as lines:
        for line in lines:
            row = msgspec.json.decode(line)
            found = tasks.setdefault(row["task_id"], {})
            found[row["tier"]] = (row["quality"] / 10, row["cost_usd"])
            types[row["task_id"]] = row["task_type"]
    values = np.array([[each[tier] for tier in tiers] for each in tasks.values()])
    _, bucket = np.unique([types[task] for task in tasks], return_inverse=True)
    return Outcome(values[:, :, 0], values[:, :, 1], bucket)


def bucket_mean_gap(outcome: Outcome, seed: int) -> float:
    """Gap closed, mean of two halves."""
    cost = np.minimum(1.0, outcome.cost_usd / outcome.cost_usd.mean(axis=0).max())
    halves = np.random.default_rng(seed).permutation(len(cost)) % 2
    q_hat, c_hat = bucket_mean_predictions(
        Predictions(outcome.quality, cost), outcome.bucket, halves
    )
    gaps = []
    for half in (0, 1):
        here = halves == half
        quality, cost_usd = outcome.quality[here], outcome.cost_usd[here]
        means, costs = quality.mean(axis=0), cost_usd.mean(axis=0)
        fixed = fixed_tier_hull(quality, cost_usd)
        router, oracle = (
            upper_hull(np.append(costs, found.cost_usd), np.append(means, found.quality))
            for found in (
                sweep(q_hat[here], c_hat[here], quality, cost_usd),
                sweep(quality, cost_usd / costs.max(), quality, cost_usd),
            )
        )
        gaps.append(gap_closed(router, fixed, oracle, costs.min(), costs.max()))
    return float(np.mean(gaps))


@pytest.mark.parametrize(
    ("name", "tiers", "published", "split_sd"),
    [
        ("bfcl_claude", ("low", "mid", "high"), 0.384, 0.0138),
        ("routellm2", ("low", "high"), 0.0, 0.0),
        pytest.param("pareto3", ("low", "mid", "high"), 0.302, 0.0040, marks=pytest.mark.slow),
    ],
)
def test_bucket_means_close_the_gap_as_published(
    shared: Path, name: str, tiers: tuple[str, ...], published: float, split_sd: float
) -> None:
    """On routellm2 there is one bucket, so nothing can be gained, whatever the split."""
    outcome = read_outcomes(shared / "data" / name / "outcomes.jsonl.gz", tiers)
    found = [bucket_mean_gap(outcome, seed) for seed in range(20)]

    assert np.mean(found) == pytest.approx(published, abs=2 * split_sd + 1e-9)
