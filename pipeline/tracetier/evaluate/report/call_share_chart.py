"""Two panels over the share of calls to the dear tier: what they give, and what they cost."""

import math
from collections.abc import Callable

from tracetier.evaluate.call_share import CallSharePoint
from tracetier.evaluate.report.axes import NARROW, axes
from tracetier.evaluate.report.svg import Scale, area, drawing, element, hint, line, number
from tracetier.evaluate.result import FullResult
from tracetier.measures.bootstrap import Interval

_GAP = 28


def call_share_chart(full: FullResult, width: int) -> str:
    """Draw quality and cost against the share of calls that go to the dear tier.

    The dashed line calls it at random, and the cheapest tier otherwise.
    """
    assert full.call_share is not None
    is_wide = width > NARROW
    each = (width - _GAP) // 2 if is_wide else width
    height = 250
    parts = []
    for place, (name, scale, of) in enumerate(_MEASURES):
        left = place * (each + _GAP) if is_wide else 0
        down = 0 if is_wide else place * (height + 16)
        panel = _panel(full, name, scale, of, each, height)
        parts.append(element("g", panel, transform=f"translate({left},{down})"))
    return drawing(
        width,
        height if is_wide else 2 * height + 16,
        "By share of calls to the dear tier",
        f"Quality and cost of the router as more of the calls go to {full.call_share.tier}, and "
        "of calling it at random; the table below holds the numbers",
        *parts,
    )


_MEASURES: tuple[tuple[str, float, Callable[[CallSharePoint], Interval]], ...] = (
    ("quality, 0-10", 10.0, lambda point: point.quality),
    ("USD per 1,000 tasks", 1000.0, lambda point: point.cost_usd),
)


def _panel(
    full: FullResult,
    name: str,
    scale: float,
    of: Callable[[CallSharePoint], Interval],
    width: int,
    height: int,
) -> str:
    assert full.call_share is not None
    points = full.call_share.points
    ends = _at_random(full, is_quality=scale == 10.0)
    shown = [scale * value for value in ends]
    for point in points:
        interval = of(point)
        values = (interval.low, interval.estimate, interval.high)
        shown += [scale * value for value in values if math.isfinite(value)]
    room = 0.06 * (max(shown) - min(shown)) or 0.1
    x = Scale(0.0, 100.0, 44, width - 12)
    y = Scale(max(0.0, min(shown) - room), max(shown) + room, height - 40, 14)
    marks = [
        element(
            "g",
            hint(f"{100 * p.calls:.0f} % of calls: {number(scale * of(p).estimate)} {name}"),
            element(
                "circle",
                cx=x(100 * p.calls),
                cy=y(scale * of(p).estimate),
                r=3,
                class_="dot router",
            ),
        )
        for p in points
    ]
    return element(
        "g",
        axes(x, y, height, f"% of calls to {full.call_share.tier}", name, width),
        _band(points, of, scale, x, y),
        line([(x(0.0), y(scale * ends[0])), (x(100.0), y(scale * ends[1]))], "fixed"),
        line([(x(100 * p.calls), y(scale * of(p).estimate)) for p in points], "router"),
        *marks,
    )


def _at_random(full: FullResult, *, is_quality: bool) -> tuple[float, float]:
    """Return the measure of the cheapest and of the dear tier alone."""
    assert full.call_share is not None
    cheapest = min(full.fixed.values(), key=lambda each: each.cost_usd.estimate)
    ends = cheapest, full.fixed[full.call_share.tier]
    low, high = ((each.quality if is_quality else each.cost_usd).estimate for each in ends)
    return low, high


def _band(
    points: tuple[CallSharePoint, ...],
    of: Callable[[CallSharePoint], Interval],
    scale: float,
    x: Scale,
    y: Scale,
) -> str:
    known = [point for point in points if math.isfinite(of(point).low)]
    if not known:
        return ""
    over = [(x(100 * p.calls), y(scale * of(p).high)) for p in known]
    under = [(x(100 * p.calls), y(scale * of(p).low)) for p in known]
    return area(over + under[::-1], "band")
