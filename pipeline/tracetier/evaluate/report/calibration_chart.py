"""Predicted against observed quality, a panel for each tier."""

import math

from tracetier.evaluate.calibration import TierCalibration
from tracetier.evaluate.report.axes import NARROW, short_name, whisker
from tracetier.evaluate.report.svg import Scale, drawing, element, hint, label, number


def calibration_chart(calibration: dict[str, TierCalibration], width: int) -> str:
    """Draw predicted against observed quality, a panel for each tier."""
    per_row = min(len(calibration), 3 if width > NARROW else 2)
    size = (width - 8) / per_row
    rows = math.ceil(len(calibration) / per_row)
    values = [
        10 * value
        for each in calibration.values()
        for one in each.bins
        for value in (one.predicted, one.observed.estimate)
    ]
    low = max(0.0, math.floor(min(values, default=0.0)))
    parts = []
    for place, (tier, each) in enumerate(calibration.items()):
        left, top = 4 + (place % per_row) * size, (place // per_row) * (size + 14)
        x = Scale(low, 10.0, left + 28, left + size - 8)
        y = Scale(low, 10.0, top + size - 22, top + 26)
        parts.append(_panel(tier, each, x, y))
    return drawing(
        width,
        round(rows * (size + 14)) - 14,
        "Calibration",
        "Mean outcome of tasks of similar prediction, per tier; on the diagonal they agree",
        *parts,
    )


def _panel(tier: str, found: TierCalibration, x: Scale, y: Scale) -> str:
    parts = [
        element("path", d=f"M{x.start},{y.start}L{x.end},{y.end}", class_="line fixed"),
        element("path", d=f"M{x.start},{y.end}V{y.start}H{x.end}", class_="axis outline"),
        label(short_name(tier, 16), x.start, y.end - 10, class_="note strong"),
    ]
    for tick in x.ticks(4):
        parts.append(label(number(tick), x(tick), y.start + 15, class_="tick", anchor="middle"))
        parts.append(label(number(tick), x.start - 5, y(tick) + 4, class_="tick", anchor="end"))
    for one in found.bins:
        at, level = x(10 * one.predicted), y(10 * one.observed.estimate)
        parts.append(
            element(
                "g",
                hint(
                    f"{tier}: {one.n:,} tasks, predicted {10 * one.predicted:.2f}, "
                    f"came {10 * one.observed.estimate:.2f}"
                ),
                whisker(at, one.observed, y, 10.0),
                element("circle", cx=at, cy=level, r=4, class_="dot router"),
            )
        )
    return element("g", *parts)
