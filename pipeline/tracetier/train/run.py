"""A feature table on disk → an artifact on disk. All I/O of a training run happens here."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from msgspec import to_builtins
from msgspec.structs import replace

from tracetier.artifact.load import Artifact, load_artifact
from tracetier.artifact.save import ArtifactParts, save_artifact
from tracetier.errors import StorageError, TableError, TrainingError
from tracetier.features.encoders import Encode, name_of, register_encoder
from tracetier.features.task_hash import task_hashes
from tracetier.measures.goal import Goal
from tracetier.settings import Settings, load_settings
from tracetier.table import read_table, read_tiers, table_fingerprint
from tracetier.tiers import Tier, TierSet
from tracetier.train.card import render_card
from tracetier.train.goal import goal_answer
from tracetier.train.metrics import training_metrics
from tracetier.train.model import fit_model
from tracetier.train.rows import TaskRows, task_rows
from tracetier.train.token_mix import token_mixes

Progress = Callable[[str, float], None]


def train(
    table: str | Path,
    out: str | Path,
    *,
    lam: float | None = None,
    budget_usd: float | None = None,
    quality_floor: float | None = None,
    saving: float | None = None,
    encode: Encode | str | None = None,
    engine: str | None = None,
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
    saving : float, optional
        Solve lambda out of fold for this saving, a share of the dearest tier's cost: .5 is half
        of its cost.
    encode : callable or str, optional
        A sentence encoder, from a list of texts to an array with a row per text; or the name of
        one that is registered, or of ``"wordllama"``. Decisions need it too.
    engine : str, optional
        Where the models are fitted: by default in this process, else ``local`` for processes, or
        ``dask://HOST:PORT``, whose workers must see the folder of ``out`` under the same path.
        The artifact is the same.
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
        If more than one of ``lam``, ``budget_usd``, ``quality_floor`` and ``saving`` is given,
        or one that cannot be met.
    TableError, LeakageError
        If the table cannot be read, or holds an outcome among its features.
    TrainingError
        If nothing can be learned from the rows.
    """
    goal = Goal(lam=lam, budget_usd=budget_usd, quality_floor=quality_floor, saving=saving)
    goal.check()
    settings = settings or load_settings()
    seed = settings.seed if seed is None else seed
    tell = progress or (lambda what, share: None)
    tell("reading", 0.0)
    declared = _tier_set(table, settings)
    read = read_table(table)
    rows = _usable(task_rows(read, declared), declared.names)
    tiers = _with_models(declared, rows)
    model = fit_model(
        rows,
        seed=seed,
        n_folds=settings.folds,
        n_jobs=settings.n_jobs,
        encoder=_encoder(encode),
        engine=engine,
        scratch=_scratch(out) if engine is not None else None,
        progress=tell,
    )
    answer = goal_answer(model, rows, goal, tiers, incumbent=settings.incumbent)
    chosen_lam = answer.lam if answer is not None else goal.lam
    if chosen_lam is None:
        chosen_lam = settings.lam
    metrics = training_metrics(
        model, rows, tiers.names, chosen_lam, tokens=token_mixes(read, tiers.names)
    )
    if answer is not None:
        metrics["goal"] = {**to_builtins(answer), "told": answer.sentence}
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


def _scratch(out: str | Path) -> Path:
    """Return the folder that will hold the artifact: what a cluster shares is there."""
    folder = Path(out).absolute().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"folder {str(folder)!r} cannot be made: {error}") from error
    return folder


def _encoder(encode: Encode | str | None) -> str | None:
    """Return the encoder's name; a callable is registered under its own."""
    if encode is None or isinstance(encode, str):
        return encode
    register_encoder(name_of(encode), encode)
    return name_of(encode)


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
    kept = rows.take(np.flatnonzero(rows.known.any(axis=1)))
    for what, known in (("quality", kept.known), ("cost", ~np.isnan(kept.cost_usd))):
        unseen = np.flatnonzero(~known.any(axis=0))
        if unseen.size:
            raise TrainingError(
                f"tier {names[unseen[0]]!r} has no {what} in any of the {len(kept.tasks)} tasks "
                f"with a quality ({unseen.size} such tiers); leave the tier out of "
                "tracetier.toml, or supply its outcomes and prices"
            )
    return kept
