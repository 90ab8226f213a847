"""Which targets were seen on the same rows, so that one preparation serves all their fits."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.intp]


def shared_rows(y: NDArray[np.float64]) -> Iterator[tuple[Index, list[int]]]:
    """Group targets by the rows on which they were seen.

    Parameters
    ----------
    y : (n, T) array
        ``nan`` where not seen.

    Yields
    ------
    tuple of (m,) array and list of int
        Rows, ascending, and the targets seen on just these; none for targets never seen.

    Examples
    --------
    >>> nan = np.nan
    >>> [(rows.tolist(), of) for rows, of in shared_rows(np.array([[1, nan, 2], [3, 4, 5]]))]
    [([0, 1], [0, 2]), ([1], [1])]
    """
    by_rows: dict[bytes, list[int]] = {}
    seen = ~np.isnan(y)
    for target in range(y.shape[1]):
        by_rows.setdefault(seen[:, target].tobytes(), []).append(target)
    for targets in by_rows.values():
        rows = np.flatnonzero(seen[:, targets[0]])
        if rows.size:
            yield rows, targets
