"""May the candidate replace what is in use? Two incumbents, since a router learns as it goes.

    the incumbent's model     what the artifact by itself would do on the tasks of the log
    what the log did          the model with all that the router had learned on top of it

The candidate must gain over the model, and must not be shown to be worse than what the log did. A
router that has learned that its model is wrong hardly takes the model's choices any more, so that
the log says too little of them; and of withheld texts no model but the candidate can be asked.
There the candidate must gain over what the log did.
"""

from pathlib import Path

from msgspec import Struct

from tracetier.api import compare
from tracetier.artifact import Artifact
from tracetier.errors import TableError
from tracetier.evaluate.comparison import Comparison
from tracetier.evaluate.policy_value import LOGS
from tracetier.evaluate.result import MIN_ESS
from tracetier.table import read_info


class Judgement(Struct, frozen=True, kw_only=True):
    """Whether the candidate may replace what is in use.

    Attributes
    ----------
    passes : bool
    comparison : Comparison
        The one that decides.
    beside : Comparison, optional
        The other one, where both can be made.
    reason : str, optional
        Why it does not pass although the one that decides does.
    """

    passes: bool
    comparison: Comparison
    beside: Comparison | None = None
    reason: str | None = None


def judge(
    incumbent: Artifact, candidate: Artifact, table: Path, *, lam: float, seed: int
) -> Judgement:
    """Hold a candidate against what is in use.

    Parameters
    ----------
    incumbent, candidate : Artifact
    table : Path
        Table of the decision log.
    lam : float
        Of both, and of the reward.
    seed : int
        Of the resampling.
    """
    if not read_info(table).has_text:
        live = compare(LOGS, candidate, table, lam=lam, seed=seed)
        return Judgement(passes=live.passes, comparison=live)
    model = compare(incumbent, candidate, table, lam=lam, seed=seed)
    try:
        live = compare(LOGS, candidate, table, lam=lam, seed=seed)
    except TableError:  # the same tasks were given to every tier: then the log chose none
        return Judgement(passes=model.passes, comparison=model)
    return verdict(model, live)


def verdict(model: Comparison, live: Comparison) -> Judgement:
    """Return what follows of both comparisons: against the model, and against the log."""
    if model.incumbent.ess < MIN_ESS <= model.candidate.ess:
        return Judgement(passes=live.passes, comparison=live, beside=model)
    if not model.passes or live.gain.high > 0:
        return Judgement(passes=model.passes, comparison=model, beside=live)
    return Judgement(
        passes=False,
        comparison=model,
        beside=live,
        reason="it is better than the incumbent's model, but worse than what the router had "
        f"learned on top of it ({live.gain.estimate:+.3f} of 10 per task)",
    )
