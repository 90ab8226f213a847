"""The report of an outcome, checked: quality 0-10, cost in USD, either may be missing."""

import math
from numbers import Real

from msgspec import Struct

from tracetier.errors import FeedbackError
from tracetier.records import Feedback
from tracetier.route.event import Reported

_QUALITY = "in [0, 10]; a 0-1 score times 10"
_COST = "a finite number >= 0, in USD"


class Receipt(Struct, frozen=True, kw_only=True):
    """What a report taught; false where it taught nothing.

    Attributes
    ----------
    new : tuple of str
        Of "quality" and "cost_usd" those that were learned from, since they were not known.
    credited : tuple of str
        Decisions that a trace's outcome was credited to.
    unused : tuple of str
        Names of rewards that the map of rewards does not know.

    Examples
    --------
    >>> bool(Receipt(new=("quality",))), bool(Receipt())
    (True, False)
    """

    new: tuple[str, ...] = ()
    credited: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.new)


def reward_cost(cost_usd: float, cost_ref_usd: float) -> float:
    """Return ``c = min(1, cost_usd / cost_ref)`` in [0, 1].

    Where every tier was free in training (``cost_ref`` 0) any cost above 0 counts as 1.

    Examples
    --------
    >>> reward_cost(0.02, 0.08), reward_cost(0.1, 0.08), reward_cost(0.0, 0.0)
    (0.25, 1.0, 0.0)
    """
    if cost_usd >= cost_ref_usd:
        return 1.0 if cost_usd > 0.0 else 0.0
    return cost_usd / cost_ref_usd


def check_outcome(
    decision_id: str | Feedback,
    quality: float | None = None,
    cost_usd: float | None = None,
    time_s: float = 0.0,
) -> Reported:
    """Return a report as an event whose numbers are finite and in range, one of them known.

    Parameters
    ----------
    decision_id : str or Feedback
        The id that the decision carries; or the whole report, and then nothing else.
    quality : float, optional
        0-10.
    cost_usd : float, optional
        USD, >= 0.
    time_s : float
        When it came, in seconds since 1970.

    Raises
    ------
    FeedbackError
        If nothing is reported, or a value is no number, not finite or out of its range.
    """
    if isinstance(decision_id, Feedback):
        if quality is not None or cost_usd is not None:
            raise FeedbackError(
                "a Feedback was given together with quality or cost_usd; give the Feedback alone"
            )
        report = decision_id
        decision_id, quality, cost_usd = report.decision_id, report.quality, report.cost_usd
    if quality is None and cost_usd is None:
        raise FeedbackError(
            f"feedback for {decision_id!r} has neither quality nor cost_usd; give at least one"
        )
    # As they nearly always are, and on the hot path.
    if not (type(quality) is float and 0.0 <= quality <= 10.0):
        quality = _checked(decision_id, "quality", quality, 10.0, _QUALITY)
    if not (type(cost_usd) is float and 0.0 <= cost_usd < math.inf):
        cost_usd = _checked(decision_id, "cost_usd", cost_usd, math.inf, _COST)
    return Reported(decision_id, quality, cost_usd, time_s)


def checked_quality(decision_id: str, quality: float) -> float:
    """Return a quality, `FeedbackError` unless it is a number in [0, 10]."""
    checked = _checked(decision_id, "quality", quality, 10.0, _QUALITY)
    if checked is None:
        raise FeedbackError(f"feedback for {decision_id!r} has no quality; it must be {_QUALITY}")
    return checked


def _checked(
    decision_id: str, name: str, value: float | None, most: float, expected: str
) -> float | None:
    if value is None:
        return None
    # NaN fails every comparison. bool is a number too, and True is nobody's quality.
    if (
        isinstance(value, bool)
        or not isinstance(value, (float, Real))
        or not (0.0 <= value <= most and value != math.inf)
    ):
        raise FeedbackError(
            f"feedback for {decision_id!r}: {name} is {value!r}, must be {expected}; "
            "leave it out where it is unknown"
        )
    return float(value)
