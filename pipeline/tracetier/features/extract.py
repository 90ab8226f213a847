"""Task → features: the one extractor, for training rows and for live requests alike.

``extract`` sees a ``Task`` and nothing else, so an outcome cannot reach it, and a table row
gives the same features as the same task asked live.
"""

import threading
from collections.abc import Sequence
from math import log1p, nan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracetier.features.shape import shape_row
from tracetier.features.spec import X_COLUMNS
from tracetier.features.text import estimate_tokens, view_text
from tracetier.features.tool_names import Offer, offer_of, overlaps
from tracetier.features.words import Ids, field_hashes, hash_words
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


Row = list[float] | NDArray[np.float64]


class _Last(threading.local):
    """The last tasks of this thread and their rows: a log asks for what was just extracted."""

    task: Task | None = None
    row: Row = []  # noqa: RUF012 - only ever replaced
    others: dict[int, tuple[Task, Row]] = {}  # noqa: RUF012 - only ever replaced


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
    offer = offer_of(task.tools) if task.tools else None
    spoken = UNSPOKEN if offer is None else spoken_shares(offer, view.spaced)
    row += state_row(task, view.n_bytes, offer, spoken)
    remember(task, row)
    return Extracted(row, hash_words(view.tokens, field_hashes(task)))


def extract_row(task: Task) -> NDArray[np.float64]:
    """Return the numeric features alone, ``(len(X_COLUMNS),)``; ``nan`` where unknown."""
    return np.array(extract(task).row)


def known_features(task: Task) -> dict[str, float]:
    """Return the numeric features by name, without those that are unknown.

    Of the task that this thread extracted last, or of those that it was given together last, they
    are at hand.

    Examples
    --------
    >>> found = known_features(Task(text="Prove it.", turn_index=0))
    >>> found["x_words"] == log1p(2), found["x_turn"], "x_tools" in found
    (True, 0.0, False)
    """
    row = row_at_hand(task)
    return {name: value for name, value in zip(X_COLUMNS, row, strict=True) if value == value}


def row_at_hand(task: Task) -> list[float]:
    """Return the numeric features in a list of the caller's own, see `known_features`."""
    row = _last.row if _last.task is task else _row_among_last(task)
    if row is None:
        row = extract(task).row
    # Who encodes a task puts its further numbers at the end of the row.
    known = row[: len(X_COLUMNS)]
    return known if isinstance(known, list) else known.tolist()


def attr_value(task: Task, name: str) -> float:
    """Return a numeric attribute of the user's; ``nan`` where absent, a text, or absurd."""
    value = (task.attrs or {}).get(name, nan)
    return float(value) if not isinstance(value, str) and -_MOST <= value <= _MOST else nan


def remember(task: Task, row: Row) -> None:
    """Keep the row of a task at hand for `known_features`, until this thread's next."""
    _last.row, _last.task = row, task


def last_row(task: Task) -> Row:
    """Return the row of the task that this thread extracted last."""
    assert _last.task is task
    return _last.row


def remember_many(tasks: Sequence[Task], rows: Sequence[Row]) -> None:
    """Keep the rows of several tasks at hand, until this thread is given several again."""
    _last.others = {id(task): (task, row) for task, row in zip(tasks, rows, strict=True)}


def _row_among_last(task: Task) -> Row | None:
    found = _last.others.get(id(task))
    return found[1] if found is not None and found[0] is task else None


def state_row(
    task: Task, n_bytes: int, offer: Offer | None, spoken: tuple[float, float]
) -> list[float]:
    """Return the numbers behind the shape of the text, in the order of ``STATE_FEATURES``.

    Parameters
    ----------
    task : Task
    n_bytes : int
        UTF-8 length of its text.
    offer : Offer or None
        Its tools; ``None`` where it has none.
    spoken : (float, float)
        Largest and mean share of a tool's stems that the text speaks of.
    """
    estimate, n_tools = task.prompt_tokens_est, task.n_tools
    mean_length = dotted = nan
    if task.tools is not None:
        n_tools = len(task.tools)
    if offer is not None:
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


def spoken_shares(offer: Offer, spaced: bytes) -> tuple[float, float]:
    """Largest and mean share of a tool's stems that a text speaks of; of at least one tool."""
    total, largest = 0.0, 0.0
    for share in overlaps(offer, spaced):
        total += share  # ``sum`` rounds otherwise from Python 3.12 on
        if share > largest:
            largest = share
    return largest, total / len(offer.stems)


def _ln(count: float | None) -> float:
    if count is None or not count <= _MOST:
        return nan
    return log1p(count) if count > 0 else 0.0
