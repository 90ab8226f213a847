"""A task's name by what it says: how out-of-fold predictions find their task again.

Two rows with the same content get the same features, hence the same prediction, and in training
they share a group, hence a fold. So what counts as "was in training" is the content, not an id
that another table may use for another task.
"""

from collections.abc import Iterable
from hashlib import blake2b

import msgspec
import numpy as np
from numpy.typing import NDArray

from tracetier.records import Task

_ENCODER = msgspec.msgpack.Encoder(order="deterministic")


def task_hash(task: Task) -> int:
    """64-bit hash of all that was known of a task, the same in every process.

    The session is left out: it is never a feature.

    Examples
    --------
    >>> task_hash(Task(text="a")) == task_hash(Task(text="a", session_id="s"))
    True
    >>> task_hash(Task(text="a")) == task_hash(Task(text="a", task_type="t"))
    False
    """
    content = _ENCODER.encode(msgspec.structs.replace(task, session_id=None))
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "little")


def task_hashes(tasks: Iterable[Task]) -> NDArray[np.uint64]:
    """``task_hash`` of each task, ``(n,)``."""
    return np.fromiter((task_hash(task) for task in tasks), dtype=np.uint64)
