"""Out-of-fold predictions are used for exactly the tasks that were in training."""

from typing import Any

import numpy as np
import pytest

from tracetier.evaluate.predictions import predict_tasks
from tracetier.features.task_hash import task_hashes
from tracetier.records import Task

TASKS = [Task(text=f"task {i}", task_type="hard") for i in range(5)]


def kept(tasks: list[Task], quality: list[float]) -> dict[str, Any]:
    """What an artifact keeps: one quality for all three tiers of a task, cost 7 USD or .7."""
    ones = np.ones((len(tasks), 3))
    return {
        "task_hash": task_hashes(tasks),
        "quality": np.array(quality)[:, None] * ones,
        "cost_usd": 7.0 * ones,
        "cost": 0.7 * ones,
        "fold": np.zeros(len(tasks), dtype=np.int64),
    }


def test_training_tasks_are_predicted_by_models_that_had_not_seen_them(artifact: Any) -> None:
    """Tasks 3 and 1 were in training, in another order; the others are predicted afresh."""
    oof = kept([TASKS[3], TASKS[1], Task(text="elsewhere")], [0.33, 0.11, 0.99])
    found = predict_tasks(artifact.predictor, TASKS, oof)

    assert found.is_out_of_fold.tolist() == [False, True, False, True, False]
    np.testing.assert_allclose(found.quality[:, 0], [0.1, 0.11, 0.1, 0.33, 0.1])
    np.testing.assert_allclose(found.cost_usd[:, 2], [0.01, 7.0, 0.01, 7.0, 0.01])
    np.testing.assert_allclose(found.cost[:, 2], [1.0, 0.7, 1.0, 0.7, 1.0])
    assert found.bucket.tolist() == [2] * 5


@pytest.mark.parametrize("oof", [{}, kept([], [])], ids=["keeps none", "of no task"])
def test_without_kept_predictions_every_task_is_fresh(artifact: Any, oof: dict[str, Any]) -> None:
    """An artifact need not keep them."""
    found = predict_tasks(artifact.predictor, TASKS, oof)

    assert not found.is_out_of_fold.any()
    np.testing.assert_allclose(found.quality, [[0.1, 0.3, 0.9]] * 5)


def test_kept_predictions_are_not_changed(artifact: Any) -> None:
    """They belong to the artifact."""
    oof = kept(TASKS, [0.5] * 5)
    found = predict_tasks(artifact.predictor, TASKS, oof)
    found.quality[:] = 0.0

    assert (oof["quality"] == 0.5).all()


def test_rows_and_plain_predictions_are_those_of_the_tasks(artifact: Any) -> None:
    """Taking two of five; a ``Prediction`` of plain floats each."""
    mixed = [Task(text="a", task_type="easy"), *TASKS]
    found = predict_tasks(artifact.predictor, mixed, {}).take(np.array([0, 2]))

    assert found.to_list() == [artifact.predictor.predict(task) for task in (mixed[0], mixed[2])]


def test_progress_is_a_share(artifact: Any) -> None:
    """From 0 and below 1 while it runs."""
    told: list[float] = []
    predict_tasks(artifact.predictor, TASKS * 110, {}, progress=told.append)

    assert told == [0.0, 256 / 550, 512 / 550]
