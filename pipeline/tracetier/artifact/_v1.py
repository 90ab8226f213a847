"""Format 1: heads without concepts and without neighbours."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracetier.errors import ArtifactError

Array = NDArray[Any]


def heads_of_v1(heads: Mapping[str, Array], where: str) -> dict[str, Array]:
    """Add to the arrays of ``heads.npz`` what later formats hold: no concept and no neighbour.

    Parameters
    ----------
    heads : mapping of str to array
        As format 1 holds them.
    where : str
        Name of the file, for messages.

    Raises
    ------
    ArtifactError
        If the arrays that tell the sizes are missing or no tables.
    """
    words, center = heads.get("words"), heads.get("center")
    if words is None or center is None or words.ndim != 2 or center.ndim != 1:
        raise ArtifactError(
            f"{where}: words and center are missing or have the wrong shape; the artifact is "
            "damaged, save it again"
        )
    (n_words, n_targets), n_columns = words.shape, len(center)
    return {
        **heads,
        "concepts": np.zeros((n_words, 0)),
        "near_scale": np.zeros(n_columns),
        "near_points": np.zeros((0, n_columns)),
        "near_kind": np.zeros(0),
        "near_values": np.zeros((0, n_targets)),
        "near_setting": np.array([1.0, 0.0]),
    }
