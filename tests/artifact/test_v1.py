"""Format 1 had neither concepts nor neighbours."""

import numpy as np
import pytest

from tracetier.artifact._v1 import heads_of_v1
from tracetier.errors import ArtifactError
from tracetier.heads.predictor import HeadArrays

V1 = {
    "words": np.zeros((2**14, 5)),
    "idf2": np.zeros(2**14),
    "center": np.zeros(3),
    "low": np.zeros(3),
    "high": np.ones(3),
    "dense": np.zeros((3, 5)),
    "buckets": np.zeros((2, 5)),
    "encoding": np.zeros((2, 5)),
    "reward_cost_scale": np.ones(2),
}


def test_old_heads_get_no_concept_and_no_neighbour() -> None:
    """What was there stays as it is, and the whole passes the audit of today."""
    got = HeadArrays.from_dict(heads_of_v1(V1, "heads.npz"))

    got.audit(n_tiers=2, n_columns=3, n_buckets=2)
    assert got.concepts.shape == (2**14, 0)
    assert len(got.near_points) == 0
    assert all(getattr(got, name) is not None for name in V1)


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param({}, id="nothing there"),
        pytest.param({**V1, "words": np.zeros(4)}, id="words are no table"),
        pytest.param({**V1, "center": np.zeros((3, 1))}, id="center is a table"),
    ],
)
def test_arrays_that_tell_no_size_are_refused(damaged: dict[str, np.ndarray]) -> None:
    """With the name of the file and the mend."""
    with pytest.raises(ArtifactError, match=r"heads.npz: .*save it again"):
        heads_of_v1(damaged, "heads.npz")
