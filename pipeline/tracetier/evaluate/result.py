"""What an evaluation found, as plain records that turn into JSON or a page.

Qualities are in [0, 1], costs in USD per task, rewards on the 0-10 scale of the reward formula;
every interval is a 95 % paired bootstrap over task groups.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Any

import msgspec
from msgspec import Struct

from tracetier.evaluate.figures import FrontierFigures
from tracetier.evaluate.importance import LoggedValue
from tracetier.measures.bootstrap import Interval


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


class Candidate(Struct, frozen=True, kw_only=True):
    """A policy at the evaluation's lambda, its frontier over all lambdas, or both."""

    at_lam: PolicyOutcome | None = None
    frontier: FrontierFigures | None = None


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
        reference's quality, solved on four fifths of the tasks and told on the last, in turn.
        Their intervals are those of the points that were solved: they are not solved again in
        each resample.
    controls : dict of str to Candidate
    gap_at_oracle : Interval
        Of the router at the evaluation's lambda.
    points : tuple of FrontierPoint
        The router's sweep, by lambda.
    two_tier : TwoTierFigures or None
        Where there are two tiers.
    """

    reference: str
    fixed: dict[str, PolicyOutcome]
    router: Candidate
    calibrated: dict[str, PolicyOutcome]
    controls: dict[str, Candidate]
    gap_at_oracle: Interval
    points: tuple[FrontierPoint, ...]
    two_tier: TwoTierFigures | None = None


class LoggedResult(Struct, frozen=True, kw_only=True):
    """Found on logged rows: the log's own mean, the router at lambda, and each fixed tier."""

    logged_quality: Interval
    logged_cost_usd: Interval
    router: LoggedValue
    fixed: dict[str, LoggedValue]


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
    notes: tuple[str, ...] = ()

    def summary(self) -> dict[str, Any]:  # Any: the shape of JSON
        """Return everything as JSON-ready data; what is undefined is ``None``."""
        found: dict[str, Any] = _plain(msgspec.to_builtins(self))
        found["headline"] = self.headline
        return found

    @property
    def headline(self) -> str:
        """The one sentence to remember."""
        if self.full is not None:
            return _full_headline(self.full)
        assert self.logged is not None
        return _logged_headline(self.logged, self.lam)


def percent(interval: Interval, digits: int = 1) -> str:
    """Write a share with its interval.

    Examples
    --------
    >>> percent(Interval(0.991, 0.985, 0.9971))
    '99.1 % [98.5, 99.7]'
    """
    return scaled(interval, f".{digits}f", scale=100.0, unit=" %")


def scaled(interval: Interval, spec: str, *, scale: float = 1.0, unit: str = "") -> str:
    """Write a value with its interval; what is undefined is a dash, and 0 has no sign.

    Examples
    --------
    >>> scaled(Interval(0.5, 0.25, 0.75), ".2f", unit=" USD")
    '0.50 USD [0.25, 0.75]'
    >>> scaled(Interval(0.0, -0.01, 0.5), ".1f")
    '0.0 [0.0, 0.5]'
    """
    if not isfinite(interval.estimate):
        return "-"
    head = f"{interval.estimate * scale:z{spec}}{unit}"
    if not isfinite(interval.low):
        return head
    return f"{head} [{interval.low * scale:z{spec}}, {interval.high * scale:z{spec}}]"


def counted(n: int, noun: str) -> str:
    """Write a number of things.

    Examples
    --------
    >>> counted(1, "order"), counted(3609, "order")
    ('1 order', '3,609 orders')
    """
    return f"{n:,} {noun}{'s' * (n != 1)}"


def _full_headline(found: FullResult) -> str:
    point, tier = found.calibrated["quality_99"], found.reference
    text = (
        f"Set beforehand to keep 99 % of {tier}'s quality, the router keeps "
        f"{percent(point.quality_kept)} at {percent(point.cost_share)} of its cost."
    )
    rival = _rival(found, point)
    if rival is not None:
        fixed = found.fixed[rival]
        text += (
            f" Always {rival}, which needs no router, keeps {percent(fixed.quality_kept)} at "
            f"{percent(fixed.cost_share)}."
        )
    return text


def _rival(found: FullResult, point: PolicyOutcome) -> str | None:
    """Return the best fixed tier that costs no more and whose quality is within the interval."""
    rivals = [
        name
        for name, fixed in found.fixed.items()
        if name != found.reference
        and fixed.cost_share.estimate <= point.cost_share.estimate
        and fixed.quality_kept.estimate >= point.quality_kept.low
    ]
    return max(rivals, key=lambda name: found.fixed[name].quality.estimate, default=None)


def _logged_headline(found: LoggedResult, lam: float) -> str:
    router = found.router
    if not router.is_supported:
        return (
            "The log holds too few rows on which the router takes the logged tier to claim a "
            f"value (effective sample size {router.ess:.0f})."
        )
    return (
        f"At lambda {lam:g} the router would have scored "
        f"{scaled(router.quality, '.2f', scale=10.0)} of 10 at "
        f"{scaled(router.cost_usd, '.3g', unit=' USD')} per task; the log's own choices scored "
        f"{scaled(found.logged_quality, '.2f', scale=10.0)} at "
        f"{scaled(found.logged_cost_usd, '.3g', unit=' USD')}."
    )


def _plain(value: Any) -> Any:  # Any: the shape of JSON
    """JSON knows no nan or infinity: what is undefined becomes null."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
