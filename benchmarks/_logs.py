"""Logs drawn from full outcomes: one tier per task, by a policy that is known exactly.

``logged`` is the policy behind ``logged.jsonl.gz`` (longer prompts and some task types go to dearer
tiers), drawn anew; ``given`` is that file itself; ``uniform`` takes each tier as often;
``hard`` gives the dear tier the tasks that go badly, which no feature tells.
"""

import gzip
import hashlib
from pathlib import Path

import msgspec
import numpy as np
from _outcomes import shared_path
from numpy.typing import NDArray

from tracetier.train.rows import TaskRows

Matrix = NDArray[np.float64]
Index = NDArray[np.intp]

LOGS = ("given", "logged", "uniform", "hard")
# Mean and deviation of ln(1 + characters), as the data sets' own pages state them.
_LENGTHS = {"pareto3": (5.453, 0.669), "bfcl_claude": (4.913, 0.809)}
_BIAS = {"low": 0.2, "mid": 0.3, "high": 0.0}
_SLOPE = {"low": -0.8, "mid": 0.0, "high": 0.8}
_HARD_SLOPE = 1.5
_FLOOR, _REST = 0.05, 0.85


def logging_policy(log: str, name: str, tiers: tuple[str, ...], rows: TaskRows) -> Matrix:
    """Probability with which a log takes each tier on each task, ``(n, K)``."""
    if log == "uniform":
        return np.full(rows.quality.shape, 1.0 / len(tiers))
    if log == "hard":
        badness = -rows.quality.mean(axis=1)
        z = ((badness - badness.mean()) / badness.std()).clip(-2.0, 2.0)
        # From cheap to dear: -slope, 0, slope.
        logit = np.outer(z, np.linspace(-_HARD_SLOPE, _HARD_SLOPE, len(tiers)))
    else:
        mean, deviation = _LENGTHS[name]
        length = np.array([len(task.text) for task in rows.tasks])
        z = ((np.log(1 + length) - mean) / deviation).clip(-2.0, 2.0)
        taste = [[_taste(task.task_type or "", tier) for tier in tiers] for task in rows.tasks]
        slope, bias = ([part[tier] for tier in tiers] for part in (_SLOPE, _BIAS))
        logit = np.outer(z, slope) + bias + np.array(taste)
    odds = np.exp(logit)
    return np.asarray(_FLOOR + _REST * odds / odds.sum(axis=1, keepdims=True))


def _taste(task_type: str, tier: str) -> float:
    digest = hashlib.sha256(f"{task_type}|{tier}".encode()).hexdigest()
    return 1.6 * int(digest[:8], 16) / 2**32 - 0.8


def draw_log(
    log: str, name: str, tiers: tuple[str, ...], rows: TaskRows, seed: int
) -> tuple[TaskRows, Matrix]:
    """Keep of each task the tier that the log takes, with its propensity.

    Returns
    -------
    logged : TaskRows
        The same tasks.
    policy : (n, K) array
        Of the log.
    """
    policy = logging_policy(log, name, tiers, rows)
    if log == "given":
        tier, p_log = _given(name, tiers, rows)
    else:
        chance = np.random.default_rng(seed).random(len(policy))
        tier = np.minimum((policy.cumsum(axis=1) < chance[:, None]).sum(axis=1), len(tiers) - 1)
        p_log = policy[np.arange(len(tier)), tier]
    taken = np.arange(len(tiers)) == tier[:, None]
    return rows._replace(
        quality=np.where(taken, rows.quality, np.nan),
        cost_usd=np.where(taken, rows.cost_usd, np.nan),
        p_log=np.where(taken, p_log[:, None], np.nan),
    ), policy


def _given(name: str, tiers: tuple[str, ...], rows: TaskRows) -> tuple[Index, Matrix]:
    path: Path = shared_path(name).with_name("logged.jsonl.gz")
    found = {}
    with gzip.open(path) as lines:
        for line in lines:
            record = msgspec.json.decode(line)
            found[record["task_id"]] = tiers.index(record["tier"]), record["propensity"]
    tier, p_log = zip(*(found[task] for task in rows.task_ids), strict=True)
    return np.array(tier), np.array(p_log)
