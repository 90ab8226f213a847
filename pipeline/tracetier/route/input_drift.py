"""An alarm on the inputs: live tasks are of another population than those of the training table.

The population stability index of a column over its training deciles,

    PSI = sum over bins of (p_live - p_train) log(p_live / p_train)

is below .1 where all is calm, above .25 it is another population (Siddiqi, Credit Risk Scorecards,
2006). About the last 500 noted tasks count. Only what this process decides is seen: counts are no
part of the state, and begin anew with it.
"""

import math
import threading
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from tracetier.features.deciles import Deciles
from tracetier.features.fitted import FittedFeatures
from tracetier.records import Task

PSI_LIMIT = 0.25
EVERY = 16
"""Once the first tasks are counted, one in so many is noted: features are extracted anew for it."""

_KEEP = 0.998
"""Share of the counts kept per noted task."""
_LEAST = 200.0
_SHRINK, _EMPTY = 10.0, 0.0005
_FULL = 500
_LARGEST_WEIGHT = 1e9


class MovedInput(NamedTuple):
    """A column whose live values left the training table, and its PSI."""

    column: str
    psi: float


class InputDrift:
    """Live counts per column and bin, discounted; not thread-safe by itself.

    Parameters
    ----------
    expected : Deciles
        Of the training table.

    Examples
    --------
    Trained on 0 to 99, then a hundred is added to each value:

    >>> from tracetier.features.deciles import deciles
    >>> edges, shares = deciles([float(i) for i in range(100)])
    >>> drift = InputDrift(Deciles(columns=("n",), edges=(tuple(edges),), shares=(tuple(shares),)))
    >>> for i in range(250):
    ...     drift.note([float(i % 100)])
    >>> drift.moved()
    []
    >>> for i in range(250):
    ...     drift.note([float(i % 100) + 100.0])
    >>> [moved.column for moved in drift.moved()]
    ['n']
    """

    def __init__(self, expected: Deciles) -> None:
        self.expected = expected
        self.n_noted = 0
        self._counts = [[0.0] * len(row) for row in expected.shares]
        self._n, self._weight = 0.0, 1.0

    def note(self, row: Sequence[float]) -> None:
        """Count one task.

        Parameters
        ----------
        row : sequence of float, length d
            In the order of the columns; one that is unknown (NaN) counts nowhere.
        """
        # In place of letting all counts fade, what is new weighs more.
        weight = self._weight = self._weight / _KEEP
        self._n += weight
        self.n_noted += 1
        for counts, value, inner in zip(self._counts, row, self.expected.edges, strict=True):
            if value == value:
                counts[bisect_right(inner, value)] += weight
        if weight > _LARGEST_WEIGHT:
            self._counts = [[count / weight for count in counts] for counts in self._counts]
            self._n, self._weight = self._n / weight, 1.0

    def moved(self, limit: float = PSI_LIMIT) -> list[MovedInput]:
        """Return the columns that left the training table, once 200 tasks count; worst first."""
        if self._n < _LEAST * self._weight:
            return []
        found = []
        for name, shares, counts in zip(
            self.expected.columns, self.expected.shares, self._counts, strict=True
        ):
            index = psi(shares, [count / self._weight for count in counts])
            if index > limit:
                found.append(MovedInput(name, index))
        return sorted(found, key=lambda moved: -moved.psi)


class TaskSampler:
    """Notes the features of some tasks: the first 500, then one in 16. Safe between threads.

    Parameters
    ----------
    drift : InputDrift
    features : FittedFeatures
    """

    def __init__(self, drift: InputDrift, features: FittedFeatures) -> None:
        self.drift = drift
        self._features = features
        self._places = [features.columns.index(name) for name in drift.expected.columns]
        self._n_seen = 0
        self._lock = threading.Lock()
        self._moved: tuple[int, list[MovedInput]] = (0, [])

    def see(self, task: Task) -> None:
        """Note a task, if its turn has come."""
        self._n_seen += 1
        if self._n_seen > _FULL and self._n_seen % EVERY:
            return
        row = self._features.numbers(task)
        with self._lock:
            self.drift.note([row[place] for place in self._places])

    def moved(self) -> list[MovedInput]:
        """Return the columns that left the training table; cheap where nothing was noted since."""
        with self._lock:
            if self._moved[0] != self.drift.n_noted:
                self._moved = self.drift.n_noted, self.drift.moved()
            return self._moved[1]


def sampler_for(predictor: object, expected: Deciles | None) -> TaskSampler | None:
    """Return what watches a model's inputs; ``None`` where it does not tell its training deciles.

    A model whose features come from a sentence encoder is not watched: encoding a task a second
    time would cost more than the decision.
    """
    features = getattr(predictor, "features", None)
    if expected is None or not isinstance(features, FittedFeatures):
        return None
    if features.embedding is not None or not set(expected.columns) <= set(features.columns):
        return None
    return TaskSampler(InputDrift(expected), features)


def psi(expected: Sequence[float], counted: Sequence[float]) -> float:
    """Return the population stability index of counts; 0 where nothing was counted.

    Counts are shrunk as if 10 tasks had come as expected, and no bin is expected to stay quite
    empty (.0005), so that the index is finite and small counts say little.

    Parameters
    ----------
    expected, counted : sequence of float, equally long
        Shares or counts, >= 0; both are normalised.

    Examples
    --------
    >>> psi([0.5, 0.5], [50, 50]), psi([0.5, 0.5], [900, 100])
    (0.0, 0.85...)
    """
    n, whole, bins = sum(counted), sum(expected), len(counted)
    if n <= 0.0 or whole <= 0.0:
        return 0.0
    total = 0.0
    for share, count in zip(expected, counted, strict=True):
        p = (share / whole + _EMPTY) / (1.0 + _EMPTY * bins)
        q = (count + _SHRINK * p) / (n + _SHRINK)
        total += (q - p) * math.log(q / p)
    return total
