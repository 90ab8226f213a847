"""A feature table on disk → an artifact on disk. All I/O of a training run happens here."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from tracetier.artifact.load import Artifact, load_artifact
from tracetier.artifact.save import ArtifactParts, save_artifact
from tracetier.errors import SettingsError, TableError, TrainingError
from tracetier.features.task_hash import task_hashes
from tracetier.measures.frontier import QUALITY_SCALE, Frontier, sweep
from tracetier.settings import Settings, load_settings
from tracetier.table import read_table, read_tiers, table_fingerprint
from tracetier.tiers import Tier, TierSet
from tracetier.train.card import render_card
from tracetier.train.metrics import training_metrics
from tracetier.train.model import TrainedModel, fit_model
from tracetier.train.rows import TaskRows, task_rows

Progress = Callable[[str, float], None]


def train(
    table: str | Path,
    out: str | Path,
    *,
    lam: float | None = None,
    budget_usd: float | None = None,
    quality_floor: float | None = None,
    seed: int | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Artifact:
    """Fit quality and cost of every tier on a feature table, and save the artifact.

    Parameters
    ----------
    table : path
        As ``ingest`` writes it.
    out : path
        Directory of the artifact, or a file ``*.tar.zst``.
    lam : float, optional
        Default lambda of the artifact; by default that of the settings.
    budget_usd : float, optional
        Solve lambda out of fold for a mean cost per task, USD.
    quality_floor : float, optional
        Solve lambda out of fold for a mean quality, 0-10.
    seed : int, optional
        By default that of the settings.
    settings : Settings, optional
        By default ``tracetier.toml`` and the environment.
    progress : callable, optional
        Told what is being done and the share that is done.

    Returns
    -------
    Artifact
        Loaded again from where it was saved, so it is known to load.

    Raises
    ------
    SettingsError
        If more than one of ``lam``, ``budget_usd`` and ``quality_floor`` is given, or one that
        cannot be met.
    TableError, LeakageError
        If the table cannot be read, or holds an outcome among its features.
    TrainingError
        If nothing can be learned from the rows.
    """
    _check_goal(lam, budget_usd, quality_floor)
    settings = settings or load_settings()
    seed = settings.seed if seed is None else seed
    tell = progress or (lambda what, share: None)
    tell("reading", 0.0)
    declared = _tier_set(table, settings)
    rows = _usable(task_rows(read_table(table), declared), declared.names)
    tiers = _with_models(declared, rows)
    model = fit_model(
        rows, seed=seed, n_folds=settings.folds, n_jobs=settings.n_jobs, progress=tell
    )
    chosen_lam = _solve_lam(model, rows, budget_usd, quality_floor)
    if chosen_lam is None:
        chosen_lam = settings.lam if lam is None else lam
    metrics = training_metrics(model, rows, tiers.names, chosen_lam)
    tell("saving", 1.0)
    parts = ArtifactParts(
        tiers=tiers,
        features=model.features.to_dict(),
        feature_fingerprint=model.features.fingerprint,
        table_fingerprint=table_fingerprint(table),
        heads=model.heads.to_dict(),
        trees=model.trees,
        prior=model.prior,
        oof={
            "task_hash": task_hashes(rows.tasks_by_hash),
            "quality": model.held_out.quality,
            "cost_usd": model.held_out.cost_usd,
            "cost": model.held_out.cost,
            "fold": model.folds,
        },
        metrics=metrics,
        card=render_card(metrics, tiers, table=Path(table).name),
        seed=seed,
        lam=chosen_lam,
        cost_ref=model.cost_ref,
    )
    return load_artifact(save_artifact(out, parts=parts))


def _check_goal(lam: float | None, budget_usd: float | None, quality_floor: float | None) -> None:
    if sum(value is not None for value in (lam, budget_usd, quality_floor)) > 1:
        raise SettingsError("lam, budget_usd and quality_floor each set lambda; give one of them")
    if lam is not None and not 0.0 <= lam < math.inf:
        raise SettingsError(f"lam is {lam:g}, must be a finite number >= 0")


def _tier_set(table: str | Path, settings: Settings) -> TierSet:
    if settings.tier_set is not None:
        return settings.tier_set
    names = read_tiers(table)
    if not names:
        raise TableError(
            f"table {str(table)!r} names no tier; map its models to tiers with [[tier]] in "
            "tracetier.toml and ingest the logs again"
        )
    return TierSet(tuple(Tier(name=name) for name in names))


def _with_models(tiers: TierSet, rows: TaskRows) -> TierSet:
    """Give each tier that declares no model the one seen most often behind it."""
    return TierSet(
        tuple(
            tier if tiers.model_of(tier.name) or not model else replace(tier, model=model)
            for tier, model in zip(tiers.tiers, rows.models, strict=True)
        )
    )


def _usable(rows: TaskRows, names: tuple[str, ...]) -> TaskRows:
    """Keep the tasks with some quality; among them every tier needs a quality and a cost."""
    kept = rows.take(np.flatnonzero(~np.isnan(rows.quality).all(axis=1)))
    for what, outcomes in (("quality", kept.quality), ("cost", kept.cost_usd)):
        unseen = np.flatnonzero(np.isnan(outcomes).all(axis=0))
        if unseen.size:
            raise TrainingError(
                f"tier {names[unseen[0]]!r} has no {what} in any of the {len(kept.tasks)} tasks "
                f"with a quality ({unseen.size} such tiers); leave the tier out of "
                "tracetier.toml, or supply its outcomes and prices"
            )
    return kept


def _solve_lam(
    model: TrainedModel, rows: TaskRows, budget_usd: float | None, quality_floor: float | None
) -> float | None:
    """Lambda that does best within the budget, or costs least above the floor, out of fold."""
    if budget_usd is None and quality_floor is None:
        return None
    full = ~(np.isnan(rows.quality) | np.isnan(rows.cost_usd)).any(axis=1)
    if not full.any():
        raise TrainingError(
            "no task shows every tier, so a budget or a floor cannot be solved for; give --lam"
        )
    held_out = model.held_out
    found = sweep(
        held_out.quality[full], held_out.cost[full], rows.quality[full], rows.cost_usd[full]
    )
    if budget_usd is not None:
        return _lam_within(found, budget_usd)
    assert quality_floor is not None
    return _lam_above(found, quality_floor / QUALITY_SCALE)


def _lam_within(found: Frontier, budget_usd: float) -> float:
    within = np.flatnonzero(found.cost_usd <= budget_usd)
    if not within.size:
        raise SettingsError(
            f"a budget of {budget_usd:.3g} USD per task is below {found.cost_usd.min():.3g} USD, "
            "the mean cost of the cheapest policy; raise the budget, or add a cheaper tier"
        )
    return float(found.lam[within[found.quality[within].argmax()]])


def _lam_above(found: Frontier, quality: float) -> float:
    above = np.flatnonzero(found.quality >= quality)
    if not above.size:
        raise SettingsError(
            f"a quality floor of {QUALITY_SCALE * quality:.3g} (of 10) is above "
            f"{QUALITY_SCALE * found.quality.max():.3g}, the best that any policy reaches; "
            "lower the floor"
        )
    return float(found.lam[above[found.cost_usd[above].argmin()]])
