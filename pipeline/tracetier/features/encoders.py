"""Sentence encoders: optional plug-ins that turn texts into vectors.

Any callable from a list of texts to an array will do. An artifact keeps the name of its encoder,
never its code, so the process that loads the artifact must know an encoder of that name:
``"wordllama"`` comes with the extra ``embeddings`` (static vectors, part of the installed package,
no network), any other is made known with ``register_encoder``.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike, NDArray

from tracetier.errors import ArtifactError, SettingsError

Encode = Callable[[list[str]], ArrayLike]
Matrix = NDArray[np.float64]

WORDLLAMA = "wordllama"
N_AXES = 16
"""Directions of the vectors that are kept; small tables cannot use more."""

_known: dict[str, Encode] = {}


def register_encoder(name: str, encode: Encode) -> None:
    """Make an encoder known to this process under a name; an earlier one is replaced.

    Parameters
    ----------
    name : str
        What an artifact that was trained with it will call it.
    encode : callable
        From n texts to n vectors of one length, the same for the same text every time.
    """
    if not name:
        raise SettingsError("the encoder has no name; give one, such as 'minilm'")
    _known[name] = encode


def encoder(name: str) -> Encode:
    """Return the encoder of this name.

    Raises
    ------
    ArtifactError
        If the process knows none of this name.
    """
    if name in _known:
        return _known[name]
    if name == WORDLLAMA:
        return _wordllama()
    raise ArtifactError(
        f"the artifact's texts are encoded by {name!r}, which this process does not know; call "
        f"register_encoder({name!r}, encode) before loading"
    )


def name_of(encode: Encode) -> str:
    """Return the name under which a callable is registered when training is given it."""
    name: str = getattr(encode, "__qualname__", type(encode).__qualname__)
    return name


@lru_cache(maxsize=1)
def _wordllama() -> Encode:
    from pathlib import Path

    try:
        import wordllama  # type: ignore[import-untyped, import-not-found, unused-ignore]
    except ImportError as error:
        raise SettingsError(
            "the encoder 'wordllama' is not installed; install tracetier[embeddings]"
        ) from error
    # Weights and tokenizer lie in the package; its own search looks for the latter elsewhere.
    folder = Path(wordllama.__file__).parent
    model = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)

    def encode(texts: list[str]) -> ArrayLike:
        found: ArrayLike = model.embed(texts, norm=True)
        return found

    return encode


class Embedding(Struct, frozen=True, kw_only=True):
    """How a model sees an encoder's vectors: along the axes in which training texts differ most.

    Attributes
    ----------
    encoder : str
        Name.
    mean : tuple of float, length e
        Of the training texts.
    axes : tuple of tuples of float, e of them of length m
    """

    encoder: str
    mean: tuple[float, ...]
    axes: tuple[tuple[float, ...], ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the m columns."""
        return tuple(f"embedding_{j}" for j in range(len(self.axes[0]) if self.axes else 0))

    def of(self, texts: list[str]) -> Matrix:
        """Return the coordinates of n texts, ``(n, m)``."""
        vectors = vectors_of(encoder(self.encoder), texts)
        return np.asarray((vectors - np.array(self.mean)) @ np.array(self.axes))


def vectors_of(encode: Encode, texts: list[str]) -> Matrix:
    """Encode texts, and check what comes back, ``(n, e)``.

    Raises
    ------
    SettingsError
        If it is no finite matrix of a row per text.
    """
    found = np.asarray(encode(texts), dtype=np.float64)
    if found.ndim != 2 or len(found) != len(texts) or not np.isfinite(found).all():
        raise SettingsError(
            f"the encoder gave an array of shape {found.shape} for {len(texts)} texts, expected "
            "finite numbers, one row per text"
        )
    return found


def fit_embedding(name: str, texts: list[str], n_axes: int = N_AXES) -> tuple[Embedding, Matrix]:
    """Find the axes (principal components) on training texts.

    Returns
    -------
    Embedding
    (n, m) array
        Coordinates of the texts.
    """
    vectors = vectors_of(encoder(name), texts)
    mean = vectors.mean(axis=0)
    _, axes = np.linalg.eigh((vectors - mean).T @ (vectors - mean))
    kept = np.ascontiguousarray(axes[:, ::-1][:, :n_axes])
    found = Embedding(
        encoder=name, mean=tuple(mean.tolist()), axes=tuple(map(tuple, kept.tolist()))
    )
    return found, (vectors - mean) @ kept
