"""Nested trainings, each told on tasks that it had not seen."""

from typing import Any

import numpy as np
import pytest

from tracetier.evaluate.learning_curve import (
    curve_sizes,
    learning_predictions,
    nested_sample,
)
from tracetier.evaluate.outcomes import rows_with_texts
from tracetier.evaluate.run import evaluate
from tracetier.records import Invocation
from tracetier.table import read_table


def test_sizes_double_up_to_all_that_can_train() -> None:
    """Four fifths; a last step of less than a third is left out."""
    assert curve_sizes(200) == (60, 120, 160)
    assert curve_sizes(150) == (60, 120)
    assert curve_sizes(1000)[-1] == 800


def test_larger_samples_hold_the_smaller_ones_and_no_group_is_parted() -> None:
    """In one random order of the groups."""
    train, groups = np.arange(10, 60), np.arange(60) // 3
    samples = [set(nested_sample(train, groups, size, 7).tolist()) for size in (6, 20, 50)]

    assert samples[0] < samples[1] < samples[2] == set(train.tolist())
    assert 6 <= len(samples[0]) <= 8
    assert {int(groups[i]) for i in samples[0]}.isdisjoint(
        int(groups[i]) for i in set(train.tolist()) - samples[0] if groups[i] != groups[10]
    )


@pytest.mark.slow
def test_more_tasks_close_more_of_the_gap(
    write_table: Any, artifact: Any, full_rows: list[Invocation]
) -> None:
    """In a world where the task type decides; every size predicts every task once."""
    rows = rows_with_texts(read_table(write_table(full_rows)), artifact.tiers)
    told: list[float] = []
    found = learning_predictions(
        rows, (30, 120), cost_ref=artifact.cost_ref, seed=0, progress=told.append
    )

    assert told[-1] == 1.0
    assert len(told) == 10
    for quality, cost in found:
        assert np.isfinite(quality).all()
        assert ((cost >= 0) & (cost <= 1)).all()
    hard = np.array([task.task_type == "hard" for task in rows.tasks])
    gain = [quality[:, 2] - quality[:, 0] for quality, _ in found]
    assert gain[1][hard].mean() > gain[1][~hard].mean() + 0.2


@pytest.mark.slow
def test_the_curve_is_part_of_the_evaluation(
    write_table: Any, use_artifact: Any, full_rows: list[Invocation]
) -> None:
    """Each point after the first with a paired difference from the one before."""
    use_artifact()
    found = evaluate("models/fake", write_table(full_rows), n_boot=50, learning_curve=True)

    assert [point.n_tasks for point in found.learning] == [60, 120]
    assert found.learning[0].gained is None
    gained = found.learning[1].gained
    assert gained is not None
    first, last = (point.gap_closed.estimate for point in found.learning)
    assert gained.estimate == pytest.approx(last - first)
    assert any(sentence.startswith("More traces: ") for sentence in found.summary()["would_change"])
