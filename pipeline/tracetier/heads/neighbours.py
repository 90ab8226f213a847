"""The nearest training tasks, and the weighted mean of their outcomes, in numpy alone."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Index = NDArray[np.intp]

TINY = 1e-9
"""Added to the squared reach, so that equal points at distance 0 have weight."""


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
        """Squared length of each point, and the distance of its type, by type ``(n_kinds, P)``."""
        other = np.arange(n_kinds)[:, None] != self.kind
        return np.asarray((self.points**2).sum(axis=1) + self.type_distance * other)

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
