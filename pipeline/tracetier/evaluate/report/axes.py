"""What every chart shares: axes with a grid, whiskers, and names that fit.

A phone gets its own drawing rather than a shrunken one, so text is never smaller than it is meant.
"""

import math

from tracetier.evaluate.report.svg import Scale, element, label, number
from tracetier.measures.bootstrap import Interval

NARROW = 420
"""Pixels up to which a chart is drawn for a phone."""


def axes(x: Scale, y: Scale, height: int, x_name: str, y_name: str, width: int) -> str:
    """Return both axes with their ticks and names, and a grid."""
    parts = []
    for tick in y.ticks(5):
        parts.append(element("path", d=f"M{x.start},{y(tick):.1f}H{x.end}", class_="grid"))
        parts.append(label(number(tick), x.start - 6, y(tick) + 4, class_="tick", anchor="end"))
    for tick in x.ticks(7 if width > NARROW else 5):
        at = x(tick)
        parts.append(element("path", d=f"M{at:.1f},{y.start}v4", class_="axis"))
        parts.append(label(number(tick), at, y.start + 17, class_="tick", anchor="middle"))
    parts.append(element("path", d=f"M{x.start},{y.start}H{x.end}", class_="axis"))
    parts.append(label(y_name, x.start, 9, class_="name"))
    parts.append(label(x_name, x.end, height - 5, class_="name", anchor="end"))
    return element("g", *parts)


def whisker(at: float, interval: Interval, y: Scale, scale: float) -> str:
    """Return an interval as a vertical line, empty where it is not known."""
    if not math.isfinite(interval.low):
        return ""
    low, high = y(scale * interval.low), y(scale * interval.high)
    return element("path", d=f"M{at:.1f},{low:.1f}V{high:.1f}", class_="whisker")


def short_name(name: str, most: int = 12) -> str:
    """Cut a name to what fits beside a mark.

    Examples
    --------
    >>> short_name("a-very-long-tier")
    'a-very-long…'
    """
    return name if len(name) <= most else name[: most - 1] + "…"
