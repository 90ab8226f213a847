"""Why a tier was chosen, in short plain sentences made of what really decided it.

On the hot path: each sentence is one pass of formatting (by ``%``, which takes two thirds of the
time that an f-string takes), and one that says nothing is left out.
"""

from collections.abc import Sequence
from functools import lru_cache

from tracetier.heads.prior import Prediction
from tracetier.route.choice import Choice

_LEAST = 0.05
"""Least change of a reward, of 10, that is worth a sentence."""

_ONE, _MANY = "%s by %+.2f (%d report here)", "%s by %+.2f (%d reports here)"
_BEST = "%s scores best: %.2f +/- %.2f at lambda %g"
_NEAR_TIE = (
    "%s (%.2f +/- %.2f at lambda %g) and %s (%.2f +/- %.2f) are a near-tie, "
    "so the cheaper one is preferred"
)


def explain(
    choice: Choice,
    prediction: Prediction,
    *,
    tiers: tuple[str, ...],
    bucket: str,
    lam: float,
    allowed: Sequence[int],
    strategy: str,
    price: float = 0.0,
) -> list[str]:
    """Return the sentences: what the model expects, what feedback changed, what decided.

    Parameters
    ----------
    choice : Choice
        The decision.
    prediction : Prediction
        What the model said of the task.
    tiers : tuple of str, length K
        Names, cheap to dear.
    bucket : str
        Name of the context bucket.
    lam : float
        Lambda of the decision.
    price : float
        What the goal adds to it, >= 0.
    allowed : sequence of int
        Indices of the tiers that could be taken.
    strategy : str
        Name of the strategy; the published rule decides by its running means alone.
    """
    values: list[float] = []
    for quality, cost_usd in zip(prediction.quality, prediction.cost_usd):  # noqa: B905 - hot
        values.append(10.0 * quality)
        values.append(cost_usd)
    sentences = [_expected(tiers) % tuple(values)]
    if strategy.startswith("seed"):
        sentences.append(_running_means(choice, tiers, bucket))
    else:
        moved = _moved_by_feedback(choice, tiers)
        if moved:
            sentences.append(f"feedback moved, in bucket {bucket}, {moved}")
    if len(allowed) < len(tiers):
        sentences.append("only " + ", ".join([tiers[a] for a in allowed]) + " allowed")
    if price > 0.0:
        sentences.append(f"the goal puts a price of {price:.3g} on cost, beside lambda")
    sentences.append(_verdict(choice, tiers, lam, allowed))
    if choice.explored:
        sentences.append(
            f"{tiers[choice.tier]} was drawn at random, to learn; "
            f"it is taken with probability {choice.propensities[choice.tier]:.3g}"
        )
    return sentences


@lru_cache(maxsize=64)
def _expected(tiers: tuple[str, ...]) -> str:
    """Return the sentence with places for each tier's quality and cost."""
    names = [name.replace("%", "%%") for name in tiers]
    return "the model expects " + ", ".join(f"{name} %.1f of 10 at $%.2g" for name in names)


def _running_means(choice: Choice, tiers: Sequence[str], bucket: str) -> str:
    parts = [
        f"{name} {q:.2f} ({_reports(n)})"
        for name, q, n in zip(tiers, choice.reward, choice.n_reports, strict=True)
    ]
    return f"mean rewards so far in bucket {bucket}: " + ", ".join(parts)


def _reports(n: int) -> str:
    return "1 report" if n == 1 else f"{n} reports"


def _moved_by_feedback(choice: Choice, tiers: Sequence[str]) -> str:
    told: list[str] = []
    before, n_reports = choice.prior_reward, choice.n_reports
    for a, now in enumerate(choice.reward):
        change = now - before[a]
        if change > _LEAST or change < -_LEAST:
            n = n_reports[a]
            told.append((_ONE if n == 1 else _MANY) % (tiers[a], change, n))
    return ", ".join(told)


def _verdict(choice: Choice, tiers: Sequence[str], lam: float, allowed: Sequence[int]) -> str:
    greedy = choice.greedy
    name, reward = tiers[greedy], choice.reward[greedy]
    if len(allowed) == 1:
        return f"{name} is the only choice"
    if choice.near_tie_with >= 0:
        dearer = choice.near_tie_with
        own = name, reward, choice.sd[greedy], lam
        return _NEAR_TIE % (*own, tiers[dearer], choice.reward[dearer], choice.sd[dearer])
    if choice.sd[greedy] > 0.0:
        return _BEST % (name, reward, choice.sd[greedy], lam)
    return f"{name} scores best: {reward:.2f} at lambda {lam:g}"
