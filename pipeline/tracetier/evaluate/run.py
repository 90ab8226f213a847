"""An artifact on a table: read, predict, compare. All I/O of an evaluation happens here."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tracetier.artifact import Artifact, load_artifact
from tracetier.errors import SettingsError, TableError
from tracetier.evaluate.compare import FullTasks, compare
from tracetier.evaluate.controls import Predictions
from tracetier.evaluate.figures import Resampling
from tracetier.evaluate.importance import LoggedValue, logged_value
from tracetier.evaluate.outcomes import FullOutcomes, LoggedOutcomes, gather_outcomes
from tracetier.evaluate.predictions import TaskPredictions, predict_tasks
from tracetier.evaluate.result import Evaluation, FullResult, LoggedResult
from tracetier.measures.bootstrap import N_DRAWS, bootstrap_means, column_interval
from tracetier.measures.frontier import choose_tiers
from tracetier.route.router import checked_lam
from tracetier.table import read_table

__all__ = ["Evaluation", "evaluate"]

Progress = Callable[[str, float], None]

FEW_GROUPS = 50


def evaluate(
    artifact_path: str | Path,
    table_path: str | Path,
    *,
    lam: float | None = None,
    seed: int = 0,
    n_boot: int = N_DRAWS,
    progress: Progress | None = None,
) -> Evaluation:
    """Say what the artifact's router would have cost and scored on a table.

    Parameters
    ----------
    artifact_path, table_path : path
    lam : float, optional
        Lambda of the router's own point; by default the artifact's.
    seed : int
        Of resampling, folds and random controls: same seed, same numbers.
    n_boot : int
        Resamples behind each interval.
    progress : callable, optional
        Told what is being done and the share of it that is done.

    Returns
    -------
    Evaluation
        Of all tasks on which every tier ran; of the logged rows where most tasks ran on one.

    Raises
    ------
    TableError
        If the table has neither full information nor propensities, or only one group of tasks.
    SettingsError
        If lambda is not finite or below 0, the seed is below 0, or there is no resample.
    """
    tell = progress or (lambda what, share: None)
    if lam is not None:
        lam = checked_lam(lam)
    if seed < 0:
        raise SettingsError(f"seed is {seed}, must be at least 0")
    if n_boot < 1:
        raise SettingsError(f"n_boot is {n_boot}, must be at least 1")
    tell("reading", 0.0)
    artifact = load_artifact(artifact_path)
    outcomes = gather_outcomes(read_table(table_path), artifact.tiers)
    n_groups = len(np.unique(outcomes.groups))
    if n_groups < 2:
        raise TableError(
            f"table {str(table_path)!r} has {len(outcomes.tasks):,} usable tasks, all of one "
            "text or session; an interval needs at least two independent groups of tasks"
        )
    predictions = predict_tasks(
        artifact.predictor,
        outcomes.tasks,
        artifact.oof,
        progress=lambda share: tell("predicting", share),
    )
    own_lam = artifact.lam if lam is None else lam
    resampling = Resampling(outcomes.groups, n_boot, seed)
    full: FullResult | None = None
    logged: LoggedResult | None = None
    if isinstance(outcomes, FullOutcomes):
        full = compare(
            _full_tasks(outcomes, predictions, artifact, own_lam),
            Predictions(predictions.quality, predictions.cost),
            resampling,
            progress=lambda share: tell("comparing", share),
        )
    else:
        logged = _logged_result(outcomes, predictions, artifact, own_lam, resampling)
    tell("done", 1.0)
    return Evaluation(
        artifact_id=artifact.artifact_id,
        table=str(table_path),
        tiers=artifact.tiers.names,
        lam=own_lam,
        cost_ref=artifact.cost_ref,
        seed=seed,
        n_draws=n_boot,
        n_tasks=len(outcomes.tasks),
        n_groups=n_groups,
        n_left_out=outcomes.n_left_out,
        n_out_of_fold=int(predictions.is_out_of_fold.sum()),
        n_fresh=int((~predictions.is_out_of_fold).sum()),
        full=full,
        logged=logged,
        notes=_notes(outcomes, n_groups, logged, int(predictions.is_out_of_fold.sum())),
    )


def _full_tasks(
    outcomes: FullOutcomes, predictions: TaskPredictions, artifact: Artifact, lam: float
) -> FullTasks:
    return FullTasks(
        quality=outcomes.quality,
        cost_usd=outcomes.cost_usd,
        bucket=predictions.bucket,
        tiers=artifact.tiers.names,
        lam=lam,
        cost_ref=artifact.cost_ref,
    )


def _logged_result(
    outcomes: LoggedOutcomes,
    predictions: TaskPredictions,
    artifact: Artifact,
    lam: float,
    resampling: Resampling,
) -> LoggedResult:
    choice = choose_tiers(predictions.quality, predictions.cost, lam)

    def value(p_new: np.ndarray) -> LoggedValue:
        return logged_value(
            p_new.astype(np.float64),
            outcomes.p_log,
            outcomes.quality,
            outcomes.cost_usd,
            resampling,
        )

    columns = np.stack([outcomes.quality, outcomes.cost_usd], axis=1)
    found = bootstrap_means(
        columns, resampling.groups, n_draws=resampling.n_draws, seed=resampling.seed
    )
    return LoggedResult(
        logged_quality=column_interval(found, 0),
        logged_cost_usd=column_interval(found, 1),
        router=value(choice == outcomes.tier),
        fixed={name: value(outcomes.tier == k) for k, name in enumerate(artifact.tiers.names)},
    )


def _notes(
    outcomes: FullOutcomes | LoggedOutcomes,
    n_groups: int,
    logged: LoggedResult | None,
    n_out_of_fold: int,
) -> tuple[str, ...]:
    notes: list[str] = []
    if outcomes.n_left_out:
        what = "tasks lack" if isinstance(outcomes, FullOutcomes) else "logged rows lack"
        notes.append(f"{outcomes.n_left_out:,} {what} an outcome that is needed and are left out")
    if n_groups < FEW_GROUPS:
        notes.append(f"only {n_groups} independent groups of tasks: the intervals are rough")
    if n_out_of_fold:
        # The heads had not seen these tasks; how they are blended and calibrated had.
        notes.append(
            f"{n_out_of_fold:,} tasks were in training: the models had not seen them, but the "
            "blend and its calibration were chosen on their outcomes, which flatters a little and "
            "is not in the intervals; a held-out table is the clean test"
        )
    if logged is not None:
        notes.append(
            "one tier per task is known: values are importance-weighted (SNIPS); doubly robust "
            "off-policy estimates are not made yet"
        )
        thin = [name for name, each in logged.fixed.items() if not each.is_supported]
        if thin:
            notes.append(f"too few rows were logged on {', '.join(thin)} to claim a value")
    return tuple(notes)
