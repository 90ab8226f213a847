"""Evaluations that OpenTelemetry or OpenInference tell as attributes → scores.

A GenAI evaluation is an event: its number where it has one, else its label, whose meaning is the
evaluator's own. The event stands in the logs, seldom in the span, and may come long after it.
"""

import math
from collections.abc import Iterator
from datetime import datetime

from tracetier.ingest.coerce import number
from tracetier.ingest.formats._annotations import make_score
from tracetier.ingest.formats._attributes import indexed, text_of
from tracetier.ingest.formats._raw_span import Attrs
from tracetier.ingest.issue import Fault
from tracetier.ingest.span import Score

EVALUATION = "gen_ai.evaluation.result"
_VALUE, _LABEL = "gen_ai.evaluation.score.value", "gen_ai.evaluation.score.label"
_INLINE = (("annotations.", "annotation"), ("evaluations.", "evaluation"))


def score_of_event(attrs: Attrs, time: datetime | None) -> Score | None:
    """Return the score of an evaluation event, ``None`` where the evaluation itself failed.

    Raises
    ------
    Fault
        If the value is no number.

    Examples
    --------
    >>> told = {"gen_ai.evaluation.name": "Relevance", "gen_ai.evaluation.score.label": "pass"}
    >>> score_of_event(told, None).value
    'pass'
    """
    name = text_of(attrs, ("gen_ai.evaluation.name",))
    if name is None:
        return None
    value, label = attrs.get(_VALUE), attrs.get(_LABEL)
    if isinstance(value, bool):
        return Score(name=name, value=value, time=time)
    if value is not None:
        try:
            found = number(value)
        except Fault as fault:
            raise Fault("bad_value", f"{_VALUE} must be {fault}", pointer=_VALUE) from None
        if math.isfinite(found):
            return Score(name=name, value=found, time=time)
    return Score(name=name, value=label, time=time) if isinstance(label, str) and label else None


def inline_scores(attrs: Attrs) -> Iterator[Score]:
    """Yield the annotations and evaluations that stand on the span itself.

    Raises
    ------
    Fault
        If a score is no number.
    """
    for prefix, inner in _INLINE:
        for item in indexed(attrs, prefix):
            name = item.get(f"{inner}.name")
            found = make_score(
                name if isinstance(name, str) else None,
                item.get(f"{inner}.score"),
                item.get(f"{inner}.label"),
                kind=item.get(f"{inner}.annotator_kind"),
                time=None,
            )
            if found is not None:
                yield found
