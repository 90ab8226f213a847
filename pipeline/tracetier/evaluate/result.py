"""What an evaluation found, as plain records that turn into JSON or a page.

Qualities are in [0, 1], costs in USD per task, rewards on the 0-10 scale of the reward formula;
every interval is a 95 % paired bootstrap over task groups.
"""

from os import PathLike
from typing import Any

import msgspec
from msgspec import Struct

from tracetier.evaluate.calibration import TierCalibration
from tracetier.evaluate.call_share import CallShare
from tracetier.evaluate.coverage import KindCoverage
from tracetier.evaluate.figures import FrontierFigures
from tracetier.evaluate.inputs import InputWeight
from tracetier.evaluate.json_ready import json_ready
from tracetier.evaluate.learning_curve import LearningPoint
from tracetier.measures.bootstrap import Interval
from tracetier.measures.goal import GoalAnswer
from tracetier.measures.off_policy.intervals import Estimates

MIN_ESS = 50.0
"""Effective sample size, in rows, below which nothing is claimed."""


class PolicyOutcome(Struct, frozen=True, kw_only=True):
    """Outcome of one policy.

    Attributes
    ----------
    quality, cost_usd, reward : Interval
    quality_kept, cost_share, saving : Interval
        Quality and cost as a share of the best fixed tier's, and ``1 - cost_share``.
    share : dict of str to float
        Share of tasks sent to each tier.
    """

    quality: Interval
    cost_usd: Interval
    reward: Interval
    quality_kept: Interval
    cost_share: Interval
    saving: Interval
    share: dict[str, float]


class CurvePoint(Struct, frozen=True):
    """Mean quality that a frontier's policy of this mean cost gives, chosen on other tasks."""

    cost_usd: float
    quality: Interval


class Candidate(Struct, frozen=True, kw_only=True):
    """A policy at the evaluation's lambda, its frontier over all lambdas, or both.

    Attributes
    ----------
    at_lam : PolicyOutcome, optional
    frontier : FrontierFigures, optional
    curve : tuple of CurvePoint
        The frontier to draw, by cost; the oracle's is chosen in hindsight.
    """

    at_lam: PolicyOutcome | None = None
    frontier: FrontierFigures | None = None
    curve: tuple[CurvePoint, ...] = ()


class Versus(Struct, frozen=True, kw_only=True):
    """What the router has over another policy, on the same tasks under the same resampling.

    Attributes
    ----------
    gap_closed, aiq : Interval
        Differences of the frontiers' figures.
    reward : Interval
        Difference at the evaluation's lambda, on the scale of 10.
    """

    gap_closed: Interval
    aiq: Interval
    reward: Interval


class FrontierPoint(Struct, frozen=True):
    """One lambda of the router's sweep: means over all tasks."""

    lam: float
    quality: float
    cost_usd: float
    share: dict[str, float]


class TwoTierFigures(Struct, frozen=True, kw_only=True):
    """RouteLLM's figures, for two tiers: APGR, and the share of strong calls for PGR .5 and .8."""

    apgr: Interval
    cpt_50: Interval
    cpt_80: Interval


class FullResult(Struct, frozen=True, kw_only=True):
    """Found on tasks on which every tier ran.

    Attributes
    ----------
    reference : str
        The best fixed tier, which savings and shares are told against.
    fixed : dict of str to PolicyOutcome
        Every tier for all tasks, cheap to dear.
    router : Candidate
    calibrated : dict of str to PolicyOutcome
        ``"quality_99"`` and ``"quality_100"``: the least cost that keeps 99 % or all of the
        reference's quality, solved on four fifths of the tasks and told on the last, in turn, and
        solved again in each resample. ``"goal"``, where one was given: the same for its lambda.
    controls : dict of str to Candidate
    versus_bucket_mean : Versus, optional
        Whether the model is worth more than a mean per bucket.
    calibration : dict of str to TierCalibration
        How far predicted qualities can be taken at their word, per tier.
    gap_at_oracle : Interval
        Of the router at the evaluation's lambda.
    points : tuple of FrontierPoint
        The router's sweep, by lambda.
    two_tier : TwoTierFigures or None
        Where there are two tiers.
    call_share : CallShare, optional
        Quality and cost by the share of calls that go to the dear tier.
    """

    reference: str
    fixed: dict[str, PolicyOutcome]
    router: Candidate
    calibrated: dict[str, PolicyOutcome]
    controls: dict[str, Candidate]
    gap_at_oracle: Interval
    points: tuple[FrontierPoint, ...]
    versus_bucket_mean: Versus | None = None
    calibration: dict[str, TierCalibration] = {}
    two_tier: TwoTierFigures | None = None
    call_share: CallShare | None = None


class LoggedValue(Struct, frozen=True, kw_only=True):
    """What logged rows say of a policy, by self-normalised doubly robust estimates.

    Attributes
    ----------
    quality, cost_usd, reward : Interval
        In [0, 1], USD, and on the scale of 10.
    n_matched : int
        Rows on which the policy may take a tier that was seen.
    ess : float
        Effective sample size, in rows.
    is_supported : bool
        Whether ``ess`` is enough to claim the value.
    quality_by : Estimates, optional
        Quality by each off-policy estimator, for comparison; they differ where the model or the
        propensities are wrong.
    """

    quality: Interval
    cost_usd: Interval
    reward: Interval
    n_matched: int
    ess: float
    is_supported: bool
    quality_by: Estimates | None = None


class LoggedResult(Struct, frozen=True, kw_only=True):
    """Found on logged rows.

    Attributes
    ----------
    as_logged : LoggedValue
        What the log did.
    router : LoggedValue
        At the evaluation's lambda.
    fixed : dict of str to LoggedValue
        Every tier for all tasks.
    gain : Interval
        Reward of the router less that of the log, paired, on the scale of 10.
    n_logged, n_estimated : int
        Rows of which only some tiers are known, and those of them whose propensity had to be
        estimated: what the log's choice knew beyond the features is not corrected for there.
    at_goal : LoggedValue, optional
        Where a goal was given: each fold's tasks at the lambda that was solved on the others.
    """

    as_logged: LoggedValue
    router: LoggedValue
    fixed: dict[str, LoggedValue]
    gain: Interval
    n_logged: int
    n_estimated: int
    at_goal: LoggedValue | None = None


class PartFacts(Struct, frozen=True):
    """One training of a split: what was held out, and how many tasks on either side."""

    name: str
    n_train: int
    n_test: int


class SplitFacts(Struct, frozen=True):
    """How a table was divided to train the recipe anew: by time, source or group."""

    kind: str
    parts: tuple[PartFacts, ...]


class Evaluation(Struct, frozen=True, kw_only=True):
    """What the artifact would have done on a table.

    Attributes
    ----------
    artifact_id, table : str
    tiers : tuple of str
        Cheap to dear.
    lam : float
        Lambda of the router and of all rewards.
    cost_ref : float
        USD that count as reward cost 1.
    seed, n_draws : int
        Of the bootstrap, the folds and the random controls; resamples.
    n_tasks, n_groups : int
        Tasks (logged rows) that were used, and independent groups among them.
    n_left_out : int
        Tasks (logged rows) that lack an outcome.
    n_out_of_fold, n_fresh : int
        Tasks predicted by models that had not seen them in training, and tasks that were not in
        training at all.
    full : FullResult or None
    logged : LoggedResult or None
        One of the two.
    split : SplitFacts or None
        Where the recipe was trained anew, and its predictions are told in place of the artifact's.
    coverage : tuple of KindCoverage
        What was seen of each tier on each kind of task, and where the router sends it.
    inputs : tuple of InputWeight
        What the artifact's decisions rest on.
    learning : tuple of LearningPoint
        Where a learning curve was asked for.
    goal : GoalAnswer or None
        Where lambda was solved for a goal on these tasks.
    notes : tuple of str
        What limits these numbers.
    """

    artifact_id: str
    table: str
    tiers: tuple[str, ...]
    lam: float
    cost_ref: float
    seed: int
    n_draws: int
    n_tasks: int
    n_groups: int
    n_left_out: int
    n_out_of_fold: int
    n_fresh: int
    full: FullResult | None = None
    logged: LoggedResult | None = None
    split: SplitFacts | None = None
    coverage: tuple[KindCoverage, ...] = ()
    inputs: tuple[InputWeight, ...] = ()
    learning: tuple[LearningPoint, ...] = ()
    goal: GoalAnswer | None = None
    notes: tuple[str, ...] = ()

    def summary(self) -> dict[str, Any]:  # Any: the shape of JSON
        """Return everything as JSON-ready data; what is undefined is ``None``."""
        from tracetier.evaluate.verdict import judgement, would_change

        found: dict[str, Any] = json_ready(msgspec.to_builtins(self))
        found["headline"] = self.headline
        found["judgement"] = judgement(self)[0]
        found["would_change"] = list(would_change(self))
        return found

    @property
    def headline(self) -> str:
        """The one sentence to remember."""
        from tracetier.evaluate.verdict import headline

        return headline(self)

    def to_markdown(self) -> str:
        """Return the report as Markdown."""
        from tracetier.evaluate.report.markdown import markdown_report

        return markdown_report(self)

    def to_html(self, path: str | PathLike[str]) -> None:
        """Write the report as one HTML file that needs nothing else, not even a network.

        Raises
        ------
        SettingsError
            If the extra ``report`` is not installed.
        StorageError
            If the file cannot be written.
        """
        from tracetier.evaluate.report.html import write_html

        write_html(self, path)
