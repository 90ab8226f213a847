"""The last tasks that came: a ring of predictions."""

import numpy as np
import pytest

from tracetier.heads.prior import Prediction, PriorStats
from tracetier.route.control.contexts import Contexts, prior_contexts, thinned


def _prediction(i: int, n_tiers: int = 2) -> Prediction:
    row = [float(i)] * n_tiers
    return Prediction(row, [0.1 * i] * n_tiers, [0.01 * i] * n_tiers, i % 3)


@pytest.mark.parametrize("batches", [[7], [3, 4], [1] * 7, [5, 0, 2], [20]])
def test_only_the_last_ones_are_kept_in_order(batches: list[int]) -> None:
    """Five of them, however many come between two looks."""
    contexts, n = Contexts(5), 0
    for size in batches:
        for _ in range(size):
            contexts.add(_prediction(n))
            n += 1
        contexts.refresh()

    assert contexts.quality[:, 0].tolist() == [float(i) for i in range(n - 5, n)]
    assert contexts.bucket.tolist() == [i % 3 for i in range(n - 5, n)]
    assert contexts.cost_usd[-1, 0] == pytest.approx(0.1 * (n - 1))
    assert contexts.cost[-1, 0] == pytest.approx(0.01 * (n - 1))


def test_contexts_of_another_number_of_tiers_are_forgotten() -> None:
    """A tier joined: what came before says nothing of it."""
    contexts = Contexts(5)
    contexts.add(_prediction(1))
    contexts.refresh()
    contexts.add(_prediction(2, n_tiers=3))

    assert contexts.refresh() == 1
    assert contexts.quality.tolist() == [[2.0, 2.0, 2.0]]


def test_bucket_means_stand_for_tasks_before_any_came(prior: PriorStats) -> None:
    """60 of 100 training tasks lie in the first bucket, so 120 of 200 contexts do."""
    found = prior_contexts(prior, 0.02)

    assert len(found) == 200
    assert sum(context.bucket == 0 for context in found) == 120
    first = next(context for context in found if context.bucket == 0)
    assert first.quality == prior.quality_mean[0].tolist()
    assert first.cost_usd == pytest.approx((0.02 * prior.cost_mean[0]).tolist())


def test_a_thinned_list_is_the_same_every_time() -> None:
    """And holds no task twice."""
    many = [_prediction(i) for i in range(50)]

    assert thinned(many, 10) == thinned(many, 10)
    assert len({p.quality[0] for p in thinned(many, 10)}) == 10
    assert np.array([p.quality[0] for p in thinned(many[:4], 10)]).sum() == 0 + 1 + 2 + 3
