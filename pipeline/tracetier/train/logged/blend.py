"""How to average the heads where most targets are pseudo-outcomes.

A pseudo-outcome of three tiers is some six times as noisy as an outcome, so a head that looks
inside of a bucket needs many more rows before it sees more than noise: the weight moves from the
bucket means to the fixed blend as rows come (docs/decisions.md).
"""

HALF_WAY_ROWS = 3_000
"""Logged rows at which the blend is half way from bucket means to that of full information."""


def trust_in_heads(n_logged: int) -> float:
    """Weight of what looks inside of a kind of task, beside the kind's plain mean.

    Examples
    --------
    >>> trust_in_heads(1000), trust_in_heads(3000)
    (0.25, 0.5)
    """
    return n_logged / (n_logged + HALF_WAY_ROWS)


def logged_blend(blend: tuple[float, ...], n_logged: int, *, has_types: bool) -> tuple[float, ...]:
    """Move a blend towards the bucket means, its first weight, where logged rows are few.

    Parameters
    ----------
    blend : tuple of float, length H
        Sums to 1; bucket means first.
    n_logged : int
    has_types : bool
        Without task types the buckets are made from the outcomes, and the blend stays.

    Examples
    --------
    >>> logged_blend((0.5, 0.25, 0.0, 0.25), 1000, has_types=True)
    (0.875, 0.0625, 0.0, 0.0625)
    """
    if not has_types:
        return blend
    share = trust_in_heads(n_logged)
    moved = tuple(share * weight for weight in blend)
    return (moved[0] + 1.0 - share, *moved[1:])
