"""What decisions rest on: inputs dealt to other tasks."""

from typing import Any

import numpy as np

from tracetier.evaluate.coverage import MAX_KINDS, full_coverage, kind_labels, logged_coverage
from tracetier.evaluate.inputs import MAX_TASKS, input_weights
from tracetier.records import Task


def tasks(n: int) -> list[Task]:
    """Types in turn, every text another, and an attribute that says nothing."""
    kinds = ("easy", "medium", "hard")
    return [
        Task(text=f"task {i}", task_type=kinds[i % 3], attrs={"team": float(i % 2)})
        for i in range(n)
    ]


def test_only_what_the_predictor_reads_weighs(artifact: Any) -> None:
    """It knows the type alone: a third of the shuffled types are what they were."""
    found = input_weights(artifact.predictor, tasks(300), 2.0, seed=0)
    weights = {each.name: each for each in found}

    assert found[0].name == "task type"
    assert list(weights) == ["task type", "task text", "attr team"]
    assert 0.5 < weights["task type"].decisions_changed < 0.8
    assert weights["task text"].decisions_changed == weights["attr team"].quality_moved == 0.0


def test_what_does_not_vary_is_not_told_and_many_tasks_are_sampled(artifact: Any) -> None:
    """One type for all; the predictor is asked about a bounded number of tasks."""

    class Counting:
        n = 0

        def predict(self, task: Task) -> Any:
            self.n += 1
            return artifact.predictor.predict(task)

    counting = Counting()
    same = [Task(text=f"task {i}", task_type="easy") for i in range(MAX_TASKS + 500)]
    found = input_weights(counting, same, 2.0, seed=0)

    assert [each.name for each in found] == ["task text"]
    assert counting.n == 2 * MAX_TASKS


def test_kinds_are_told_apart_up_to_a_number() -> None:
    """The rarest share one name; a task without a type has its own."""
    types: list[str | None] = [None] * 40
    types += [f"t{i}" for i in range(20) for _ in range(30 - i)]
    names, of_task = kind_labels(types)

    assert len(names) == MAX_KINDS
    assert names[0] == "(no type)"
    assert names[-1] == "8 rarer types"
    assert np.bincount(of_task).sum() == len(types)
    assert of_task[-1] == MAX_KINDS - 1


def test_full_information_is_told_by_kind_and_tier() -> None:
    """Two codes, one poem; the router sends codes to b and the poem to a."""
    found = full_coverage(
        ["code", "code", "poem"],
        np.array([[0.0, 1.0], [0.5, 1.0], [1.0, 0.0]]),
        np.array([1, 1, 0]),
        ("a", "b"),
    )

    assert [(kind.kind, kind.n) for kind in found] == [("code", 2), ("poem", 1)]
    assert found[0].tiers["a"].quality == 0.25
    assert (found[0].tiers["b"].routed, found[1].tiers["b"].routed) == (1.0, 0.0)


def test_a_log_is_told_by_effective_sample_size() -> None:
    """Weights 1, 1 and 3 are worth 25 / 11 rows; what was never tried is worth none."""
    nan = np.nan
    found = logged_coverage(
        ["code"] * 4,
        np.array([[1.0, nan], [0.0, nan], [0.5, nan], [nan, 1.0]]),
        np.array([[1.0, 0.5], [1.0, 0.5], [1 / 3, 0.5], [0.5, 0.5]]),
        np.array([0, 0, 0, 1]),
        ("a", "b", "c")[:2],
    )
    a, b = found[0].tiers["a"], found[0].tiers["b"]

    assert (a.n, b.n) == (3, 1)
    assert abs(a.ess - 25 / 11) < 1e-12
    assert (a.quality, a.routed) == (0.5, 0.75)
