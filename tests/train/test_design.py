"""Tasks as matrices."""

import joblib
import numpy as np
import pytest

from tracetier.features.extract import extract
from tracetier.features.words import HASH_BITS
from tracetier.records import Task
from tracetier.train import design as module
from tracetier.train.design import build_design, numeric_attrs

TASKS = [
    Task(text=f"word{i} and {i}" if i % 3 else "", attrs={"n": float(i), "team": "a", "on": i > 2})
    for i in range(7)
]


def test_each_row_holds_what_the_extractor_gives() -> None:
    """Numbers, then attributes, and a 1 for each hashed word; an empty text has an empty row."""
    found = build_design(TASKS, ("n", "on"))

    assert found.words.shape == (7, 2**HASH_BITS)
    for row, task in enumerate(TASKS):
        x, ids = extract(task)
        assert task.attrs is not None
        np.testing.assert_array_equal(found.x[row], [*x, task.attrs["n"], task.attrs["on"]])
        words = found.words[[row]].toarray()[0]
        np.testing.assert_array_equal(np.flatnonzero(words), ids)
        assert set(words[ids].tolist()) <= {1.0}


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_chunks_and_workers_change_nothing(n_jobs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three tasks a job, seven tasks."""
    whole = build_design(TASKS, ("n",))
    monkeypatch.setattr(module, "_TASKS_PER_JOB", 3)

    with joblib.parallel_config(backend="threading"):
        found = build_design(TASKS, ("n",), n_jobs=n_jobs)

    np.testing.assert_array_equal(found.x, whole.x)
    np.testing.assert_array_equal(found.words.toarray(), whole.words.toarray())


def test_rows_are_taken_in_the_order_asked_for() -> None:
    """Of both matrices alike."""
    whole = build_design(TASKS, ("n",))

    part = whole.take(np.array([5, 0]))

    assert part.x[:, -1].tolist() == [5.0, 0.0]
    np.testing.assert_array_equal(part.words.toarray(), whole.words.toarray()[[5, 0]])


def test_numeric_attributes_are_numbers_and_truth_values_somewhere() -> None:
    """Sorted; an attribute that is a text in one task and a number in another is a column."""
    tasks = [
        Task(attrs={"z": 1.0, "team": "a"}),
        Task(),
        Task(attrs={"on": True, "mixed": "b"}),
        Task(attrs={"mixed": 2.0}),
    ]

    assert numeric_attrs(tasks) == ("mixed", "on", "z")
    assert numeric_attrs([Task(text="a")]) == ()
