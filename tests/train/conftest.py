"""Small tables whose outcomes are drawn, or planted, and a quick training run."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from tracetier.records import AttrValue, Task
from tracetier.train.heads import boosting
from tracetier.train.rows import TaskRows

Matrix = NDArray[np.float64]
MakeRows = Callable[..., TaskRows]

WORDS = ["alpha", "beta", "gamma", "list", "write", "files", "sum", "why", "each", "plus", "code"]


def draw_rows(
    n: int = 48,
    *,
    n_tiers: int = 2,
    n_types: int = 2,
    has_text: bool = True,
    has_tools: bool = True,
    attrs: Callable[[int], Mapping[str, AttrValue]] | None = None,
    groups: Sequence[int] | None = None,
    seed: int = 0,
) -> TaskRows:
    """Tasks of random words; quality uniform, cost log-normal and ten times dearer per tier."""
    rng = np.random.default_rng(seed)
    tasks = [
        Task(
            text=f"{' '.join(rng.choice(WORDS, 6))} {i}" if has_text else "",
            task_type=f"type {i % n_types}" if n_types else None,
            tools=rng.choice(["list_files", "bash", "edit"], 2).tolist() if has_tools else None,
            attrs=dict(attrs(i)) if attrs else None,
        )
        for i in range(n)
    ]
    cost_usd = rng.lognormal(size=(n, n_tiers)) * 10.0 ** (np.arange(n_tiers) - 3)
    return TaskRows(
        task_ids=[f"task {i}" for i in range(n)],
        tasks=tasks,
        groups=np.arange(n) if groups is None else np.array(groups, dtype=np.int64),
        quality=rng.random((n, n_tiers)),
        cost_usd=cost_usd,
        p_log=np.full((n, n_tiers), np.nan),
        models=("small", "large", "huge", "vast")[:n_tiers],
    )


@pytest.fixture(scope="session")
def make_rows() -> MakeRows:
    """``draw_rows``."""
    return draw_rows


@pytest.fixture
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rounds of boosting: what is tested does not hang on how good the trees are."""
    monkeypatch.setattr(boosting, "n_trees", lambda n_rows: 3)
