"""How far a channel's parts are trusted: prior against reports, tier against common slope."""

from collections.abc import Sequence

_MOST_EVIDENCE = 4.0
"""Most that one cell may say of tau^2 / sigma^2: one absurd cell must not end all trust."""


def trust(sigma2: float, tau2: float, *, least: float, most: float) -> float:
    """Return n0 = clip(sigma^2 / tau^2, least, most): reports that the prior counts for.

    Examples
    --------
    >>> trust(0.09, 0.009, least=1, most=40), trust(0.09, 0.0, least=1, most=40)
    (10.0, 40)
    """
    if sigma2 >= most * tau2:
        return most
    return max(least, sigma2 / tau2)


def slopes(
    xy: Sequence[float],
    xx: Sequence[float],
    n: Sequence[float],
    sigma2: float,
    slope_trust: float,
    slope_pool: float,
) -> list[float]:
    """Return beta per tier: the share of the prior's within-bucket variation that is confirmed.

    One slope over all tiers, shrunk towards 1; then each tier's, shrunk towards that one:

        v      = sum xx / sum n                                   mean square of d so far
        common = (k + sum xy) / (k + sum xx)                      k  = max(slope_trust v, s^2)
        beta_a = clip((k' common + xy_a) / (k' + xx_a), -1, 1)    k' = max(slope_pool v, s^2)

    The k count reports of typical variation. Their second bound, with s^2 the mean of sigma^2, is
    that of a unit-variance prior on the slope; without it the first report at a tiny d would throw
    beta about.

    Examples
    --------
    >>> slopes([0.0], [0.0], [0.0], sigma2=0.01, slope_trust=20, slope_pool=30)
    [1.0]
    >>> slopes([0.0], [2.0], [200.0], sigma2=0.01, slope_trust=20, slope_pool=30)
    [0.0118...]
    """
    n_all, xx_all = sum(n), sum(xx)
    if n_all <= 0.0:
        return [1.0] * len(n)
    typical = xx_all / n_all
    held = slope_trust * typical
    if held < sigma2:
        held = sigma2
    common = (held + sum(xy)) / (held + xx_all)
    held = slope_pool * typical
    if held < sigma2:
        held = sigma2
    pulled, found = held * common, []
    for a, own in enumerate(xx):
        beta = (pulled + xy[a]) / (held + own)
        found.append(1.0 if beta > 1.0 else -1.0 if beta < -1.0 else beta)
    return found


def evidence(total: float, n: float, *, sigma2: float) -> tuple[float, float]:
    """Return one cell's weight and weighted say on tau^2 / sigma^2.

    ``w = N / (N + 5)`` and ``w min(4, (S/N)^2 / sigma^2 - 1/N)``: the squared offset, less what
    noise alone would make of it, in units of the tier's own sigma^2 so that tiers can be pooled.

    Examples
    --------
    >>> evidence(5.0, 5.0, sigma2=0.5)  # an offset of 1 is twice the variance
    (0.5, 0.9)
    """
    if n <= 0.0:
        return 0.0, 0.0
    weight = n / (n + 5.0)
    mean = total / n
    return weight, weight * min(_MOST_EVIDENCE, mean * mean / sigma2 - 1.0 / n)
