"""An artifact on a table: read, predict, compare. All I/O of an evaluation happens here."""

from collections.abc import Callable
from os import PathLike
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tracetier.artifact import Artifact
from tracetier.errors import TableError
from tracetier.evaluate.arguments import lam_given, opened_artifact, table_path, whole_number
from tracetier.evaluate.controls import Predictions
from tracetier.evaluate.coverage import KindCoverage, full_coverage, logged_coverage
from tracetier.evaluate.full import full_result, learning_points
from tracetier.evaluate.goal import GoalOnTable
from tracetier.evaluate.inputs import input_weights
from tracetier.evaluate.learning_curve import LearningPoint, curve_sizes, learning_predictions
from tracetier.evaluate.logged import logged_result
from tracetier.evaluate.neighbours import task_features
from tracetier.evaluate.notes import evaluation_notes
from tracetier.evaluate.outcomes import FullOutcomes, full_outcomes_of, rows_with_texts
from tracetier.evaluate.policy_evaluator import FullTasks
from tracetier.evaluate.predictions import TaskPredictions, predict_tasks
from tracetier.evaluate.refit import refit_predictions
from tracetier.evaluate.resampling import Resampling
from tracetier.evaluate.result import Evaluation, PartFacts, SplitFacts
from tracetier.evaluate.splits import (
    SplitKind,
    SplitPart,
    by_group,
    by_source,
    by_time,
    checked_kind,
    task_sources,
    task_times,
)
from tracetier.evaluate.value_table import ValueTable, value_rows
from tracetier.measures.bootstrap import N_DRAWS
from tracetier.measures.frontier import choose_tiers
from tracetier.measures.goal import Goal
from tracetier.table import read_table
from tracetier.train.rows import TaskRows

__all__ = ["Evaluation", "evaluate"]

Progress = Callable[[str, float], None]


def evaluate(
    artifact: Artifact | str | PathLike[str],
    table: str | PathLike[str],
    *,
    lam: float | None = None,
    budget_usd: float | None = None,
    quality_floor: float | None = None,
    saving: float | None = None,
    incumbent: str | None = None,
    seed: int = 0,
    n_boot: int = N_DRAWS,
    split: SplitKind | None = None,
    source: str = "task_type",
    learning_curve: bool = False,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> Evaluation:
    """Say what the artifact's router would have cost and scored on a table.

    Parameters
    ----------
    artifact : Artifact or path
    table : path
    lam : float, optional
        Lambda of the router's own point; by default the artifact's.
    budget_usd, quality_floor, saving : float, optional
        Solve that lambda on the table instead, for a mean cost in USD, a mean quality 0-10 or a
        share of the dearest tier's cost to save; what it gives is told on tasks that it was not
        solved on, beside the fixed tiers and the incumbent.
    incumbent : str, optional
        Tier that is in use; by default what the logs did, where they took one tier of several.
    seed : int
        Of resampling, folds and random controls: same seed, same numbers.
    n_boot : int
        Resamples behind each interval.
    split : {"time", "source", "group"}, optional
        Train the recipe anew on a part of the table and tell what it does on the rest: on later
        tasks, on one source after the other, or on a fifth of the groups after the other.
    source : str
        Column whose values are the sources.
    learning_curve : bool
        Train the recipe anew on more and more tasks too. Takes 5 trainings for each doubling.
    n_jobs : int
        Trainings (with a split: fits) at a time.
    progress : callable, optional
        Told what is being done and the share of it that is done.

    Returns
    -------
    Evaluation
        Of all tasks on which every tier ran; of all tasks, doubly robust, where most ran on one.

    Raises
    ------
    ArtifactError
        If the artifact is neither one nor the path of one.
    TableError
        If no task has both quality and cost of a tier, there is only one group of tasks, or it
        cannot be split so.
    SettingsError
        If lambda is not finite or below 0, the seed is below 0, there is no resample, or the
        split or the source column is unknown.
    TrainingError
        If a part of a split has too little to learn from.
    """
    tell = progress or (lambda what, share: None)
    lam = lam_given(lam)
    goal = Goal(lam=lam, budget_usd=budget_usd, quality_floor=quality_floor, saving=saving)
    goal.check()
    seed = whole_number("seed", seed, least=0)
    n_boot = whole_number("n_boot", n_boot, least=1)
    n_jobs = whole_number("n_jobs", n_jobs, least=1)
    kind = None if split is None else checked_kind(split)
    path = table_path(table)
    tell("reading", 0.0)
    artifact = opened_artifact(artifact)
    found = read_table(path)
    rows = rows_with_texts(found, artifact.tiers)
    parts = None if kind is None else _parts(kind, found, rows, source, seed)
    refitted: TaskPredictions | None = None
    if parts is not None:
        rows, refitted = _refitted(artifact, rows, parts, seed, n_jobs, tell)
    outcomes = _outcomes(artifact, rows, seed, tell)
    _check_outcomes(outcomes, path, learning_curve)
    predictions = (
        _predictions(artifact, outcomes, tell) if refitted is None else refitted.take(outcomes.row)
    )
    own_lam = artifact.lam if lam is None else lam
    solved = None
    if goal.needs_solving:
        solved = GoalOnTable(
            goal, outcomes, predictions, artifact.tiers, incumbent=incumbent, seed=seed
        )
        own_lam = solved.answer.lam
    resampling = Resampling(outcomes.groups, n_boot, seed)
    full, logged = None, None
    learning: tuple[LearningPoint, ...] = ()
    if isinstance(outcomes, FullOutcomes):
        tasks = _full_tasks(outcomes, predictions, artifact, own_lam)
        full = full_result(
            tasks,
            Predictions(predictions.quality, predictions.cost),
            resampling,
            goal=None if solved is None else solved.solve(),
            progress=lambda share: tell("comparing", share),
        )
        if learning_curve:
            learning = _learning(rows.take(outcomes.row), tasks, resampling, n_jobs, tell)
    else:
        logged = logged_result(
            outcomes,
            predictions,
            own_lam,
            resampling,
            at_goal=None if solved is None else solved.held_out_choice(),
        )
    inputs = input_weights(
        artifact.predictor,
        outcomes.tasks,
        own_lam,
        seed=seed,
        progress=lambda share: tell("weighing inputs", share),
    )
    n_tasks, n_groups = len(outcomes.tasks), _n_groups(outcomes)
    n_left_out = len(rows.tasks) - n_tasks
    n_out_of_fold = int(predictions.is_out_of_fold.sum())
    notes = evaluation_notes(
        n_left_out=n_left_out,
        n_groups=n_groups,
        logged=logged,
        n_out_of_fold=n_out_of_fold,
        n_parts=len(parts or ()),
    )
    tell("done", 1.0)
    return Evaluation(
        artifact_id=artifact.artifact_id,
        table=str(path),
        tiers=artifact.tiers.names,
        lam=own_lam,
        cost_ref=artifact.cost_ref,
        seed=seed,
        n_draws=n_boot,
        n_tasks=n_tasks,
        n_groups=n_groups,
        n_left_out=n_left_out,
        n_out_of_fold=n_out_of_fold,
        n_fresh=n_tasks - n_out_of_fold,
        full=full,
        logged=logged,
        split=None if parts is None else _split_facts(str(kind), parts),
        coverage=_coverage(outcomes, predictions, own_lam, artifact.tiers.names),
        inputs=inputs,
        learning=learning,
        goal=None if solved is None else solved.answer,
        notes=notes if solved is None else (*notes, solved.answer.sentence),
    )


def _parts(
    kind: SplitKind, table: pa.Table, rows: TaskRows, source: str, seed: int
) -> list[SplitPart]:
    if kind == "group":
        return by_group(rows.groups, seed=seed)
    if kind == "time":
        return by_time(rows.groups, task_times(table, rows.task_ids))
    return by_source(rows.groups, task_sources(table, rows.task_ids, source))


def _refitted(
    artifact: Artifact,
    rows: TaskRows,
    parts: list[SplitPart],
    seed: int,
    n_jobs: int,
    tell: Progress,
) -> tuple[TaskRows, TaskPredictions]:
    """Return the rows that a split tests, with predictions of the recipe trained anew."""
    tested, predictions = refit_predictions(
        rows,
        parts,
        _buckets(artifact, rows),
        cost_ref=artifact.cost_ref,
        seed=seed,
        n_jobs=n_jobs,
        progress=lambda share: tell("training", share),
    )
    return rows.take(tested), predictions


def _outcomes(
    artifact: Artifact, rows: TaskRows, seed: int, tell: Progress
) -> FullOutcomes | ValueTable:
    full = full_outcomes_of(rows, artifact.tiers)
    if full is not None:
        return full
    tell("modelling the log", 0.0)
    return value_rows(rows, artifact.tiers, cost_ref=artifact.cost_ref, seed=seed)


def _n_groups(outcomes: FullOutcomes | ValueTable) -> int:
    return len(np.unique(outcomes.groups))


def _check_outcomes(outcomes: FullOutcomes | ValueTable, path: Path, learning_curve: bool) -> None:
    if _n_groups(outcomes) < 2:
        raise TableError(
            f"table {str(path)!r} has {len(outcomes.tasks):,} usable tasks, all of one "
            "text or session; an interval needs at least two independent groups of tasks"
        )
    if learning_curve and not isinstance(outcomes, FullOutcomes):
        raise TableError(
            "a learning curve is told on tasks that ran on every tier, and most tasks of "
            f"table {str(path)!r} ran on one; leave it out"
        )


def _predictions(
    artifact: Artifact, outcomes: FullOutcomes | ValueTable, tell: Progress
) -> TaskPredictions:
    return predict_tasks(
        artifact.predictor,
        outcomes.tasks,
        artifact.oof,
        progress=lambda share: tell("predicting", share),
    )


def _split_facts(kind: str, parts: list[SplitPart]) -> SplitFacts:
    return SplitFacts(
        kind, tuple(PartFacts(part.name, len(part.train), len(part.test)) for part in parts)
    )


def _buckets(artifact: Artifact, rows: TaskRows) -> NDArray[np.int64]:
    return np.array([artifact.predictor.predict(task).bucket for task in rows.tasks], np.int64)


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
        features=task_features(outcomes.tasks, predictions.bucket),
    )


def _learning(
    rows: TaskRows, tasks: FullTasks, resampling: Resampling, n_jobs: int, tell: Progress
) -> tuple[LearningPoint, ...]:
    sizes = curve_sizes(len(rows.tasks))
    found = learning_predictions(
        rows,
        sizes,
        cost_ref=tasks.cost_ref,
        seed=resampling.seed,
        n_jobs=n_jobs,
        progress=lambda share: tell("learning curve", share),
    )
    return learning_points(tasks, sizes, [Predictions(*each) for each in found], resampling)


def _coverage(
    outcomes: FullOutcomes | ValueTable,
    predictions: TaskPredictions,
    lam: float,
    tiers: tuple[str, ...],
) -> tuple[KindCoverage, ...]:
    types = [task.task_type for task in outcomes.tasks]
    choice = choose_tiers(predictions.quality, predictions.cost, lam)
    if isinstance(outcomes, FullOutcomes):
        return full_coverage(types, outcomes.quality, choice, tiers)
    return logged_coverage(types, outcomes.quality, outcomes.propensities.values, choice, tiers)
