"""How clearly an offset is one, and not noise."""

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


TINY_N = 1e-12
"""Stands for a count of 0, so that a cell without prior trust and data has offset 0."""


def clear_mean(
    total: float, n: float, held: float, sigma2: float, alpha: float, noise: float
) -> float:
    """Return ``total / held`` as far as it is clear: times ``max(0, 1 - noise / z^2)``.

    Where the prior is right an offset is noise that sends tasks to the wrong tier; a real one soon
    has a large z. With ``noise = 1`` it is the positive-part estimate of James and Stein (1961) for
    one mean, where the prior variance of the offset is what its square exceeds the noise by. What
    is taken off is never more than ``sqrt(noise)`` standard errors of the mean.

        z^2 = total^2 / (sigma^2 sum w^2)        sum w^2 = n max(1, 2 - alpha n) / (2 - alpha)

    with the weights ``w = (1 - alpha)^age`` of the sum, whose count ``n`` is ``sum w``. Of one sum
    ``n`` is at most ``1 / alpha``; where states were merged it is more.

    Parameters
    ----------
    total, n : float
        Discounted sum and count, ``n`` >= 0.
    held : float
        The count with what holds the mean at 0, >= ``n``; 0 is taken for `TINY_N`.
    sigma2 : float
        Variance of one report.
    alpha : float
        Discount per report, in [0, 1).
    noise : float
        >= 0; with 0 all is believed.

    Examples
    --------
    >>> [clear_mean(s, 4.0, 5.0, sigma2=1.0, alpha=0.0, noise=0.5) for s in (0.0, 1.0, 2.0, 20.0)]
    [0.0, 0.0, 0.2, 3.98]
    """
    rest = 2.0 - alpha * n
    unclear = noise * sigma2 * n * (rest if rest > 1.0 else 1.0) / (2.0 - alpha)
    square = total * total
    return total / (held or TINY_N) * (1.0 - unclear / square) if square > unclear else 0.0


def positive_parts(
    total: Matrix, n: Matrix, sigma2: Matrix, *, alpha: float, noise: float
) -> Matrix:
    """Return the share of many means that `clear_mean` believes; the arguments are broadcast.

    Examples
    --------
    >>> positive_parts(np.array([1.0, 2.0]), np.array(4.0), np.array(1.0), alpha=0.0, noise=0.5)
    array([0. , 0.5])
    """
    unclear = noise * sigma2 * n * np.maximum(1.0, 2.0 - alpha * n) / (2.0 - alpha)
    square = total * total
    is_clear = square > unclear
    return np.where(is_clear, 1.0 - unclear / np.where(is_clear, square, 1.0), 0.0)
