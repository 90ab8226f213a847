"""The state of a strategy before any decision."""

from collections.abc import Sequence

import numpy as np

from tracetier.errors import ArtifactError
from tracetier.heads.prior import PriorStats
from tracetier.route.state.document import FORMAT, MAX_PENDING, PENDING_TTL_S, StateDocument
from tracetier.route.strategy import StrategyParams, start_strategy
from tracetier.route.tally import Counts


def start_document(
    name: str,
    prior: PriorStats,
    *,
    params: StrategyParams | None,
    artifact_id: str,
    tiers: Sequence[str],
    cost_ref_usd: float,
    lam: float,
    epoch: str = "",
    max_pending: int | None = None,
    pending_ttl_s: float | None = None,
) -> StateDocument:
    """Return the state of a strategy before any decision.

    Raises
    ------
    ArtifactError
        If the prior has another shape than buckets by tiers, or a number that is not finite.
    SettingsError
        For an unknown strategy, or settings of another one.
    """
    _check_prior(prior, n_tiers=len(tiers))
    strategy = start_strategy(name, prior, params=params, lam=lam)
    return StateDocument(
        format=FORMAT,
        artifact_id=artifact_id,
        tiers=list(tiers),
        buckets=list(prior.buckets),
        cost_ref_usd=cost_ref_usd,
        lam=lam,
        strategy=strategy.state,
        counts=Counts(),
        decisions=[[0] * len(tiers) for _ in prior.buckets],
        pending={},
        applied=[],
        epoch=epoch,
        pending_ttl_s=PENDING_TTL_S if pending_ttl_s is None else pending_ttl_s,
        max_pending=MAX_PENDING if max_pending is None else max_pending,
    )


def _check_prior(prior: PriorStats, *, n_tiers: int) -> None:
    n_buckets = len(prior.buckets)
    shapes = {
        "n": (n_buckets,),
        "quality_mean": (n_buckets, n_tiers),
        "cost_mean": (n_buckets, n_tiers),
        "quality_var": (n_tiers,),
        "cost_var": (n_tiers,),
        "quality_tau2": (n_tiers,),
        "cost_tau2": (n_tiers,),
    }
    for name, shape in shapes.items():
        values = np.asarray(getattr(prior, name))
        if values.shape != shape or not np.isfinite(values).all():
            raise ArtifactError(
                f"prior.{name} is {values.tolist()}, expected finite numbers of shape {shape} for "
                f"{n_buckets} buckets and {n_tiers} tiers; train the artifact again"
            )
