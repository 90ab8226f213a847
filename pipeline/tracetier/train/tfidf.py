"""Hashed words → rows of unit length, rare words weighing more.

Ridge, concepts and neighbours all see a text in this way, and the served arrays hold the weights
of it once.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

Vector = NDArray[np.float64]

_MIN_DOCUMENTS = 2


def inverse_document_frequency(words: csr_array) -> Vector:
    """Weight of each hashed word, ``log((1 + n) / (1 + n_word)) + 1``, ``(W,)``.

    0 for a word that fewer than two of the n rows hold: it can only be learned by heart.
    """
    n = words.shape[0]
    count = np.asarray(words.sum(axis=0)).ravel()
    return np.asarray(np.where(count >= _MIN_DOCUMENTS, np.log((1 + n) / (1 + count)) + 1, 0.0))


def unit_rows(words: csr_array, idf: Vector) -> csr_array:
    """Weigh the words by ``idf`` and scale each row to length 1; a row of unknown words is 0."""
    weighted = words @ diags_array(idf)
    length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    return csr_array(diags_array(1.0 / np.where(length > 0, length, 1.0)) @ weighted)
