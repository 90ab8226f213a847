"""The prior's statistics: shapes that fit the tiers, numbers that make sense."""

import numpy as np
import pytest

from tracetier.artifact.npz import Array
from tracetier.artifact.prior_arrays import prior_from_arrays, prior_to_arrays
from tracetier.artifact.save import ArtifactParts
from tracetier.errors import ArtifactError

FIELDS = ["n", "quality_mean", "cost_mean", "quality_var", "cost_var", "quality_tau2", "cost_tau2"]


@pytest.fixture
def arrays(parts: ArtifactParts) -> dict[str, Array]:
    """As saved: two buckets, two tiers."""
    return {name: array.copy() for name, array in prior_to_arrays(parts.prior).items()}


def test_reading_undoes_writing(parts: ArtifactParts, arrays: dict[str, Array]) -> None:
    """Names and every number."""
    back = prior_from_arrays(arrays, n_tiers=2, where="prior.npz")

    assert back.buckets == parts.prior.buckets
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(back, name), getattr(parts.prior, name))


@pytest.mark.parametrize("name", FIELDS)
def test_a_shape_that_fits_no_tier_or_bucket_is_told(name: str, arrays: dict[str, Array]) -> None:
    """One row, or entry, too many."""
    arrays[name] = np.concatenate((arrays[name], arrays[name][:1]))

    with pytest.raises(ArtifactError, match=rf"prior.npz: {name} is float64 \(3"):
        prior_from_arrays(arrays, n_tiers=2, where="prior.npz")


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", FIELDS)
def test_numbers_that_are_not_finite_are_told(
    name: str, value: float, arrays: dict[str, Array]
) -> None:
    """In each array."""
    arrays[name].flat[0] = value

    with pytest.raises(ArtifactError, match=f"{name} holds numbers that are not finite"):
        prior_from_arrays(arrays, n_tiers=2, where="prior.npz")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("n", -1.0, "n reaches from -1 to .*, expected 0 to inf"),
        ("quality_mean", 1.5, "quality_mean reaches from .* to 1.5, expected 0 to 1"),
        ("cost_var", -0.5, "cost_var reaches from -0.5"),
    ],
)
def test_numbers_out_of_range_are_told(
    name: str, value: float, words: str, arrays: dict[str, Array]
) -> None:
    """Counts and variances are not negative, means are in [0, 1]."""
    arrays[name].flat[0] = value

    with pytest.raises(ArtifactError, match=words):
        prior_from_arrays(arrays, n_tiers=2, where="prior.npz")


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("buckets", np.array(["a", "a"]), "holds a name twice"),
        ("buckets", np.array([1.0, 2.0]), "expected B names"),
        ("buckets", np.zeros(0, dtype="U1"), "expected B names"),
        ("n", np.array([1, 2], dtype=np.int64), "n is int64"),
        ("extra", np.zeros(1), r"holds the arrays .*'extra'"),
    ],
)
def test_other_arrays_are_told(
    name: str, array: Array, words: str, arrays: dict[str, Array]
) -> None:
    """Names that are none or twice the same, another type, an array too many."""
    arrays[name] = array

    with pytest.raises(ArtifactError, match=words):
        prior_from_arrays(arrays, n_tiers=2, where="prior.npz")


def test_a_missing_array_is_told(arrays: dict[str, Array]) -> None:
    """The message lists what is there and what should be."""
    del arrays["n"]

    with pytest.raises(ArtifactError, match=r"expected .*'n'"):
        prior_from_arrays(arrays, n_tiers=2, where="prior.npz")
