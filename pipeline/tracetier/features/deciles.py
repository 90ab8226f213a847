"""How a column was spread over the training tasks, in tenths: what live values are held against."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

N_BINS = 10

_METRICS_KEY = "inputs"


class Deciles(Struct, frozen=True, kw_only=True):
    """The training spread of d columns.

    Attributes
    ----------
    columns : tuple of str, length d
    edges : (d, 9) rows of float
        Inner edges of each column's bins, rising.
    shares : (d, 10) rows of float
        Share of the training tasks in each bin: a tenth each where all values differ.
    """

    columns: tuple[str, ...]
    edges: tuple[tuple[float, ...], ...]
    shares: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        if not len(self.columns) == len(self.edges) == len(self.shares):
            raise ValueError("columns, edges and shares are not equally many")
        if any(len(row) != N_BINS - 1 for row in self.edges) or any(
            len(row) != N_BINS for row in self.shares
        ):
            raise ValueError(f"a column has other than {N_BINS} bins")


def deciles(values: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return the nine inner decile edges of a training column, and the share in each bin.

    Where values repeat, edges coincide and the shares tell how much fell into each bin. Unknown
    values (NaN) are left out; a column without values has edges at 0.

    Examples
    --------
    >>> edges, shares = deciles([float(i) for i in range(100)])
    >>> edges[0], shares[0]
    (10.0, 0.1)
    """
    known = sorted(value for value in values if value == value)
    if not known:
        return [0.0] * (N_BINS - 1), [1.0 / N_BINS] * N_BINS
    edges = [known[min(len(known) - 1, len(known) * i // N_BINS)] for i in range(1, N_BINS)]
    counts = [0.0] * N_BINS
    for value in known:
        counts[bisect_right(edges, value)] += 1.0
    return edges, [count / len(known) for count in counts]


def columns_deciles(columns: Mapping[str, Sequence[float]]) -> dict[str, object]:
    """Return the deciles of named columns in JSON types, for an artifact's figures.

    A column without any value tells nothing and is left out.
    """
    named = {
        name: deciles(values)
        for name, values in columns.items()
        if any(value == value for value in values)
    }
    return {
        "columns": list(named),
        "edges": [edges for edges, _ in named.values()],
        "shares": [shares for _, shares in named.values()],
    }


def deciles_of(metrics: object) -> Deciles | None:
    """Return the deciles among an artifact's figures; ``None`` where it was made without.

    Examples
    --------
    >>> deciles_of({"value": 1.0}) is None
    True
    """
    found = metrics.get(_METRICS_KEY) if isinstance(metrics, Mapping) else None
    try:
        return None if found is None else msgspec.convert(found, Deciles)
    except msgspec.ValidationError:
        return None  # figures are no part of what an audit promises
