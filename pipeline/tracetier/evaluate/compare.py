"""May the candidate replace the incumbent? The lower bound of its gain, task by task.

Both are valued on the same rows and resampled together, so what is hard about a task falls out of
the difference. Only a gain whose whole interval lies above 0 passes.
"""

from collections.abc import Callable
from os import PathLike
from pathlib import Path

import numpy as np

from tracetier.artifact import Artifact
from tracetier.errors import SettingsError, TableError, TierError
from tracetier.evaluate.arguments import lam_given, opened_artifact, table_path, whole_number
from tracetier.evaluate.comparison import Comparison, PolicyFacts
from tracetier.evaluate.notes import rough_intervals
from tracetier.evaluate.policy_value import LOGS, PolicyValueRows, policy_value_rows
from tracetier.evaluate.resampling import Resampling, interval_of
from tracetier.evaluate.result import MIN_ESS
from tracetier.evaluate.value_table import value_rows
from tracetier.features.task_hash import task_hashes
from tracetier.measures.bootstrap import N_DRAWS, Interval
from tracetier.table import read_table, table_fingerprint
from tracetier.train.rows import task_rows

__all__ = ["Comparison", "compare"]


Progress = Callable[[str, float], None]

Policy = Artifact | str | PathLike[str]

_SAME_SCALE = 0.01


def compare(
    incumbent: Policy,
    candidate: Artifact | str | PathLike[str],
    table: str | PathLike[str],
    *,
    lam: float | None = None,
    seed: int = 0,
    n_boot: int = N_DRAWS,
    progress: Progress | None = None,
) -> Comparison:
    """Bound the gain of a candidate over an incumbent on a table.

    Parameters
    ----------
    incumbent : Artifact, path or str
        An artifact, the name of a tier (always that tier), or ``logs``: what the logs did. A
        name that is both a tier's and a path's is the tier's.
    candidate : Artifact or path
    table : path
        Best one that neither was trained on; tasks that one was trained on are judged by models
        that had not seen them, and counted.
    lam : float, optional
        Lambda of both routers and of the reward; by default the candidate's.
    seed : int
        Of the resampling.
    n_boot : int
        Resamples behind each interval.
    progress : callable, optional
        Told what is being done and the share of it that is done.

    Raises
    ------
    ArtifactError
        If the candidate is no artifact, or the incumbent none of the three.
    TierError
        If the two know different tiers.
    TableError
        If the table has no rows that can tell, or ``logs`` stands for a table of full outcomes.
    SettingsError
        If lambda, the seed or the number of resamples is out of its range.
    """
    tell = progress or (lambda what, share: None)
    lam = lam_given(lam)
    seed = whole_number("seed", seed, least=0)
    n_boot = whole_number("n_boot", n_boot, least=1)
    path = table_path(table)
    tell("reading", 0.0)
    new = opened_artifact(candidate)
    old = _incumbent(incumbent, new)
    own_lam = new.lam if lam is None else lam
    rows = task_rows(read_table(path), new.tiers)
    hashes = task_hashes(rows.tasks_by_hash)
    fingerprint = table_fingerprint(path)
    prepared = value_rows(rows, new.tiers, cost_ref=new.cost_ref, seed=seed)
    tell("valuing the candidate", 0.3)
    ours = policy_value_rows(new, prepared, lam=own_lam)
    if ours.n_logged == 0 and old == LOGS:
        raise TableError(
            f"every tier ran on the tasks of {str(path)!r}, so the logs chose none; name the tier "
            "that was in use as the incumbent, or compare on a log of one tier per task"
        )
    tell("valuing the incumbent", 0.6)
    theirs = policy_value_rows(old, prepared, lam=own_lam)
    n_groups = len(np.unique(ours.groups))
    if n_groups < 2:
        raise TableError(
            f"table {str(path)!r} has {len(ours.groups):,} usable rows, all of one text or "
            "session; an interval needs at least two independent groups of tasks"
        )
    tell("resampling", 0.9)
    resampling = Resampling(ours.groups, n_boot, seed)
    gain, quality, cost = _differences(ours, theirs, resampling)
    facts = [
        _facts(policy, rows, resampling, hashes, fingerprint)
        for policy, rows in ((old, theirs), (new, ours))
    ]
    is_supported = min(ours.ess, theirs.ess) >= MIN_ESS
    tell("done", 1.0)
    return Comparison(
        incumbent=facts[0],
        candidate=facts[1],
        table=str(path),
        lam=own_lam,
        cost_ref=new.cost_ref,
        gain=gain,
        quality_gain=quality,
        cost_saved_usd=cost,
        n_rows=len(ours.groups),
        n_groups=n_groups,
        n_logged=ours.n_logged,
        is_observational=ours.is_observational,
        seed=seed,
        n_draws=n_boot,
        passes=bool(gain.low > 0 and is_supported),
        notes=_notes(old, new, facts, ours, n_groups, own_lam),
    )


def _incumbent(incumbent: Policy, candidate: Artifact) -> Artifact | str:
    """Tell a tier and ``logs`` from the path of an artifact; refuse other tiers."""
    names = candidate.tiers.names
    if isinstance(incumbent, str) and incumbent in (*names, LOGS):
        return incumbent
    if isinstance(incumbent, str) and not Path(incumbent).exists():
        raise SettingsError(
            f"incumbent {incumbent!r} is no artifact at that path, none of the candidate's tiers "
            f"({', '.join(names)}), and not {LOGS!r}; give one of these"
        )
    old = opened_artifact(incumbent)
    if old.tiers.names != names:
        raise TierError(
            f"the incumbent knows the tiers {', '.join(old.tiers.names)}, the candidate "
            f"{', '.join(names)}; both must know the same, cheap to dear: train one of them again"
        )
    return old


def _differences(
    ours: PolicyValueRows, theirs: PolicyValueRows, resampling: Resampling
) -> tuple[Interval, Interval, Interval]:
    columns = np.stack(
        [
            ours.reward - theirs.reward,
            ours.quality - theirs.quality,
            theirs.cost_usd - ours.cost_usd,
        ],
        axis=1,
    )
    gain, quality, cost = (interval_of(rows) for rows in resampling.rows(columns).T)
    return gain, quality, cost


def _facts(
    policy: Artifact | str,
    rows: PolicyValueRows,
    resampling: Resampling,
    hashes: np.ndarray,
    fingerprint: str,
) -> PolicyFacts:
    columns = np.stack([rows.quality, rows.cost_usd, rows.reward], axis=1)
    quality, cost_usd, reward = (interval_of(each) for each in resampling.rows(columns).T)
    common = {"quality": quality, "cost_usd": cost_usd, "reward": reward, "ess": float(rows.ess)}
    if isinstance(policy, str):
        kind = "logs" if policy == LOGS else "tier"
        return PolicyFacts(name=policy, kind=kind, **common)  # type: ignore[arg-type]  # two types
    known = policy.oof.get("task_hash", np.empty(0, np.uint64))
    return PolicyFacts(
        name=policy.artifact_id,
        kind="artifact",
        n_in_training=int(np.isin(hashes, known).sum()),
        is_training_table=policy.manifest.table_fingerprint == fingerprint,
        **common,  # type: ignore[arg-type]  # two types
    )


def _notes(
    old: Artifact | str,
    new: Artifact,
    facts: list[PolicyFacts],
    rows: PolicyValueRows,
    n_groups: int,
    lam: float,
) -> tuple[str, ...]:
    notes = []
    for name, each in zip(("incumbent", "candidate"), facts, strict=True):
        if each.n_in_training:
            table = "this very table" if each.is_training_table else "tasks of this table"
            notes.append(
                f"the {name} was trained on {table}: {each.n_in_training:,} tasks are judged by "
                "models that had not seen them, but whose blend was chosen on them"
            )
        if each.ess < MIN_ESS:
            notes.append(
                f"too few rows speak of the {name} (effective sample size {each.ess:.0f}, "
                f"{MIN_ESS:g} are needed)"
            )
    if not isinstance(old, str):
        if abs(old.cost_ref / new.cost_ref - 1.0) > _SAME_SCALE:
            notes.append(
                f"the incumbent counts {old.cost_ref:.3g} USD as cost 1, the candidate "
                f"{new.cost_ref:.3g}: each decides by its own, the reward is in the candidate's"
            )
        if old.lam != lam:
            notes.append(f"both decide at lambda {lam:g}; the incumbent's own is {old.lam:g}")
    if rows.is_observational:
        notes.append(
            "propensities were estimated from the logs: what the log's choice knew beyond the "
            "features is not corrected for"
        )
    return (*notes, *rough_intervals(n_groups))
