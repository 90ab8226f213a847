"""What a comparison of two policies found, as plain records that turn into JSON."""

from typing import Any

import msgspec
from msgspec import Struct

from tracetier.evaluate.json_ready import json_ready
from tracetier.evaluate.number_format import scaled
from tracetier.evaluate.result import MIN_ESS
from tracetier.measures.bootstrap import Interval


class PolicyFacts(Struct, frozen=True, kw_only=True):
    """One side of a comparison.

    Attributes
    ----------
    name : str
        An artifact's id, a tier, or ``logs``.
    kind : str
        ``artifact``, ``tier`` or ``logs``.
    quality, cost_usd, reward : Interval
        Per task: in [0, 1], USD, and on the scale of 10.
    ess : float
        Effective sample size of the rows that speak of it.
    n_in_training : int
        Tasks that it was trained on, judged by models that had not seen them.
    is_training_table : bool
        Whether the table is, byte for byte, the one that it was trained on.
    """

    name: str
    kind: str
    quality: Interval
    cost_usd: Interval
    reward: Interval
    ess: float
    n_in_training: int = 0
    is_training_table: bool = False


class Comparison(Struct, frozen=True, kw_only=True):
    """Whether the candidate is better than the incumbent.

    Attributes
    ----------
    incumbent, candidate : PolicyFacts
    table : str
    lam, cost_ref : float
        Of all rewards: ``10 quality - lam min(1, cost_usd / cost_ref)``.
    gain : Interval
        Mean reward of the candidate less that of the incumbent, paired, on the scale of 10.
    quality_gain, cost_saved_usd : Interval
        What of it is quality (in [0, 1]), and USD per task that the candidate saves.
    n_rows, n_groups, n_logged : int
        Tasks (logged rows), independent groups of them, and rows of which one tier is known.
    is_observational : bool
        Whether propensities had to be estimated.
    seed, n_draws : int
    passes : bool
        Whether the lower bound of the gain is above 0 and enough rows speak of both.
    notes : tuple of str
    """

    incumbent: PolicyFacts
    candidate: PolicyFacts
    table: str
    lam: float
    cost_ref: float
    gain: Interval
    quality_gain: Interval
    cost_saved_usd: Interval
    n_rows: int
    n_groups: int
    n_logged: int
    is_observational: bool
    seed: int
    n_draws: int
    passes: bool
    notes: tuple[str, ...] = ()

    @property
    def headline(self) -> str:
        """The one sentence to remember."""
        who = f"{self.candidate.name} against {_called(self.incumbent)}"
        gain = f"{scaled(self.gain, '+.3f')} of 10 per task at lambda {self.lam:g}"
        if self.passes:
            return f"Passes: {who} gains {gain}, above 0 with its whole interval."
        if min(self.candidate.ess, self.incumbent.ess) < MIN_ESS:
            return f"Does not pass: too few rows speak of {who} to claim a gain ({gain})."
        return f"Does not pass: the gain of {who} is {gain}; its lower bound is not above 0."

    def summary(self) -> dict[str, Any]:  # Any: the shape of JSON
        """Return everything as JSON-ready data; what is undefined is ``None``."""
        found: dict[str, Any] = json_ready(msgspec.to_builtins(self))
        found["headline"] = self.headline
        return found


def _called(policy: PolicyFacts) -> str:
    return {"logs": "what the logs did", "tier": f"always {policy.name}"}.get(
        policy.kind, policy.name
    )
