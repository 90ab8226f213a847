"""A tier that joined later is given its first decisions: every other one, where it may be explored.

Half of the probability goes to it until it was taken often enough, by one more draw while there
is such a tier, so the propensities stay exact.
"""

from collections.abc import Sequence
from random import Random

from tracetier.route.choice import Draw
from tracetier.route.residual_state import ResidualState
from tracetier.route.tally import Tally

_SHARE = 0.5
"""Probability of taking a tier that has just joined, until it was taken often enough."""


class BurnIn:
    """The tiers of a state that joined later; they are told by the little trust in their prior."""

    def __init__(self, state: ResidualState) -> None:
        most = state.params.channel.trust_max
        self.joined = [a for a, own in enumerate(state.quality.trust_most) if own < most]
        self._wanted = state.params.burn_in

    def mixed(self, propensities: list[float], explore: Sequence[int], tally: Tally) -> list[float]:
        """Return the propensities mixed half and half with a tier that is new, if there is one."""
        return self._with(self._new(explore, tally), propensities)

    def redraw(self, draw: Draw, explore: Sequence[int], tally: Tally, rng: Random) -> Draw:
        """Take a new tier instead, every other time."""
        new = self._new(explore, tally)
        if new < 0:
            return draw
        propensities = self._with(new, draw.propensities)
        if rng.random() < _SHARE:
            return Draw(new, True, propensities)
        return Draw(draw.tier, draw.explored, propensities)

    def _new(self, explore: Sequence[int], tally: Tally) -> int:
        """Return a tier that joined and was not yet taken often enough, -1 where there is none."""
        for a in self.joined:
            if a in explore and tally.n_tier[a] < self._wanted:
                return a
        return -1

    def _with(self, new: int, propensities: list[float]) -> list[float]:
        if new < 0:
            return propensities
        mixed = [(1.0 - _SHARE) * p for p in propensities]
        mixed[new] += _SHARE
        return mixed
