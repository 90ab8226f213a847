"""Task rows → one trained model: out of fold first, then all rows; weights fused together."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import joblib
import numpy as np
from numpy.typing import NDArray

from tracetier.errors import TrainingError
from tracetier.features.deciles import columns_deciles
from tracetier.features.encoders import Embedding, fit_embedding
from tracetier.features.fitted import FittedFeatures
from tracetier.features.spec import X_COLUMNS, fingerprint
from tracetier.heads.predictor import HeadArrays, TierPredictor
from tracetier.heads.prior import PriorStats
from tracetier.heads.trees import TreeEnsemble
from tracetier.measures.folds import grouped_folds
from tracetier.train.calibrate import (
    Lines,
    fit_lines,
    prior_stats,
    reward_cost_scales,
    smearing_factors,
)
from tracetier.train.design import Design, build_design, numeric_attrs
from tracetier.train.fit import (
    HEADS,
    FittedHeads,
    TrainingData,
    assign_all,
    fit_heads,
    n_fits,
)
from tracetier.train.fuse import fuse_heads, fuse_trees
from tracetier.train.head_weights import choose_weights
from tracetier.train.heads.ridge import choose_alphas
from tracetier.train.logged.blend import logged_blend
from tracetier.train.logged.correct import Corrected, correct_for_logging
from tracetier.train.logged.overlap import Overlap, measure_overlap
from tracetier.train.on_engine import fit_on_engine
from tracetier.train.out_of_fold import out_of_fold
from tracetier.train.rows import TaskRows
from tracetier.train.targets import join_log_cost, join_quality, stack_targets

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Advance = Callable[[str, float], None]


class HeldOut(NamedTuple):
    """Out-of-fold predictions of the training tasks: quality, USD, reward cost, each (n, K)."""

    quality: Matrix
    cost_usd: Matrix
    cost: Matrix


class TrainedModel(NamedTuple):
    """Everything that an artifact keeps of a training run.

    Attributes
    ----------
    features : FittedFeatures
    heads : HeadArrays
    trees : str or None
        Merged boosters as LightGBM text; ``None`` where no booster has weight.
    prior : PriorStats
    cost_ref : float
        The largest mean cost of any tier, USD.
    held_out : HeldOut
        Of the final blend, calibrated.
    folds : (n,) array
    blend : str
        Name of the quality blend.
    weights : dict of str to dict of str to float
        Blend weight per head, for ``quality`` and ``cost``.
    head_held_out : (H, n, T) array
        Of each head alone, not calibrated.
    corrected : Corrected or None
        What was learned in place of the outcomes where not every tier was seen.
    overlap : Overlap or None
        How many rows speak of each tier in each bucket, where not all do.
    inputs : dict or None
        Deciles of the columns, which a router holds live tasks against.
    """

    features: FittedFeatures
    heads: HeadArrays
    trees: str | None
    prior: PriorStats
    cost_ref: float
    held_out: HeldOut
    folds: NDArray[np.int64]
    blend: str
    weights: dict[str, dict[str, float]]
    head_held_out: Matrix
    corrected: Corrected | None = None
    overlap: Overlap | None = None
    inputs: dict[str, object] | None = None

    def predictor(self) -> TierPredictor:
        """Return the fast predictor, as an artifact of this model would give it."""
        trees = TreeEnsemble.from_text(self.trees) if self.trees is not None else None
        return TierPredictor(self.features, self.heads, trees, self.cost_ref)


def fit_model(
    rows: TaskRows,
    *,
    seed: int = 0,
    n_folds: int = 5,
    n_jobs: int | None = None,
    encoder: str | None = None,
    engine: str | None = None,
    scratch: Path | None = None,
    progress: Advance = lambda what, share: None,
) -> TrainedModel:
    """Fit quality and cost of every tier.

    Parameters
    ----------
    rows : TaskRows
        n tasks, K tiers; outcomes that were not seen are ``nan``.
    seed : int
        Same rows and seed, same model, whatever ``n_jobs``.
    n_folds : int
        Folds of the out-of-fold predictions, by task group.
    n_jobs : int, optional
        Fits at a time; ``None`` is one per core.
    encoder : str, optional
        Name of a sentence encoder whose view of the texts is learned from too.
    engine : str, optional
        Where the models are fitted, as `engine_named` takes it; by default in this process.
    scratch : Path, optional
        Folder that the engine's workers see under the same path.
    progress : callable
        Told what is being done and the share that is done.

    Returns
    -------
    TrainedModel

    Raises
    ------
    TrainingError
        If there are not two independent groups of tasks, a tier has no quality or no cost, or
        no tier costs anything.
    """
    jobs = n_jobs or joblib.cpu_count()
    cost_ref = _cost_ref(rows)
    data = training_data(rows, n_jobs=jobs)
    embedding = None
    if encoder is not None:
        embedding, data = _with_embedding(data, rows, encoder)
    folds = grouped_folds(rows.groups, n_folds, seed)
    corrected = correct_for_logging(data, rows, folds, seed=seed, n_jobs=jobs)
    if corrected is not None:
        data = data._replace(targets=stack_targets(corrected.quality, rows.cost_usd))
    alphas = _alphas(data, seed)
    n_models = int(folds.max()) + 2
    if engine is None:
        steps = _Steps(n_models * n_fits(), progress)
        predicted = out_of_fold(
            data, folds, alphas=alphas, seed=seed, n_jobs=jobs, advance=steps.advance
        )
        heads = fit_heads(data, alphas=alphas, seed=seed, n_jobs=jobs, advance=steps.advance)
    else:
        predicted, heads = fit_on_engine(
            data,
            folds,
            alphas=alphas,
            seed=seed,
            engine=engine,
            jobs=jobs,
            scratch=scratch,
            advance=_Steps(n_models, progress).advance,
        )
    return _assemble(rows, data, heads, predicted, folds, cost_ref, corrected, embedding)


def _cost_ref(rows: TaskRows) -> float:
    """Return the largest mean cost of any tier; refuse rows that nothing can be learned from."""
    n_groups = len(np.unique(rows.groups))
    if n_groups < 2:
        raise TrainingError(
            f"the {len(rows.tasks)} tasks make {n_groups} independent group(s), at least 2 are "
            "needed to test what was learned (tasks of one text or session are one group); "
            "add traces"
        )
    for what, known in (("quality", rows.known), ("cost", ~np.isnan(rows.cost_usd))):
        unseen = np.flatnonzero(~known.any(axis=0))
        if unseen.size:
            raise TrainingError(
                f"tier number {unseen[0] + 1} of {known.shape[1]} (from the cheapest) has no "
                f"{what} in any row; leave the tier out, or supply its outcomes"
            )
    cost_ref = float(np.nanmean(rows.cost_usd, axis=0).max())
    if not cost_ref > 0.0:
        raise TrainingError(
            "no tier costs anything (all costs are 0 USD), so there is nothing to save; "
            "log the costs, or set prices in tracetier.toml"
        )
    return cost_ref


def training_data(rows: TaskRows, *, n_jobs: int = 1) -> TrainingData:
    """Extract the features and stack the targets."""
    attrs = numeric_attrs(rows.tasks)
    return TrainingData(
        task_types=[task.task_type for task in rows.tasks],
        design=_design(rows, attrs, n_jobs),
        targets=stack_targets(rows.quality, rows.cost_usd),
        quality=rows.quality,
        columns=X_COLUMNS + tuple(f"attr_{name}" for name in attrs),
    )


def _with_embedding(
    data: TrainingData, rows: TaskRows, encoder: str
) -> tuple[Embedding, TrainingData]:
    """Append the encoder's columns; its axes come from the texts alone, never from an outcome."""
    if rows.withheld is not None:
        raise TrainingError(
            "the table withholds texts, so no encoder can read them; train without one, or "
            "ingest the logs again with texts"
        )
    embedding, coordinates = fit_embedding(encoder, [task.text for task in rows.tasks])
    design = data.design._replace(x=np.concatenate([data.design.x, coordinates], axis=1))
    columns = data.columns + embedding.columns
    return embedding, data._replace(design=design, columns=columns)


def _design(rows: TaskRows, attrs: Sequence[str], n_jobs: int) -> Design:
    """Extract the features; those of withheld texts are in the table, but for their words."""
    design = build_design(rows.tasks, attrs, n_jobs=n_jobs)
    if rows.withheld is not None:
        place = rows.withheld.rows
        design.x[place, : len(X_COLUMNS)] = rows.withheld.x[place]
    return design


class _Steps:
    """Turns counted fits into a share for the progress bar."""

    def __init__(self, total: int, progress: Advance) -> None:
        self._total, self._done, self._progress = total, 0, progress

    def advance(self) -> None:
        self._done += 1
        self._progress("fitting heads", self._done / self._total)


def _alphas(data: TrainingData, seed: int) -> Vector:
    types = sorted({t for t in data.task_types if t is not None})
    place = {name: i for i, name in enumerate(types)}
    of_row = np.array([len(types) if t is None else place[t] for t in data.task_types], np.intp)
    return choose_alphas(data.design, of_row, data.targets, seed)


def _assemble(
    rows: TaskRows,
    data: TrainingData,
    heads: FittedHeads,
    predicted: Matrix,
    folds: NDArray[np.int64],
    cost_ref: float,
    corrected: Corrected | None,
    embedding: Embedding | None,
) -> TrainedModel:
    buckets = heads.buckets
    has_types = len(buckets.types) > 1  # the mean of a sole type tells no task from another
    bucket = assign_all(buckets, data)
    outcomes = rows.quality, rows.cost_usd
    chosen = choose_weights(predicted, outcomes, folds, cost_ref, has_types=has_types)
    if corrected is not None and chosen.blend == "default":
        n_logged = corrected.propensities.n_logged
        moved = logged_blend(tuple(chosen.quality.tolist()), n_logged, has_types=has_types)
        chosen = chosen._replace(quality=np.array(moved))
    weights = chosen.per_target(rows.quality.shape[1])
    blended = (weights[:, None, :] * predicted).sum(axis=0)
    lines = _calibrate(blended, data.targets, rows.cost_usd)
    held_out, scales = _held_out(lines.apply(blended), rows.cost_usd, cost_ref)
    fused = weights * lines.slope
    return TrainedModel(
        features=FittedFeatures(
            x_columns=X_COLUMNS,
            attrs=tuple(c.removeprefix("attr_") for c in data.columns if c.startswith("attr_")),
            buckets=buckets,
            fingerprint=fingerprint(),
            embedding=embedding,
        ),
        heads=fuse_heads(heads, fused, lines.intercept, scales),
        trees=fuse_trees(heads, fused),
        prior=prior_stats(
            buckets.names,
            bucket,
            (held_out.quality, held_out.cost),
            (rows.quality, np.minimum(1.0, rows.cost_usd / cost_ref)),
        ),
        cost_ref=cost_ref,
        held_out=held_out,
        folds=folds,
        blend=chosen.blend,
        weights={
            "quality": dict(zip(HEADS, chosen.quality.tolist(), strict=True)),
            "cost": dict(zip(HEADS, chosen.cost.tolist(), strict=True)),
        },
        head_held_out=predicted,
        corrected=corrected,
        overlap=_overlap(bucket, len(buckets.names), corrected),
        inputs=columns_deciles(
            {
                name: data.design.x[:, place].tolist()
                for place, name in enumerate(data.columns)
                if embedding is None or name not in embedding.columns
            }
        ),
    )


def _overlap(
    bucket: NDArray[np.intp], n_buckets: int, corrected: Corrected | None
) -> Overlap | None:
    if corrected is None:
        return None
    return measure_overlap(bucket, corrected.seen, corrected.propensities.values, n_buckets)


def _calibrate(blended: Matrix, targets: Matrix, cost_usd: Matrix) -> Lines:
    """Fit the lines, smearing included: a factor on a cost is a term of its logarithm."""
    n_tiers = cost_usd.shape[1]
    lines = fit_lines(blended, targets, n_differences=n_tiers)
    smearing = smearing_factors(join_log_cost(lines.apply(blended)), cost_usd)
    intercept = lines.intercept.copy()
    intercept[n_tiers + 1 :] += np.log(smearing)
    return Lines(intercept, lines.slope)


def _held_out(calibrated: Matrix, cost_usd: Matrix, cost_ref: float) -> tuple[HeldOut, Vector]:
    """Out-of-fold predictions, and the scale of each tier's reward cost."""
    cost_hat = np.exp(join_log_cost(calibrated))
    scales = reward_cost_scales(cost_hat, cost_usd, cost_ref)
    return HeldOut(
        quality=join_quality(calibrated).clip(0.0, 1.0),
        cost_usd=cost_hat,
        cost=np.minimum(1.0, scales * cost_hat / cost_ref),
    ), scales
