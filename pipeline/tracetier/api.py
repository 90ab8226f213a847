"""The verbs: one call per stage of the pipeline, each importing its stage when it is called."""

from __future__ import annotations  # the types of arguments are not loaded with the package

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tracetier.artifact import Artifact
    from tracetier.evaluate.comparison import Comparison
    from tracetier.evaluate.replay_result import Replay
    from tracetier.evaluate.result import Evaluation
    from tracetier.evaluate.splits import SplitKind
    from tracetier.evaluate.stream import ReplayStrategy
    from tracetier.features.encoders import Encode
    from tracetier.ingest.summary import IngestSummary
    from tracetier.records import Level
    from tracetier.settings import Settings
    from tracetier.tiers import TierSet

Progress = Callable[[str, float], None]
"""Called with what is being done and the share that is done, 0 to 1."""


def ingest(
    paths: str | Path | Iterable[str | Path],
    out: str | Path,
    *,
    format: str | None = None,
    tiers: TierSet | None = None,
    mapping: str | Path | Mapping[str, object] | None = None,
    level: Level | None = None,
    scores: str | Path | None = None,
    scores_map: str | Path | Mapping[str, object] | None = None,
    quality_from: str | None = None,
    redact: bool = False,
    no_text: bool = False,
    strict: bool = False,
    default_model: str | None = None,
    settings: Settings | None = None,
    jobs: int = 1,
    engine: str | None = None,
    fresh: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> IngestSummary:
    """Read traces into a feature table.

    Parameters
    ----------
    paths : path or iterable of paths
        Files and folders of traces.
    out : path
        Folder of the table to write, Parquet parts with ``issues.parquet`` beside them.
    format : str, optional
        Name of the format; by default each file is recognised by its content.
    tiers : TierSet, optional
        Tiers, cheap to dear; by default those of the settings, else of the traces.
    mapping : path or mapping, optional
        For records of the user's own: our column to the path in their record, or a TOML or JSON
        file of it.
    level : {"call", "agent_run", "task"}, optional
        What is a row where traces tell steps; by default what their format is best routed by.
    scores : path, optional
        Outcomes to be joined by any id: CSV, JSON Lines or Parquet with ``span_id``,
        ``response_id``, ``trace_id``, ``task_id`` or ``session_id`` and ``quality`` (0-10),
        ``success``, or ``name`` and ``value``.
    scores_map : path or mapping, optional
        What the scores in the traces say, by name: ``{"correctness": {"better": "high", "low": 0,
        "high": 1}}``, or a TOML or JSON file of it; by default ``[scores]`` of the settings.
    quality_from : str, optional
        ``proxy:all`` or ``proxy:RULES``: guess the quality of rows without any outcome.
    redact : bool
        Take keys, e-mail addresses, home paths and the patterns of ``[privacy] redact`` out of all
        that is written.
    no_text : bool
        Write no text of a task, but its features and a hash of it, keyed by the environment
        variable ``TRACETIER_HASH_KEY``.
    strict : bool
        Raise at the first record that cannot be read, instead of listing it as an issue.
    default_model : str, optional
        Model of rows that name neither model nor tier; by default that of the settings.
    settings : Settings, optional
        By default ``tracetier.toml`` and the environment.
    jobs : int
        Processes of this machine that read files side by side.
    engine : str, optional
        Where files are read: ``local``, ``dask://HOST:PORT`` of a scheduler, or
        ``dask://local?workers=N``. The table is the same.
    fresh : bool
        Read all files again, also those that have not changed since ``out`` was made.
    progress : callable, optional
        Told the bytes read so far and those to read in all.

    Returns
    -------
    IngestSummary
        What was read, refused and written; prints well.
    """
    from tracetier.ingest import run
    from tracetier.settings import load_settings

    return run.ingest(
        paths,
        out,
        format=format,
        tiers=tiers,
        mapping=mapping,
        level=level,
        scores=scores,
        scores_map=scores_map,
        quality_from=quality_from,
        redact=redact,
        no_text=no_text,
        strict=strict,
        default_model=default_model,
        settings=settings or load_settings(),
        jobs=jobs,
        engine=engine,
        fresh=fresh,
        progress=progress,
    )


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
    """Fit quality and cost per tier on a feature table, and save the artifact.

    Parameters
    ----------
    table : path
        Feature table, as `ingest` writes it.
    out : path
        Folder of the artifact.
    lam : float, optional
        Lambda of the artifact; by default that of the settings.
    budget_usd : float, optional
        Solve lambda instead, for this mean cost per task in USD.
    quality_floor : float, optional
        Solve lambda instead, for this mean quality, 0-10.
    saving : float, optional
        Solve lambda for this saving instead, a share of the dearest tier's cost: .5 is half of it.
    encode : callable or str, optional
        A sentence encoder, from a list of texts to an array with a row per text, or the name of
        one: ``"wordllama"`` comes with the extra ``embeddings``. Decisions need it too.
    engine : str, optional
        Where the models are fitted: by default in this process, else ``local`` for processes,
        ``dask://HOST:PORT`` or ``dask://local?workers=N``. The artifact is the same.
    seed : int, optional
        By default that of the settings.
    settings : Settings, optional
        By default ``tracetier.toml`` and the environment.
    progress : callable, optional
        Told how far the work is.

    Returns
    -------
    Artifact
        What was saved, ready to route.
    """
    from tracetier.train import run

    return run.train(
        table,
        out,
        lam=lam,
        budget_usd=budget_usd,
        quality_floor=quality_floor,
        saving=saving,
        encode=encode,
        engine=engine,
        seed=seed,
        settings=settings,
        progress=progress,
    )


def evaluate(
    artifact: Artifact | str | Path,
    table: str | Path,
    *,
    lam: float | None = None,
    budget_usd: float | None = None,
    quality_floor: float | None = None,
    saving: float | None = None,
    incumbent: str | None = None,
    seed: int = 0,
    n_boot: int = 2000,
    split: SplitKind | None = None,
    source: str = "task_type",
    learning_curve: bool = False,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> Evaluation:
    """Compare what the artifact would have done on a table with the fixed tiers and controls.

    Parameters
    ----------
    artifact : Artifact or path
        The artifact, as ``train`` returned it, a folder or one file.
    table : path
        Feature table with the outcomes.
    lam : float, optional
        Lambda of the router's own point; by default the artifact's.
    budget_usd, quality_floor, saving : float, optional
        Solve that lambda on the table instead, for a mean cost in USD, a mean quality 0-10 or a
        share of the dearest tier's cost to save, and tell it on tasks it was not solved on.
    incumbent : str, optional
        Tier in use, a candidate beside that lambda; by default what the logs did.
    seed : int
        Seed of resampling, folds and random controls.
    n_boot : int
        Resamples behind each interval.
    split : {"time", "source", "group"}, optional
        Train the recipe anew on a part of the table and tell it on the rest: on later tasks, on
        one source after the other, or on a fifth of the groups after the other.
    source : str
        Column whose values are the sources.
    learning_curve : bool
        Train the recipe on more and more tasks too, to see how many traces are enough.
    n_jobs : int
        Trainings at a time.
    progress : callable, optional
        Told how far the work is.

    Returns
    -------
    Evaluation
        ``.summary()`` is all of it as plain data, ``.to_markdown()`` and ``.to_html(path)`` the
        report.
    """
    from tracetier.evaluate import run

    return run.evaluate(
        artifact,
        table,
        lam=lam,
        budget_usd=budget_usd,
        quality_floor=quality_floor,
        saving=saving,
        incumbent=incumbent,
        seed=seed,
        n_boot=n_boot,
        split=split,
        source=source,
        learning_curve=learning_curve,
        n_jobs=n_jobs,
        progress=progress,
    )


def compare(
    incumbent: Artifact | str | Path,
    candidate: Artifact | str | Path,
    table: str | Path,
    *,
    lam: float | None = None,
    seed: int = 0,
    n_boot: int = 2000,
    progress: Progress | None = None,
) -> Comparison:
    """Bound the gain of a new artifact over what is in use.

    Parameters
    ----------
    incumbent : Artifact, path or str
        What is in use: an artifact, the name of a tier, or ``"logs"`` for what the logs did.
    candidate : Artifact or path
        What may replace it.
    table : path
        Feature table with the outcomes, of every tier or of the one that was taken.
    lam : float, optional
        Lambda of both and of the reward; by default the candidate's.
    seed : int
        Seed of the resampling.
    n_boot : int
        Resamples behind each interval.
    progress : callable, optional
        Told how far the work is.

    Returns
    -------
    Comparison
        ``.passes`` is true where the lower bound of ``.gain`` is above 0.
    """
    from tracetier.evaluate import compare as stage

    return stage.compare(
        incumbent, candidate, table, lam=lam, seed=seed, n_boot=n_boot, progress=progress
    )


def replay(
    artifact: Artifact | str | Path,
    table: str | Path,
    *,
    strategy: ReplayStrategy = "residual",
    lam: float | None = None,
    budget_usd: float | None = None,
    orders: int = 20,
    seed: int = 0,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> Replay:
    """Route a full-information table as if live: decide, then see the chosen outcome only.

    Parameters
    ----------
    artifact : Artifact or path
        The artifact, as ``train`` returned it, a folder or one file.
    table : path
        Feature table with the outcome of every tier for every task.
    strategy : {"residual", "seed-warm", "seed", "greedy"}
        How the router learns; the published rule runs beside it as the baseline.
    lam : float, optional
        Lambda of every decision; by default the artifact's.
    budget_usd : float, optional
        Solve lambda for this mean cost per task instead, in USD.
    orders : int
        Random orders of the tasks to average over.
    seed : int
        Seed of the orders and of the exploration.
    n_jobs : int
        Orders played at a time.
    progress : callable, optional
        Told how far the work is.

    Returns
    -------
    Replay
        Regret and spending over the stream, with intervals over the orders.
    """
    from tracetier.evaluate import replay as stage

    return stage.replay(
        artifact,
        table,
        strategy=strategy,
        lam=lam,
        budget_usd=budget_usd,
        orders=orders,
        seed=seed,
        n_jobs=n_jobs,
        progress=progress,
    )
