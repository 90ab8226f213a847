"""An alarm in the names of tiers and columns, for people, health checks and displays."""

from typing import Literal

from msgspec import Struct

from tracetier.route.drift import WINDOW, DriftAlarm
from tracetier.route.input_drift import MovedInput

ALARM_S = 86_400.0
"""How long an alarm on outcomes counts as news: a day."""


class Alarm(Struct, frozen=True, kw_only=True):
    """Something that is no longer as it was learned. Nothing is reset for it.

    Attributes
    ----------
    kind : {"outcomes", "inputs"}
    name : str
        Of the tier, or of the feature column.
    value : float
        Of a tier, by how much its quality (0-10) changed; of a column, its PSI.
    z : float, optional
        The change in standard errors.
    time_s : float, optional
        When it was raised, in seconds since 1970; an alarm on inputs holds now.
    """

    kind: Literal["outcomes", "inputs"]
    name: str
    value: float
    z: float | None = None
    time_s: float | None = None

    def __str__(self) -> str:
        if self.kind == "inputs":
            return f"tasks are not those of training: the PSI of {self.name} is {self.value:.2f}"
        way = "worse" if self.value < 0.0 else "better"
        return (
            f"{self.name} became {way}: its last {WINDOW} outcomes are {abs(self.value):.1f} of 10 "
            f"from what was usual ({abs(self.z or 0.0):.1f} standard errors)"
        )


def outcome_alarm(alarm: DriftAlarm, name: str) -> Alarm:
    """Return an alarm on a tier's outcomes, by the tier's name."""
    return Alarm(
        kind="outcomes", name=name, value=10.0 * alarm.change, z=alarm.z, time_s=alarm.time_s
    )


def input_alarm(moved: MovedInput) -> Alarm:
    """Return an alarm on a column."""
    return Alarm(kind="inputs", name=moved.column, value=moved.psi)


def is_news(alarm: Alarm, time_s: float) -> bool:
    """Whether an alarm is of the last day, or holds now."""
    return alarm.time_s is None or time_s - alarm.time_s <= ALARM_S
