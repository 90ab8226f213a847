"""The prior's statistics as arrays, and back with every shape and range checked."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracetier.errors import ArtifactError
from tracetier.heads.prior import PriorStats

Array = NDArray[Any]

# Means of predictions are in [0, 1] up to the rounding of a mean.
_SLACK = 1e-9


def prior_to_arrays(prior: PriorStats) -> dict[str, Array]:
    """Return the arrays of ``prior.npz``, one per field."""
    numbers = {name: np.asarray(getattr(prior, name), dtype=np.float64) for name in _ranges(1, 1)}
    return {"buckets": np.array(prior.buckets, dtype=np.str_), **numbers}


def prior_from_arrays(arrays: Mapping[str, Array], *, n_tiers: int, where: str) -> PriorStats:
    """Return the statistics held by the arrays of ``prior.npz``.

    Parameters
    ----------
    arrays : mapping of str to array
        As made by `prior_to_arrays`.
    n_tiers : int
        K, which the shapes must fit.
    where : str
        Name of the file, for messages.

    Raises
    ------
    ArtifactError
        If an array is missing or unknown, has another shape, or a number out of its range.
    """
    if arrays.keys() != set(PriorStats.__struct_fields__):
        raise ArtifactError(
            f"{where}: holds the arrays {sorted(arrays)}, expected "
            f"{sorted(PriorStats.__struct_fields__)}"
        )
    names = _bucket_names(arrays["buckets"], where)
    for name, (shape, high) in _ranges(len(names), n_tiers).items():
        _check(arrays[name], shape, high, f"{where}: {name}")
    numbers = {name: arrays[name] for name in _ranges(1, 1)}
    return PriorStats(buckets=names, **numbers)


def _ranges(n_buckets: int, n_tiers: int) -> dict[str, tuple[tuple[int, ...], float]]:
    """Return shape and largest value of each array; the smallest is 0."""
    return {
        "n": ((n_buckets,), np.inf),
        "quality_mean": ((n_buckets, n_tiers), 1.0),
        "cost_mean": ((n_buckets, n_tiers), 1.0),
        "quality_var": ((n_tiers,), np.inf),
        "cost_var": ((n_tiers,), np.inf),
        "quality_tau2": ((n_tiers,), np.inf),
        "cost_tau2": ((n_tiers,), np.inf),
    }


def _bucket_names(array: Array, where: str) -> tuple[str, ...]:
    if array.ndim != 1 or array.dtype.kind != "U" or not len(array):
        raise ArtifactError(f"{where}: buckets is {array.dtype} {array.shape}, expected B names")
    names = tuple(array.tolist())
    if len(set(names)) != len(names):
        raise ArtifactError(f"{where}: buckets holds a name twice")
    return names


def _check(array: Array, shape: tuple[int, ...], high: float, what: str) -> None:
    if array.shape != shape or array.dtype != np.float64:
        raise ArtifactError(f"{what} is {array.dtype} {array.shape}, expected float64 {shape}")
    if not np.isfinite(array).all():
        raise ArtifactError(f"{what} holds numbers that are not finite")
    if array.min() < -_SLACK or array.max() > high + _SLACK:
        raise ArtifactError(
            f"{what} reaches from {array.min():g} to {array.max():g}, expected 0 to {high:g}"
        )
