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
from tracetier.features.tool_names import overlaps
from tracetier.features.words import Ids, field_tokens, hash_words
from tracetier.records import Task

__all__ = ["X_COLUMNS", "Extracted", "attr_value", "extract", "extract_row", "known_features"]

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
    row: list[float] = []  # noqa: RUF012 - only ever replaced


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
    row += _state_row(task, view.n_bytes, view.tokens)
    _last.row, _last.task = row, task
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
    # Not strict: who encodes a task puts its further numbers at the end of the row.
    return {name: value for name, value in zip(X_COLUMNS, row, strict=False) if value == value}


def attr_value(task: Task, name: str) -> float:
    """Return a numeric attribute of the user's; ``nan`` where absent, a text, or absurd."""
    value = (task.attrs or {}).get(name, nan)
    return float(value) if not isinstance(value, str) and -_MOST <= value <= _MOST else nan


def _state_row(task: Task, n_bytes: int, tokens: list[bytes]) -> list[float]:
    tools = task.tools
    estimate = task.prompt_tokens_est
    if estimate is None:
        estimate = estimate_tokens(n_bytes)
    return [
        _ln(len(tools) if tools is not None else task.n_tools),
        *(_tool_row(tools, tokens) if tools else (nan, nan, nan, nan)),
        _ln(estimate),
        _ln(task.context_tokens),
        _ln(task.latency_limit_s),
        _ln(task.turn_index),
        _ln(task.n_prior_errors),
        _ln(task.n_prior_retries),
        _ln(task.n_files_touched),
        _ln(task.idle_s),
        nan if task.last_failed is None else float(task.last_failed),
    ]


def _ln(count: float | None) -> float:
    return log1p(max(count, 0)) if count is not None and count <= _MOST else nan


def _tool_row(tools: list[str], tokens: list[bytes]) -> tuple[float, float, float, float]:
    shares = overlaps(tools, tokens)
    n = len(tools)
    return (
        max(shares),
        sum(shares) / n,
        sum(map(len, tools)) / n,
        sum("." in tool for tool in tools) / n,
    )
