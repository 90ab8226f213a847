"""Changing the tier of a choice after it was made, with its probabilities kept exact.

Every layer above the learner that has a say after the draw is a map from tier to tier, fixed
before the draw is looked at. Then the probability of a tier is the sum over all that lead to it,
``p'(t) = sum of p(s) over s with map(s) = t``, whatever the strategy and whatever the layers below.
"""

from collections.abc import Sequence

from msgspec import structs

from tracetier.route.choice import Choice


def remap(choice: Choice, to: Sequence[int]) -> Choice:
    """Return the choice with every tier ``s`` replaced by ``to[s]``.

    Parameters
    ----------
    choice : Choice
        As a strategy made it, or as an earlier layer left it.
    to : sequence of int, length K
        Must not depend on ``choice.tier`` or ``choice.explored``, but on nothing random.

    Examples
    --------
    >>> from tracetier.route.choice import Choice
    >>> choice = Choice(1, 1, -1, False, 0.1, [0.05, 0.95], *([[0.0, 0.0]] * 6))
    >>> remap(choice, [0, 0]).propensities, remap(choice, [1, 0]).tier
    ([1.0, 0.0], 0)
    """
    propensities = [0.0] * len(choice.propensities)
    for tier, p in zip(to, choice.propensities, strict=True):
        propensities[tier] += p
    return structs.replace(
        choice, tier=to[choice.tier], greedy=to[choice.greedy], propensities=propensities
    )


def constant(choice: Choice, tier: int) -> Choice:
    """Return the choice with ``tier`` for certain."""
    propensities = [0.0] * len(choice.propensities)
    propensities[tier] = 1.0
    return structs.replace(
        choice, tier=tier, greedy=tier, explored=False, epsilon=0.0, propensities=propensities
    )


def swapped(choice: Choice, tier: int) -> Choice:
    """Return the choice with the greedy tier and ``tier`` changed one for the other.

    So ``tier`` is taken whenever the greedy one would have been, and every tier is still explored:
    the greedy one with the probability that ``tier`` had.
    """
    if tier == choice.greedy:
        return choice
    to = list(range(len(choice.propensities)))
    to[tier], to[choice.greedy] = choice.greedy, tier
    return remap(choice, to)


def confined(choice: Choice, allowed: Sequence[int], fallback: int) -> Choice:
    """Return the choice with every tier outside ``allowed`` replaced by ``fallback``.

    A strategy keeps to the allowed tiers by itself; this is the bolt behind it.
    """
    n_tiers = len(choice.propensities)
    return remap(choice, [tier if tier in allowed else fallback for tier in range(n_tiers)])
