"""A task's name by its content."""

import msgspec
import numpy as np

from tracetier.features.task_hash import task_hash, task_hashes
from tracetier.records import Task


def test_the_hash_is_the_same_in_every_process_and_version() -> None:
    """Artifacts keep it: a change here would turn all their training tasks into fresh ones."""
    assert task_hash(Task(text="List the files.", task_type="shell")) == 2318991471419393919


def test_a_field_that_is_added_later_leaves_old_tasks_their_hash() -> None:
    """Twenty more fields, all unknown: an artifact's training tasks are still found."""
    later = [(f"new_{i}", str | None, None) for i in range(20)]
    grown = msgspec.defstruct("Grown", later, bases=(Task,), frozen=True, kw_only=True)
    fields = {"text": "a", "tools": ["b"], "attrs": {"x": 1.0}}

    assert task_hash(grown(**fields)) == task_hash(Task(**fields))  # type: ignore[arg-type]


def test_every_field_counts_but_the_session() -> None:
    """Attributes too, in whatever order they stand."""
    base = Task(text="a", attrs={"x": 1.0, "y": "b"})

    assert task_hash(Task(text="a", attrs={"y": "b", "x": 1.0})) == task_hash(base)
    assert task_hash(Task(text="a", attrs={"y": "b", "x": 2.0})) != task_hash(base)
    assert task_hash(Task(text="a", attrs={"x": 1.0, "y": "b"}, session_id="s")) == task_hash(base)
    assert task_hash(Task(text="a", tools=["x"])) != task_hash(Task(text="a", tools=["x", "x"]))


def test_hashes_of_many_tasks() -> None:
    """One by one, as unsigned 64-bit numbers."""
    tasks = [Task(text=str(i)) for i in range(100)]
    found = task_hashes(iter(tasks))

    assert found.dtype == np.uint64
    assert found.tolist() == [task_hash(task) for task in tasks]
    assert len(set(found.tolist())) == 100
