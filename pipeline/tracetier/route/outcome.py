"""The report of an outcome, checked: quality 0-10, cost in USD, either may be missing."""

import math
from numbers import Real
from typing import NamedTuple

from tracetier.errors import FeedbackError
from tracetier.records import Feedback


class Outcome(NamedTuple):
    """A report whose numbers are finite and in range, at least one of them known."""

    decision_id: str
    quality_10: float | None
    cost_usd: float | None

    def reward_cost(self, cost_ref_usd: float) -> float | None:
        """Return ``c = min(1, cost_usd / cost_ref)`` in [0, 1], ``None`` for an unknown cost.

        Where every tier was free in training (``cost_ref`` 0) any cost above 0 counts as 1.

        Examples
        --------
        >>> Outcome("d", None, 0.02).reward_cost(0.08), Outcome("d", 5.0, None).reward_cost(0.08)
        (0.25, None)
        """
        if self.cost_usd is None:
            return None
        if self.cost_usd >= cost_ref_usd:
            return 1.0 if self.cost_usd > 0.0 else 0.0
        return self.cost_usd / cost_ref_usd


def check_outcome(
    decision_id: str | Feedback, quality: float | None = None, cost_usd: float | None = None
) -> Outcome:
    """Return the report as an `Outcome`.

    Parameters
    ----------
    decision_id : str or Feedback
        The id that the decision carries; or the whole report, and then nothing else.
    quality : float, optional
        0-10.
    cost_usd : float, optional
        USD, >= 0.

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
    return Outcome(
        decision_id,
        _checked(decision_id, "quality", quality, 10.0, "in [0, 10]; a 0-1 score times 10"),
        _checked(decision_id, "cost_usd", cost_usd, math.inf, "a finite number >= 0, in USD"),
    )


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
