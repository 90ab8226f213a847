"""Task → features: the one extractor, for training rows and for live requests alike.

``extract`` sees a ``Task`` and nothing else, so an outcome cannot reach it, and a table row
gives the same features as the same task asked live.
"""

import threading
from math import log1p, nan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracetier.features.shape import shape_row
from tracetier.features.spec import X_COLUMNS
from tracetier.features.text import estimate_tokens, view_text
from tracetier.features.tool_names import offer_of, overlaps
from tracetier.features.words import Ids, field_tokens, hash_words
from tracetier.records import Task

__all__ = ["X_COLUMNS", "Extracted", "attr_value", "extract", "extract_row", "known_features"]

UNSPOKEN = (nan, nan)
"""Shares of tools where there are none."""

_MOST = 1e30
"""A number beyond it says nothing; squares and single precision must hold what is left."""


class Extracted(NamedTuple):
    """Features of one task.

    Attributes
    ----------
    row : list of float, length ``len(X_COLUMNS)``
        In the order of ``X_COLUMNS``; finite, or ``nan`` where unknown.
    ids : (n_ids,) array of uint32
        Hashed words, ascending and distinct.
    """

    row: list[float]
    ids: Ids


class _Last(threading.local):
    """The last task of this thread and its row: a log asks for what the router just extracted."""

    task: Task | None = None
    row: list[float] | NDArray[np.float64] = []  # noqa: RUF012 - only ever replaced


_last = _Last()


def extract(task: Task) -> Extracted:
    """Extract the features of one task.

    Examples
    --------
    >>> found = extract(Task(text="List the files in /tmp", tools=["list_files", "read_file"]))
    >>> dict(zip(X_COLUMNS, found.row))["x_tool_overlap_max"]
    1.0
    """
    view = view_text(task.text)
    distinct = set(view.tokens)
    row = shape_row(view, distinct)
    spoken = spoken_shares(task.tools, view.spaced) if task.tools else UNSPOKEN
    row += state_row(task, view.n_bytes, spoken)
    remember(task, row)
    return Extracted(row, hash_words(view.tokens, list(field_tokens(task))))


def extract_row(task: Task) -> NDArray[np.float64]:
    """Return the numeric features alone, ``(len(X_COLUMNS),)``; ``nan`` where unknown."""
    return np.array(extract(task).row)


def known_features(task: Task) -> dict[str, float]:
    """Return the numeric features by name, without those that are unknown.

    Of the task that this thread extracted last they are at hand.

    Examples
    --------
    >>> found = known_features(Task(text="Prove it.", turn_index=0))
    >>> found["x_words"] == log1p(2), found["x_turn"], "x_tools" in found
    (True, 0.0, False)
    """
    row = _last.row if _last.task is task else extract(task).row
    if isinstance(row, np.ndarray):
        row = row.tolist()
    # Not strict: who encodes a task puts its further numbers at the end of the row.
    return {name: value for name, value in zip(X_COLUMNS, row, strict=False) if value == value}


def attr_value(task: Task, name: str) -> float:
    """Return a numeric attribute of the user's; ``nan`` where absent, a text, or absurd."""
    value = (task.attrs or {}).get(name, nan)
    return float(value) if not isinstance(value, str) and -_MOST <= value <= _MOST else nan


def remember(task: Task, row: list[float] | NDArray[np.float64]) -> None:
    """Keep the row of a task at hand for `known_features`, until this thread's next."""
    _last.row, _last.task = row, task


def state_row(task: Task, n_bytes: int, spoken: tuple[float, float]) -> list[float]:
    """Return the numbers behind the shape of the text, in the order of ``STATE_FEATURES``.

    Parameters
    ----------
    task : Task
    n_bytes : int
        UTF-8 length of its text.
    spoken : (float, float)
        Largest and mean share of a tool's stems that the text speaks of.
    """
    tools, estimate, n_tools = task.tools, task.prompt_tokens_est, task.n_tools
    mean_length = dotted = nan
    if tools is not None:
        n_tools = len(tools)
        if tools:
            offer = offer_of(tools)
            mean_length, dotted = offer.mean_length, offer.dotted
    if estimate is None:
        estimate = estimate_tokens(n_bytes)
    failed = task.last_failed
    return [
        _ln(n_tools),
        *spoken,
        mean_length,
        dotted,
        _ln(estimate),
        _ln(task.context_tokens),
        _ln(task.latency_limit_s),
        _ln(task.turn_index),
        _ln(task.n_prior_errors),
        _ln(task.n_prior_retries),
        _ln(task.n_files_touched),
        _ln(task.idle_s),
        nan if failed is None else float(failed),
    ]


def spoken_shares(tools: list[str], spaced: bytes) -> tuple[float, float]:
    """Largest and mean share of a tool's stems that a text speaks of; of at least one tool."""
    total, largest = 0.0, 0.0
    for share in overlaps(offer_of(tools), spaced):
        total += share  # ``sum`` rounds otherwise from Python 3.12 on
        if share > largest:
            largest = share
    return largest, total / len(tools)


def _ln(count: float | None) -> float:
    if count is None or not count <= _MOST:
        return nan
    return log1p(count) if count > 0 else 0.0
