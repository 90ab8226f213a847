"""What is learned about features from training rows: columns and buckets.

``FittedFeatures`` is the bridge between the extractor, which knows nothing of the data, and the
heads, which see numbers only. It is saved as the artifact's ``features.json``.
"""

from functools import lru_cache
from typing import NamedTuple

import msgspec
from msgspec import Struct

from tracetier.errors import ArtifactError
from tracetier.features.buckets import Buckets
from tracetier.features.encoders import Embedding, encoder
from tracetier.features.extract import attr_value, extract, row_at_hand
from tracetier.features.spec import X_COLUMNS, fingerprint
from tracetier.features.words import Ids
from tracetier.records import Task


class Encoded(NamedTuple):
    """One task as the heads see it.

    Attributes
    ----------
    row : list of float, length d
        Numeric features, then the user's numeric attributes; ``nan`` where unknown.
    ids : (n_ids,) array of uint32
        Hashed words.
    bucket : int
        Context bucket.
    """

    row: list[float]
    ids: Ids
    bucket: int


class FittedFeatures(Struct, frozen=True, kw_only=True):
    """Columns and buckets of one trained model.

    Attributes
    ----------
    x_columns : tuple of str
        Names of the extractor's columns that the heads take, in order.
    attrs : tuple of str
        Names of the user's numeric attributes (without ``attr_``), in order.
    buckets : Buckets
        The context buckets.
    fingerprint : str
        That of the extractor which made the training rows.
    embedding : Embedding, optional
        A sentence encoder's view of the text; its columns stand last.
    """

    x_columns: tuple[str, ...]
    attrs: tuple[str, ...]
    buckets: Buckets
    fingerprint: str
    embedding: Embedding | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the d numeric columns."""
        named = self.x_columns + tuple(f"attr_{name}" for name in self.attrs)
        return named if self.embedding is None else named + self.embedding.columns

    def encode(self, task: Task) -> Encoded:
        """Encode a live task or a table row's task; the only way to the heads."""
        row, ids = extract(task)
        row = self._completed(task, row)
        return Encoded(row, ids, self.buckets.assign(task.task_type, row))

    def numbers(self, task: Task) -> list[float]:
        """Return the row of `encode` alone; at hand where this thread encoded the task last."""
        return self._completed(task, row_at_hand(task))

    def _completed(self, task: Task, row: list[float]) -> list[float]:
        if self.x_columns != X_COLUMNS:
            row = [row[place] for place in _places(self.x_columns)]
        if self.attrs:
            row += [attr_value(task, name) for name in self.attrs]
        if self.embedding is not None:
            row += self.embedding.of([task.text])[0].tolist()
        return row

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON types, for ``features.json``."""
        return dict(msgspec.to_builtins(self))

    @classmethod
    def from_dict(cls, content: object) -> "FittedFeatures":
        """Read ``features.json``.

        Raises
        ------
        ArtifactError
            If the content is malformed, or another extractor made it.
        """
        try:
            fitted = msgspec.convert(content, cls)
        except msgspec.ValidationError as error:
            raise ArtifactError(f"features.json: {error}; train the artifact again") from error
        if fitted.fingerprint != fingerprint():
            raise ArtifactError(
                f"features.json was made by extractor {fitted.fingerprint}, this version is "
                f"{fingerprint()}: the same task would give other features; train again"
            )
        unknown = sorted(set(fitted.x_columns).difference(X_COLUMNS))
        if unknown or len(set(fitted.x_columns)) < len(fitted.x_columns):
            raise ArtifactError(
                f"features.json takes the columns {', '.join(unknown) or 'of one name twice'}, "
                "which this version's extractor does not make; upgrade tracetier, or train again"
            )
        _audit_buckets(fitted)
        if fitted.embedding is not None:
            _audit_embedding(fitted.embedding)
        return fitted


@lru_cache(maxsize=64)
def _places(x_columns: tuple[str, ...]) -> tuple[int, ...]:
    """Where columns stand in the extractor's row."""
    return tuple(X_COLUMNS.index(name) for name in x_columns)


def _audit_buckets(fitted: FittedFeatures) -> None:
    buckets, n_columns = fitted.buckets, len(fitted.columns)
    n_buckets, n_splits = len(buckets.names), len(buckets.splits)
    good = n_buckets >= 1 and len(set(buckets.names)) == n_buckets
    good = good and all(0 <= b < n_buckets for b in buckets.types.values())
    for i, split in enumerate(buckets.splits):
        good = good and 0 <= split.feature < n_columns and split.threshold == split.threshold
        for child in (split.left, split.right):
            # Children stand after their parent, so a walk always ends.
            good = good and (i < child < n_splits or -n_buckets <= child < 0)
    if not good:
        raise ArtifactError(
            "features.json: a bucket or a split points outside the tables, or a name occurs twice; "
            "the artifact is damaged, save it again"
        )


def _audit_embedding(embedding: Embedding) -> None:
    lengths = {len(axis) for axis in embedding.axes}
    if len(lengths) != 1 or 0 in lengths or len(embedding.axes) != len(embedding.mean):
        raise ArtifactError(
            "features.json: the axes of the embedding are no matrix, or their number is not that "
            "of the mean; the artifact is damaged, save it again"
        )
    encoder(embedding.encoder)  # better unknown now than at the first request
