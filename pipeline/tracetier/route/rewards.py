"""Several rewards of one decision → its quality, by an explicit map from names to directions.

``hallucination: 1`` is bad and ``correctness: 1`` is good, so a name that is not in the map is
never averaged in, only listed.
"""

import math
from collections.abc import Mapping
from numbers import Real
from typing import Literal, NamedTuple

from msgspec import Struct

from tracetier.errors import FeedbackError, SettingsError


class RewardRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a reward of some name says of quality.

    Attributes
    ----------
    better : {"high", "low"}
        Which end of the scale is good.
    low, high : float
        Ends of the scale, low < high.
    weight : float
        Its weight in the mean, > 0.
    """

    better: Literal["high", "low"] = "high"
    low: float = 0.0
    high: float = 1.0
    weight: float = 1.0


class Joined(NamedTuple):
    """Quality in [0, 10] of the rewards that the map knows, and the names that it does not."""

    quality_10: float | None
    unused: tuple[str, ...]


class RewardMap:
    """Rules by the name of the reward.

    Parameters
    ----------
    rules : mapping of str to RewardRule

    Raises
    ------
    SettingsError
        If a scale has no length, or a weight is not positive.

    Examples
    --------
    >>> rewards = RewardMap({
    ...     "tests_passed": RewardRule(weight=3.0),
    ...     "complaints": RewardRule(better="low", high=4.0),
    ... })
    >>> rewards.join("d1", {"tests_passed": 1.0, "complaints": 2, "mood": 3})
    Joined(quality_10=8.75, unused=('mood',))
    """

    def __init__(self, rules: Mapping[str, RewardRule]) -> None:
        self.rules = dict(rules)
        for name, rule in self.rules.items():
            if not -math.inf < rule.low < rule.high < math.inf:
                raise SettingsError(
                    f"reward {name!r} goes from low = {rule.low:g} to high = {rule.high:g}; low "
                    'must be less than high, say better = "low" where low values are good'
                )
            if not 0.0 < rule.weight < math.inf:
                raise SettingsError(f"reward {name!r} has weight {rule.weight:g}, must be > 0")

    def join(self, decision_id: str, rewards: Mapping[str, float]) -> Joined:
        """Return the weighted mean of the known rewards, each on its scale from bad to good.

        Raises
        ------
        FeedbackError
            For a known reward that is no number, or off its scale.
        """
        total = weights = 0.0
        # In the order of the rules: the same rewards give the same bits however they are listed.
        for name, rule in self.rules.items():
            if name in rewards:
                total += rule.weight * _share(decision_id, name, rewards[name], rule)
                weights += rule.weight
        unused = [name for name in rewards if name not in self.rules]
        return Joined(10.0 * min(1.0, total / weights) if weights else None, tuple(unused))


def _share(decision_id: str, name: str, value: object, rule: RewardRule) -> float:
    if not isinstance(value, Real) or not rule.low <= float(value) <= rule.high:
        raise FeedbackError(
            f"feedback for {decision_id!r}: reward {name!r} is {value!r}, must be a number from "
            f"{rule.low:g} to {rule.high:g}; leave it out where it is unknown, or widen its scale"
        )
    share = (float(value) - rule.low) / (rule.high - rule.low)
    return 1.0 - share if rule.better == "low" else share
