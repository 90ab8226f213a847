"""Neighbours: the weighted mean of the outcomes of the most similar training tasks.

Similar in numbers, task type and concepts of the text, as the ridge weighs them. Weights fall
with the squared distance to 0 at the k-th neighbour (Epanechnikov), so the prediction is
continuous and no tie has to be broken. At most 512 tasks are kept as points: serving looks at
all of them, and more of them gave nothing on the tables at hand.
"""

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from tracetier.heads.neighbours import NearPoints
from tracetier.train.heads.ridge import Scaling

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Index = NDArray[np.intp]

N_NEAR = (15, 25, 40, 60, 100)
"""Counts of neighbours among which leave-one-out chooses."""
MAX_POINTS = 512
TYPE_DISTANCE = 10.0
"""Squared distance between two task types; the numbers together have some 2, a text has 2."""


def place(x: Matrix, concepts: Matrix, scaling: Scaling, concept_scale: float) -> Matrix:
    """Coordinates of n rows, ``(n, d + L)``: numbers and concepts, each family of length 1."""
    filled = np.where(np.isnan(x), scaling.center, x).clip(scaling.low, scaling.high)
    numbers = (filled - scaling.center) * scaling.number_weight
    return np.concatenate([numbers, concepts * concept_scale], axis=1)


def fit_neighbours(
    coordinates: Matrix, kind: Index, y: Matrix, fallback: Matrix, n_kinds: int, *, seed: int
) -> NearPoints:
    """Keep the points, and choose how many neighbours to ask.

    Parameters
    ----------
    coordinates : (n, D) array
    kind : (n,) array of int
        Task type of each row, below ``n_kinds``.
    y : (n, T) array
        Targets, ``nan`` where not seen.
    fallback : (n, T) array
        What stands in where a target was not seen, such as the bucket's mean.
    n_kinds : int
    seed : int
        Of the draw where there are more than ``MAX_POINTS`` rows.

    Returns
    -------
    NearPoints
        The number of neighbours is the one of least leave-one-out error, each target's error
        taken as a share of its variance.
    """
    rows = np.arange(len(y))
    if len(rows) > MAX_POINTS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MAX_POINTS, replace=False))
    values = np.where(np.isnan(y), fallback, y)[rows]
    points = NearPoints(
        points=np.ascontiguousarray(coordinates[rows]),
        kind=kind[rows].astype(np.float64),
        values=values,
        n_near=float(min(N_NEAR[0], max(len(rows) - 1, 1))),
        type_distance=TYPE_DISTANCE,
    )
    candidates = [k for k in N_NEAR if k < len(rows) - 1]
    if len(candidates) < 2:
        return points
    errors = _left_out_errors(points, candidates, n_kinds)
    return replace(points, n_near=float(candidates[int(errors.argmin())]))


def _left_out_errors(points: NearPoints, candidates: list[int], n_kinds: int) -> Vector:
    """Mean relative squared error of each count, every point predicted without itself."""
    distance2 = points.distance2_of(points.points, points.kind.astype(np.intp), n_kinds)
    np.fill_diagonal(distance2, np.inf)
    order = np.sort(distance2, axis=1)
    spread = np.maximum(points.values.var(axis=0), 1e-12)
    errors = []
    for count in candidates:
        # One more would be asked if the point itself, at distance 0, were among them.
        weight = points.weights(distance2, order[:, count])
        found = weight @ points.values / weight.sum(axis=1, keepdims=True)
        errors.append((((found - points.values) ** 2).mean(axis=0) / spread).mean())
    return np.array(errors)
