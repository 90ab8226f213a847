"""A task's name by what it says: how out-of-fold predictions find their task again.

Two rows with the same content get the same features, hence the same prediction, and where they
have a text they share a group in training, hence a fold. So what counts as "was in training" is
the content, not an id that another table may use for another task.
"""

from collections.abc import Iterable
from hashlib import blake2b

import msgspec
import numpy as np
from numpy.typing import NDArray

from tracetier.records import Task


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
    known = msgspec.to_builtins(msgspec.structs.replace(task, session_id=None))
    if task.attrs:
        known["attrs"] = dict(sorted(task.attrs.items()))
    # Not the record itself: msgpack's header of a record tells how many fields its type has, so
    # that a new field, unknown to all old tasks, would change every hash.
    content = msgspec.msgpack.encode(known)
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "little")


def task_hashes(tasks: Iterable[Task]) -> NDArray[np.uint64]:
    """``task_hash`` of each task, ``(n,)``."""
    return np.fromiter((task_hash(task) for task in tasks), dtype=np.uint64)
