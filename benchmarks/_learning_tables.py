"""How the learning benchmark prints: a row per contender, each figure with its interval."""

from collections.abc import Mapping, Sequence

import numpy as np
from rich.console import Console
from rich.table import Table as RichTable

from tracetier.measures.bootstrap import bootstrap_means, column_interval
from tracetier.train.rows import TaskRows

Figures = dict[str, float]
Table = dict[str, Figures]
"""Figures by contender."""

# Student's t for the mean of so many seeds, 95 %.
T_95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 8: 2.36, 10: 2.26, 12: 2.20, 20: 2.09}
N_BOOT = 2_000
WIDTH = 210


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean over seeds, and the ends of its 95 % interval."""
    mean, n = float(np.mean(values)), len(values)
    if n < 2:
        return mean, mean, mean
    at_least = max((known for known in T_95 if known <= n), default=2)
    reach = T_95[at_least] * float(np.std(values, ddof=1)) / n**0.5
    return mean, mean - reach, mean + reach


def show(title: str, found: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    """Print one table."""
    columns = list(next(iter(found.values())))
    n_seeds = len(next(iter(found.values()))[columns[0]])
    table = _table(f"{title}; {n_seeds} seeds", "contender", columns)
    for contender, figures in found.items():
        table.add_row(contender, *(_cell(*interval(figures[name])) for name in columns))
    Console(width=WIDTH).print(table)


def show_fixed(title: str, rows: TaskRows) -> None:
    """Print what each fixed tier gives, and which is the best on average."""
    best = int(rows.quality.mean(axis=0).argmax())
    table = _table(f"{title}: {len(rows.tasks)} tasks", "always", ["quality", "USD per task"])
    found = [
        bootstrap_means(values, rows.groups, n_draws=N_BOOT, seed=0)
        for values in (rows.quality, rows.cost_usd)
    ]
    for tier in range(rows.quality.shape[1]):
        name = f"tier {tier + 1}" + (" (majority tier: best on average)" if tier == best else "")
        cells = []
        for means, form in zip(found, (".4f", ".3g"), strict=True):
            one = column_interval(means, tier)
            cells.append(_cell(one.estimate, one.low, one.high, form))
        table.add_row(name, *cells)
    Console(width=WIDTH).print(table)


def _table(title: str, first: str, columns: Sequence[str]) -> RichTable:
    table = RichTable(title=title, title_justify="left")
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _cell(mean: float, low: float, high: float, form: str = ".4f") -> str:
    return f"{mean:{form}} [{low:{form}}, {high:{form}}]"
