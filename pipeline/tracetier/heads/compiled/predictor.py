"""A `TierPredictor` whose arithmetic is one call into compiled code."""

from collections.abc import Sequence
from math import log1p
from typing import Any

import numpy as np

from tracetier.features.extract import (
    UNSPOKEN,
    attr_value,
    last_row,
    remember,
    remember_many,
    state_row,
)
from tracetier.features.text import lower_case, read_part
from tracetier.features.tool_names import Offer, offer_of
from tracetier.features.words import NameKey, field_hashes, name_key
from tracetier.heads.compiled.trees import NO_TREES, flatten
from tracetier.heads.compiled.whole import Codes, Ints, Tables, predict
from tracetier.heads.compiled.words import stem_slot
from tracetier.heads.predictor import LOG_COST_BOUNDS, TierPredictor
from tracetier.heads.prior import Prediction
from tracetier.records import Task

_MAX_NAMED = 4096

# Hashed names; table of stems, starts and slots of the tools; the tools.
Named = tuple[tuple[Codes, Codes, Ints, Ints], Offer | None]


class CompiledPredictor:
    """Predicts as the plain one does, to about 1e-12.

    Immutable but for a bounded cache of names; safe to call from several threads.

    Parameters
    ----------
    plain : TierPredictor
        Of a model that `tracetier.heads.accelerate` found fit.
    """

    def __init__(self, plain: TierPredictor) -> None:
        self.features, self.heads, self.trees = plain.features, plain.heads, plain.trees
        tables = tables_of(plain)
        self._tables: tuple[Any, ...] = tuple(tables)
        self._d, self._k = tables.numbers.shape[1], len(tables.cost_scale)
        self._types, self._attrs = plain.features.buckets.types, plain.features.attrs
        self._named: dict[NameKey, Named] = {}

    def predict(self, task: Task) -> Prediction:
        """Predict one task, see `TierPredictor.predict`."""
        data, n_bytes = read_part(task.text)
        names, offer = self._names(task)
        state = state_row(task, n_bytes, offer, UNSPOKEN)
        if self._attrs:
            state += [attr_value(task, name) for name in self._attrs]
        out = predict(
            data,
            data if data.isascii() else lower_case(data),
            log1p(n_bytes),
            np.array(state),
            *names,
            -1 if task.task_type is None else self._types.get(task.task_type, -1),
            *self._tables,
        )
        d, k = self._d, self._k
        remember(task, out[:d])
        found: list[float] = out[d:].tolist()
        return Prediction(found[:k], found[k : 2 * k], found[2 * k : 3 * k], int(found[-1]))

    def predict_many(self, tasks: Sequence[Task]) -> list[Prediction]:
        """Predict n tasks one after the other, with nothing between them."""
        found, rows = [], []
        for task in tasks:
            found.append(self.predict(task))
            rows.append(last_row(task))
        remember_many(tasks, rows)
        return found

    def _names(self, task: Task) -> Named:
        """Hashes of a task's names, and its tools' stems; those that come again are at hand."""
        key = name_key(task)
        if key is None:
            return named(task)
        found = self._named.get(key)
        if found is None:
            found = named(task)
            if len(self._named) >= _MAX_NAMED:
                self._named.clear()
            self._named[key] = found
        return found


def named(task: Task) -> Named:
    """Hash a task's names, and lay out its tools' stems."""
    fields = field_hashes(task)
    if not task.tools:
        nothing = np.zeros(0, np.uint32), np.zeros(1, np.int64), np.zeros(0, np.int64)
        return (fields, *nothing), None
    offer = offer_of(task.tools)
    size = 8
    while size < 2 * len(offer.all_stems):
        size *= 2
    stems, place = np.zeros(size, np.uint32), {}
    for stem in sorted(offer.all_stems):
        code = int.from_bytes(stem, "little")
        slot = stem_slot(code, size - 1)
        while stems[slot]:
            slot = (slot + 1) % size
        stems[slot] = code
        place[stem] = slot
    slots = [place[stem] for of_tool in offer.stems for stem in of_tool]
    starts = np.cumsum([0, *map(len, offer.stems)])
    return (fields, stems, starts.astype(np.int64), np.array(slots, np.int64)), offer


def tables_of(plain: TierPredictor) -> Tables:
    """Lay out a model for the kernel."""
    heads, near = plain.heads, plain.near
    splits = plain.features.buckets.splits
    forest = NO_TREES if plain.trees is None else flatten(plain.trees.forest)
    return Tables(
        numbers=np.stack([heads.center, heads.low, heads.high]),
        dense=heads.dense,
        buckets=heads.buckets,
        encoding=heads.encoding,
        words=plain.words,
        cost_scale=np.array(plain.cost_scale),
        bounds=np.array(LOG_COST_BOUNDS),
        splits=np.array([(s.feature, s.left, s.right) for s in splits], np.int64).reshape(-1, 3),
        split_at=np.array([s.threshold for s in splits]),
        near_scale=heads.near_scale,
        near_points=np.ascontiguousarray(-2.0 * heads.near_points.T),
        near_offsets=np.zeros((1, 0)) if near is None else near.offsets,
        near_values=heads.near_values,
        near_rank=0 if near is None else near.rank,
        nodes=forest.nodes,
        roots=forest.roots,
        outputs=forest.outputs,
        leaf_value=forest.leaf_value,
    )
