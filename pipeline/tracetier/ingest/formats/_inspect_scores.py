"""Scores of a sample, as its scorers gave them, but for letters, which become numbers.

That ``C`` is better than ``I`` is the format's own; which end of a number is good is not.
"""

import math
from collections.abc import Container, Iterator

from tracetier.ingest.formats._inspect_log import NULL, GivenScore, Sample
from tracetier.ingest.span import Score, ScoreSource

_LETTERS = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
_BY_REFERENCE = ("match", "includes", "exact", "f1", "pattern", "answer", "choice", "math")
_MAX_NESTING = 5


def scores_of(sample: Sample, judges: Container[str | None]) -> tuple[Score, ...]:
    """Return the scores of a sample: none where it was invalidated.

    Parameters
    ----------
    judges : container of str
        Scorers that called a model.
    """
    if sample.invalidation != NULL:
        return ()
    given = dict(sample.scores or {})
    if sample.score is not None:
        given.setdefault("score", sample.score)
    return tuple(
        score
        for name, value in given.items()
        for score in _scores(name, value, "judge" if name in judges else _source_of(name))
    )


def _source_of(name: str) -> ScoreSource:
    if name.startswith("model_graded"):
        return "judge"
    return "reference" if name.startswith(_BY_REFERENCE) else "programmatic"


def _scores(name: str, given: GivenScore, source: ScoreSource, depth: int = 0) -> Iterator[Score]:
    value = given.value
    if depth > _MAX_NESTING:
        return
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _scores(f"{name}/{key}", GivenScore(part), source, depth + 1)
    elif isinstance(value, list):
        for i, part in enumerate(value):
            yield from _scores(f"{name}/{i}", GivenScore(part), source, depth + 1)
    elif isinstance(value, str) and value in _LETTERS:
        yield Score(
            name=name, value=_LETTERS[value], source=source, low=0.0, high=1.0, better="high"
        )
    elif isinstance(value, bool | str):
        yield Score(name=name, value=value, source=source)
    elif isinstance(value, int | float) and math.isfinite(value):
        yield Score(name=name, value=float(value), source=source)
