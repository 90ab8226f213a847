"""Sentence encoders by name: the model keeps the name, the process knows the code."""

import numpy as np
import pytest

from tracetier.errors import ArtifactError, SettingsError
from tracetier.features.encoders import (
    WORDLLAMA,
    encoder,
    fit_embedding,
    name_of,
    register_encoder,
    vectors_of,
)
from tracetier.features.text import view_text
from tracetier.features.words import HASH_BITS, crcs, hash_words

TEXTS = ["sort a list", "sort the rows", "what is 2 + 2", "what is 3 * 3", "write a poem"]


def hashed(texts: list[str]) -> np.ndarray:
    """A small real encoder: hashed words, folded to 32 numbers by a fixed random projection."""
    projection = np.random.default_rng(0).normal(size=(1 << HASH_BITS, 32))
    return np.array(
        [projection[hash_words(view_text(t).tokens, crcs([]))].sum(axis=0) for t in texts]
    )


@pytest.fixture(autouse=True)
def _registered() -> None:
    register_encoder("hashed", hashed)


def test_a_registered_encoder_is_found_by_its_name() -> None:
    """The same callable; a later one of the same name takes its place."""
    assert encoder("hashed") is hashed
    assert name_of(hashed) == "hashed"


def test_an_unknown_encoder_says_how_to_make_it_known() -> None:
    """An artifact that was trained elsewhere."""
    with pytest.raises(ArtifactError, match=r"'minilm'.*register_encoder\('minilm', encode\)"):
        encoder("minilm")
    with pytest.raises(SettingsError, match="no name"):
        register_encoder("", hashed)


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(np.zeros(5), id="a vector"),
        pytest.param(np.zeros((4, 3)), id="a text missing"),
        pytest.param(np.full((5, 3), np.nan), id="nan"),
    ],
)
def test_what_an_encoder_gives_is_checked(found: np.ndarray) -> None:
    """Before it can spoil a model."""
    with pytest.raises(SettingsError, match="for 5 texts, expected finite numbers"):
        vectors_of(lambda texts: found, TEXTS)


def test_the_axes_keep_the_differences_between_texts() -> None:
    """Five texts differ in four ways at most, so their distances survive the projection."""
    embedding, coordinates = fit_embedding("hashed", TEXTS)

    assert embedding.columns[0] == "embedding_0"
    assert coordinates.shape == (5, len(embedding.columns)) == (5, 16)
    np.testing.assert_allclose(embedding.of(TEXTS), coordinates, atol=1e-9)
    vectors = hashed(TEXTS)
    for a in range(5):
        far = np.linalg.norm(vectors[a] - vectors, axis=1)
        np.testing.assert_allclose(np.linalg.norm(coordinates[a] - coordinates, axis=1), far)


def test_static_vectors_come_with_the_package() -> None:
    """No network: weights and tokenizer lie in the installed wheel."""
    pytest.importorskip("wordllama")

    found = vectors_of(encoder(WORDLLAMA), ["sort a list", "sort the list", "a poem on rain"])

    assert found.shape == (3, 256)
    assert found[0] @ found[1] > found[0] @ found[2]
