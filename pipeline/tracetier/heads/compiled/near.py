"""The neighbours of one task, in compiled code: distances, the reach, the weighted mean."""

import numpy as np
from numpy.typing import NDArray

from tracetier.heads.compiled.jit import Number, kernel
from tracetier.heads.neighbours import TINY

Floats = NDArray[np.float64]


@kernel
def smallest(values: Floats, rank: Number) -> Number:
    """Return the value of this rank, counted from 0.

    Quickselect (Hoare 1961) that writes every value and moves on only where it belongs: no branch
    hangs on a comparison, so none is mispredicted.
    """
    kept = values
    while True:
        n = len(kept)
        a, b, c = kept[0], kept[n >> 1], kept[n - 1]
        pivot = max(min(a, b), min(max(a, b), c))
        below, above = np.empty(n + 1), np.empty(n + 1)
        n_below = n_above = 0
        for i in range(n):
            value = kept[i]
            below[n_below] = value
            n_below += value < pivot
            above[n_above] = value
            n_above += value > pivot
        if rank < n_below:
            kept = below[:n_below]
        elif rank < n - n_above:
            return pivot
        else:
            rank -= n - n_above
            kept = above[:n_above]


@kernel
def add_neighbours(
    at: Floats, points: Floats, offsets: Floats, values: Floats, rank: Number, score: Floats
) -> None:
    """Add the weighted mean of the neighbours' values, as `NearPoints.predict` has it.

    Parameters
    ----------
    at : (D,) array
        Where the task lies.
    points : (D, P) array
        Minus twice the points, one a column.
    offsets : (P,) array
        Squared length of each point, and the distance of its type.
    values : (P, T) array
    rank : int
        Of the neighbour at which the weight is 0.
    score : (>= T,) array
        Added to.
    """
    n, n_coordinates = points.shape[1], len(at)
    distance2 = offsets.copy()
    length2 = 0.0
    for d in range(n_coordinates):
        length2 += at[d] * at[d]
    for d in range(0, n_coordinates - 3, 4):  # four at once, so that sums are stored less often
        a, b, c, e = at[d], at[d + 1], at[d + 2], at[d + 3]
        first, second, third, fourth = points[d], points[d + 1], points[d + 2], points[d + 3]
        for p in range(n):
            distance2[p] += a * first[p] + b * second[p] + c * third[p] + e * fourth[p]
    for d in range(n_coordinates // 4 * 4, n_coordinates):
        for p in range(n):
            distance2[p] += at[d] * points[d, p]
    for p in range(n):
        distance2[p] = max(distance2[p] + length2, 0.0)
    reach2 = smallest(distance2, rank) + TINY
    near, n_near = np.empty(n + 1, np.int64), 0
    for p in range(n):
        near[n_near] = p
        n_near += distance2[p] < reach2
    total = 0.0
    mean = np.zeros(values.shape[1])
    for i in range(n_near):
        p = near[i]
        weight = 1.0 - distance2[p] / reach2
        total += weight
        for t in range(len(mean)):
            mean[t] += weight * values[p, t]
    for t in range(len(mean)):
        score[t] += mean[t] / total
