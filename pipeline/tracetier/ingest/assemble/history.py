"""What had happened in a session by a given time: errors, retries, files, the last step."""

from bisect import bisect_right
from collections import Counter, defaultdict
from math import inf
from typing import NamedTuple

from tracetier.ingest.assemble.calls import Calls
from tracetier.ingest.assemble.conversations import Conversations
from tracetier.ingest.assemble.tree import Tree
from tracetier.ingest.span import Span


class Passed(NamedTuple):
    """What had added up when a step ended."""

    end: float = -inf
    n_errors: int = 0
    n_retries: int = 0
    n_files: int = 0


NOTHING = Passed()
"""Before the first step of a session."""


class _Tries:
    """Tries of one thing, in the order in which they ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.failed: list[bool] = []

    def had_failed(self, time: float) -> bool:
        """Whether the last one that had ended by then failed."""
        n = bisect_right(self.ends, time)
        return n > 0 and self.failed[n - 1]


class History:
    """The steps of one session in the order in which they ended.

    Steps are calls, tools and runs. Errors are those of calls and tools: what fails in a run is
    one of them, and is not counted again.
    """

    def __init__(self) -> None:
        self._ends: list[float] = []
        self._n_errors, self._n_retries, self._n_files = [0], [0], [0]
        self._files: set[str] = set()
        self._tries: defaultdict[tuple[int, str | None], _Tries] = defaultdict(_Tries)

    def add(self, span: Span, start: float, end: float, chain: int) -> None:
        """Add the step that ended next."""
        is_error = is_retry = False
        kind = span.kind
        if kind == "call" or kind == "tool":
            is_error = span.outcome == "error"
            # A tool is tried again by its name, a call by whatever call comes next.
            tries = self._tries[chain, span.name if kind == "tool" else None]
            is_retry = tries.had_failed(start)
            tries.ends.append(end)
            tries.failed.append(is_error)
            self._files.update(span.files)
        self._ends.append(end)
        self._n_errors.append(self._n_errors[-1] + is_error)
        self._n_retries.append(self._n_retries[-1] + is_retry)
        self._n_files.append(len(self._files))

    def until(self, time: float) -> Passed:
        """Return what had added up by then."""
        n = bisect_right(self._ends, time)
        if n == 0:
            return NOTHING
        return Passed(self._ends[n - 1], self._n_errors[n], self._n_retries[n], self._n_files[n])


def session_histories(tree: Tree, calls: Calls, places: Conversations) -> dict[str, History]:
    """Return the history of each session of a tree in which one step may come after another."""
    steps = list(calls.first_told.values())
    steps += [i for i, kind in enumerate(tree.kinds) if kind not in ("call", "group")]
    ends = tree.ends
    steps.sort(key=lambda i: (ends[i], i))
    n_steps = Counter(places.sessions[i] for i in steps)
    histories = {session: History() for session, n in n_steps.items() if n > 1}
    for i in steps:
        if ends[i] == inf:
            break
        if (history := histories.get(places.sessions[i])) is not None:
            history.add(tree.spans[i], tree.starts[i], ends[i], places.chains[i])
    return histories
