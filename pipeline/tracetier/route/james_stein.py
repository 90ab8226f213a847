"""How clearly a tier's pooled offset is one, and not noise."""


def positive_part(total: float, n: float, sigma2: float, alpha: float, noise: float) -> float:
    """Return the share of a discounted mean that is believed: ``max(0, 1 - noise / z^2)``.

    Most of the time no tier has drifted, and its offset is noise that sends tasks to the wrong
    tier; a real drift soon has a large z. With ``noise = 1`` it is the positive-part estimate of
    James and Stein (1961) for one mean, where the prior variance of the offset is what its square
    exceeds the noise by; half of that forgets less of what small offsets tell.

        z^2 = total^2 / (sigma^2 sum w^2)        sum w^2 = n (2 - alpha n) / (2 - alpha)

    with the weights ``w = (1 - alpha)^age`` of the sum, whose count ``n`` is ``sum w``.

    Parameters
    ----------
    total, n : float
        Discounted sum and count, ``n`` >= 0.
    sigma2 : float
        Variance of one report.
    alpha : float
        Discount per report, in [0, 1).
    noise : float
        >= 0; with 0 all is believed.

    Examples
    --------
    >>> [positive_part(s, 4.0, sigma2=1.0, alpha=0.0, noise=0.5) for s in (0.0, 1.0, 2.0, 20.0)]
    [0.0, 0.0, 0.5, 0.995]
    """
    unclear = noise * sigma2 * n * (2.0 - alpha * n) / (2.0 - alpha)
    square = total * total
    return 1.0 - unclear / square if square > unclear else 0.0
