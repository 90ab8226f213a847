"""A few numbers that say what a text is about: latent semantic analysis of its hashed words.

Trees and neighbours cannot use thousands of words; sixteen directions in which the texts of the
training rows differ most they can. On grade-school mathematics, where text is all there is, they
are worth .01 of gap closed to the trees (docs/decisions.md).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracetier.train.design import Design
from tracetier.train.tfidf import inverse_document_frequency, unit_rows

Matrix = NDArray[np.float64]

N_CONCEPTS = 16
_MAX_ROWS = 20_000
"""Rows that the directions are found on; more only cost time."""


class Concepts(NamedTuple):
    """L directions in the space of W hashed words.

    Attributes
    ----------
    words : (W, L) array
        Weight of each word, its inverse document frequency folded in.
    idf2 : (W,) array
        Squared inverse document frequency; a row's text has the length ``sqrt(sum idf2)``.
    scale : float
        What makes the directions together as long as a text's typical share in them, 1.
    """

    words: Matrix
    idf2: NDArray[np.float64]
    scale: float

    def of(self, design: Design) -> Matrix:
        """Return the concepts of n rows, ``(n, L)``."""
        length = np.sqrt(design.words @ self.idf2)
        return np.asarray((design.words @ self.words) / np.where(length > 0, length, 1.0)[:, None])


def fit_concepts(design: Design, n_concepts: int = N_CONCEPTS) -> Concepts:
    """Find the directions (truncated singular value decomposition, Deerwester et al. 1990).

    Parameters
    ----------
    design : Design
        n rows.
    n_concepts : int
        At most this many; fewer where the texts differ in fewer ways, none without texts.
    """
    from sklearn.utils.extmath import randomized_svd

    idf = inverse_document_frequency(design.words)
    n = design.words.shape[0]
    rows = np.arange(n)
    if n > _MAX_ROWS:
        rows = np.sort(np.random.default_rng(0).choice(n, _MAX_ROWS, replace=False))
    text = unit_rows(design.words[rows], idf)
    n_known = int((idf > 0).sum())
    found = np.zeros((0, len(idf)))
    if text.nnz and min(len(rows), n_known) > 1:
        n_found = min(n_concepts, len(rows) - 1, n_known - 1)
        _, strength, found = randomized_svd(text, n_found, random_state=0)
        found = found[strength > 1e-9 * strength[0]]
    words = np.ascontiguousarray(found.T * idf[:, None])
    share = float((np.asarray(text @ found.T) ** 2).sum(axis=1).mean()) if len(found) else 0.0
    return Concepts(words, idf**2, 1.0 / share**0.5 if share > 0 else 1.0)
