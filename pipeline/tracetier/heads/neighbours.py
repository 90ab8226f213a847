"""The nearest training tasks, and the weighted mean of their outcomes, in numpy alone."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Index = NDArray[np.intp]

TINY = 1e-9
"""Added to the squared reach, so that equal points at distance 0 have weight."""

ROUNDING = 1e-12
"""Taken off each squared distance: above what it loses to rounding, so that equals are at 0.

Without it the noise, large beside ``TINY``, would tell one way of computing from another.
"""


class NearPoints(Struct, frozen=True, kw_only=True):
    """P training tasks in D coordinates, with T values each.

    Attributes
    ----------
    points : (P, D) array
    kind : (P,) array
        Task type of each point, a whole number.
    values : (P, T) array
    n_near : float
        The weight falls to 0 at the neighbour of this rank, counted from 0.
    type_distance : float
        Squared distance that another task type adds.
    """

    points: Matrix
    kind: Vector
    values: Matrix
    n_near: float
    type_distance: float

    def offsets(self, n_kinds: int) -> Matrix:
        """Squared length of each point and distance of its type, by type, ``(n_kinds, P)``."""
        other = np.arange(n_kinds)[:, None] != self.kind
        length2 = (self.points**2).sum(axis=1)
        return np.asarray(length2 + self.type_distance * other - ROUNDING)

    def distance2_of(self, coordinates: Matrix, kind: Index, n_kinds: int) -> Matrix:
        """Squared distance of n rows to every point, ``(n, P)``."""
        length2 = (coordinates**2).sum(axis=1, keepdims=True)
        cross = coordinates @ self.points.T
        return np.asarray(np.maximum(self.offsets(n_kinds)[kind] - 2.0 * cross + length2, 0.0))

    @staticmethod
    def weights(distance2: Matrix, reach2: Vector) -> Matrix:
        """Epanechnikov's kernel, ``max(0, 1 - distance2 / reach2)``, by row.

        Examples
        --------
        >>> NearPoints.weights(np.array([[0.0, 1.0, 4.0]]), np.array([2.0])).round(3)
        array([[1. , 0.5, 0. ]])
        """
        return np.asarray(np.maximum(1.0 - distance2 / (reach2[:, None] + TINY), 0.0))

    def predict(self, coordinates: Matrix, kind: Index, n_kinds: int) -> Matrix:
        """Predict n rows, ``(n, T)``; 0 where there is no point."""
        if not len(self.points):
            return np.zeros((len(coordinates), self.values.shape[1]))
        rank = min(int(self.n_near), len(self.points) - 1)
        distance2 = self.distance2_of(coordinates, kind, n_kinds)
        reach2 = np.partition(distance2, rank, axis=1)[:, rank]
        weight = self.weights(distance2, reach2)
        return np.asarray(weight @ self.values / weight.sum(axis=1, keepdims=True))


class NearTask:
    """The same for one task, with all that does not hang on the task computed before.

    Parameters
    ----------
    points : NearPoints
        At least one.
    n_types : int
        Task types known; what is no type comes after them.
    center : (d,) array
    scale : (D,) array
        A task lies at its d numbers less ``center`` and its D - d concepts, times ``scale``.

    Attributes
    ----------
    rank : int
        Of the neighbour at which the weight is 0.
    offsets : (n_types + 1, P) array
    """

    def __init__(self, points: NearPoints, n_types: int, *, center: Vector, scale: Vector) -> None:
        self.rank = min(int(points.n_near), len(points.points) - 1)
        self.offsets = points.offsets(n_types + 1)
        self._last = n_types
        self._center = np.concatenate((center, np.zeros(len(scale) - len(center))))
        self._scale = scale
        self._points = np.ascontiguousarray(-2.0 * points.points.T)
        # With a column of ones, one product gives the weighted sums and the weights' sum.
        self._values = np.column_stack([points.values, np.ones(len(points.values))])

    def predict(self, filled: Vector, concepts: Vector, bucket: int) -> Vector:
        """Return the weighted mean of the neighbours' values, ``(T,)``."""
        at = np.concatenate((filled, concepts))
        at -= self._center
        at *= self._scale
        length2 = float(at @ at)
        beyond = at @ self._points  # squared distance less the task's own squared length
        beyond += self.offsets[min(bucket, self._last)]
        ranked = beyond.copy()
        ranked.partition(self.rank)
        reach2 = max(float(ranked[self.rank]) + length2, 0.0) + TINY
        # The weights times the reach, which cancels; a squared distance below 0 counts as 0.
        weight = np.subtract(reach2 - length2, beyond, out=beyond)
        np.minimum(np.maximum(weight, 0.0, out=weight), reach2, out=weight)
        sums = weight @ self._values
        return np.asarray(sums[:-1] / sums[-1])

    def predict_many(self, filled: Matrix, concepts: Matrix, bucket: Index) -> Matrix:
        """Return the same for n tasks, ``(n, T)``, equal but for rounding."""
        at = np.concatenate((filled, concepts), axis=1)
        at -= self._center
        at *= self._scale
        length2 = (at * at).sum(axis=1, keepdims=True)
        beyond = at @ self._points
        beyond += self.offsets[np.minimum(bucket, self._last)]
        ranked = np.partition(beyond, self.rank, axis=1)[:, self.rank, None]
        reach2 = np.maximum(ranked + length2, 0.0) + TINY
        weight = np.subtract(reach2 - length2, beyond, out=beyond)
        np.minimum(np.maximum(weight, 0.0, out=weight), reach2, out=weight)
        sums = weight @ self._values
        return np.asarray(sums[:, :-1] / sums[:, -1:])
