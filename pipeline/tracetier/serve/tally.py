"""Counts that cost next to nothing: plain numbers, given to Prometheus' objects now and then.

An increment of one of its objects takes longer than all else that a request is counted by.
"""

from bisect import bisect_left
from collections.abc import Sequence
from threading import Lock

from prometheus_client import Counter, Histogram

Labels = tuple[str | int, ...]


class Tally:
    """Counts for a counter, by labels; safe between threads.

    Parameters
    ----------
    counter : Counter

    Examples
    --------
    >>> tally = Tally(Counter("n", "Some.", ("tier",), registry=None))
    >>> tally.add(("low",)); tally.add(("low",), 2.5)
    >>> tally.give()
    >>> tally.counter.labels("low")._value.get()
    3.5
    """

    def __init__(self, counter: Counter) -> None:
        self.counter = counter
        self._lock = Lock()
        self._counts: dict[Labels, float] = {}

    def add(self, labels: Labels, amount: float = 1.0) -> None:
        """Count an amount under some labels."""
        with self._lock:
            self._counts[labels] = self._counts.get(labels, 0.0) + amount

    def give(self) -> None:
        """Give the counter what was counted, and begin anew."""
        with self._lock:
            counts, self._counts = self._counts, {}
        for labels, amount in counts.items():
            self.counter.labels(*labels).inc(amount)


class Spread:
    """Values for a histogram, by labels; safe between threads.

    Parameters
    ----------
    histogram : Histogram
    bounds : sequence of float
        The upper bounds of its buckets, each within its own, increasing.

    Examples
    --------
    >>> bounds = (1.0, 2.0)
    >>> spread = Spread(Histogram("s", "Some.", registry=None, buckets=bounds), bounds)
    >>> for value in (0.5, 1.0, 1.5, 9.0):
    ...     spread.add((), value)
    >>> spread.give()
    >>> [bucket.get() for bucket in spread.histogram._buckets], spread.histogram._sum.get()
    ([2.0, 1.0, 1.0], 12.0)
    """

    def __init__(self, histogram: Histogram, bounds: Sequence[float]) -> None:
        self.histogram = histogram
        self._bounds = tuple(bounds)
        self._lock = Lock()
        self._rows: dict[Labels, list[float]] = {}

    def add(self, labels: Labels, value: float) -> None:
        """Count a value under some labels."""
        with self._lock:
            row = self._rows.get(labels)
            if row is None:
                row = self._rows[labels] = [0.0] * (len(self._bounds) + 2)
            row[bisect_left(self._bounds, value)] += 1.0
            row[-1] += value

    def give(self) -> None:
        """Give the histogram what was counted, and begin anew."""
        with self._lock:
            rows, self._rows = self._rows, {}
        for labels, (*counts, total) in rows.items():
            child = self.histogram.labels(*labels) if labels else self.histogram
            # Its own `observe` takes one value at a time, and there are thousands.
            child._sum.inc(total)
            for bucket, count in zip(child._buckets, counts, strict=True):
                bucket.inc(count)
