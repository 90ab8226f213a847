"""Quality against cost: the router's frontier among the fixed tiers and the controls."""

import math
from collections.abc import Sequence

from tracetier.evaluate.report.axes import NARROW, axes, short_name, whisker
from tracetier.evaluate.report.svg import (
    Point,
    Scale,
    area,
    drawing,
    element,
    hint,
    label,
    line,
    number,
)
from tracetier.evaluate.result import CurvePoint, FullResult, PolicyOutcome
from tracetier.measures.bootstrap import Interval
from tracetier.measures.hull import upper_hull

_DRAWN_CONTROLS = {"bucket mean": "bucket", "kNN": "knn", "shuffled": "shuffled"}

LEGEND = (
    ("router", "router, with 95 % band"),
    ("fixed", "fixed tiers (diamonds), mixed"),
    ("bucket", "bucket mean"),
    ("knn", "nearest neighbours"),
    ("shuffled", "shuffled"),
    ("oracle", "oracle, in hindsight"),
)
"""Class of a series in the frontier chart, and its name."""


def frontier_chart(full: FullResult, width: int) -> str:
    """Draw quality against cost: the router, tiers, controls and the points set beforehand."""
    height = 400 if width > NARROW else 330
    costs = [1000 * each.cost_usd.estimate for each in full.fixed.values()]
    top = max(costs) * 1.25
    low = max(min(costs) * 0.7, top / 3e4)
    shown = [10 * each.quality.estimate for each in full.fixed.values()]
    shown += [10 * p.quality.estimate for p in full.controls["oracle"].curve if p.cost_usd]
    lowest = min([*shown, *(10 * p.quality.low for p in full.router.curve if p.quality.low >= 0)])
    floor = max(0.0, min(lowest, min(shown) - 0.12 * (max(shown) - min(shown) + 0.1)))
    x = Scale(low, top, 44, width - 12, is_log=True)
    y = Scale(floor, min(10.0, max(shown) + 0.06 * (max(shown) - floor)), height - 40, 14)
    parts = [axes(x, y, height, "USD per 1,000 tasks", "quality, 0-10", width)]
    parts.append(line(_places(full.controls["oracle"].curve, x, y), "oracle"))
    parts.append(_band(full.router.curve, x, y))
    for name, class_ in _DRAWN_CONTROLS.items():
        if name in full.controls:
            parts.append(line(_places(full.controls[name].curve, x, y), class_))
    parts.append(_fixed_line(full, x, y))
    parts.append(line(_places(full.router.curve, x, y), "router"))
    parts += [_tier_mark(name, each, x, y, width) for name, each in full.fixed.items()]
    for name, words in (("quality_99", "99 %"), ("quality_100", "100 %")):
        parts.append(_set_mark(words, full.calibrated[name], x, y))
    return drawing(
        width,
        height,
        "Quality against cost",
        "The router's frontier, the fixed tiers, the controls and the operating points that were "
        "set beforehand; the tables below hold the numbers",
        *parts,
    )


def _places(curve: Sequence[CurvePoint], x: Scale, y: Scale) -> list[Point]:
    return [(x(1000 * point.cost_usd), y(10 * point.quality.estimate)) for point in curve]


def _band(curve: Sequence[CurvePoint], x: Scale, y: Scale) -> str:
    known = [point for point in curve if math.isfinite(point.quality.low)]
    if not known:
        return ""
    over = [(x(1000 * p.cost_usd), y(10 * p.quality.high)) for p in known]
    under = [(x(1000 * p.cost_usd), y(10 * p.quality.low)) for p in known]
    return area(over + under[::-1], "band")


def _fixed_line(full: FullResult, x: Scale, y: Scale) -> str:
    """Mixtures of fixed tiers: straight in cost, hence curved on its logarithm."""
    hull = upper_hull(
        [each.cost_usd.estimate for each in full.fixed.values()],
        [each.quality.estimate for each in full.fixed.values()],
    )
    places: list[Point] = []
    for i in range(len(hull.cost) - 1):
        for step in range(25):
            part = (step / 24) ** 2  # denser where the logarithm bends
            cost = hull.cost[i] + part * (hull.cost[i + 1] - hull.cost[i])
            quality = hull.quality[i] + part * (hull.quality[i + 1] - hull.quality[i])
            places.append((x(1000 * cost), y(10 * quality)))
    return line(places, "fixed")


def _tier_mark(name: str, found: PolicyOutcome, x: Scale, y: Scale, width: int) -> str:
    cost, quality = 1000 * found.cost_usd.estimate, 10 * found.quality.estimate
    at, level = x(cost), y(quality)
    is_right = at > width - 60
    return element(
        "g",
        hint(f"always {name}: quality {quality:.2f} at {number(cost)} USD per 1,000 tasks"),
        element("path", d=f"M{at:.1f},{level - 6:.1f}l6,6l-6,6l-6,-6Z", class_="dot fixed"),
        label(
            short_name(name),
            width - 2 if is_right else at + 9,
            level + 22 if is_right else level + 16,
            class_="note halo",
            anchor="end" if is_right else "start",
        ),
    )


def _set_mark(words: str, found: PolicyOutcome, x: Scale, y: Scale) -> str:
    cost, quality = 1000 * found.cost_usd.estimate, 10 * found.quality.estimate
    at, level = x(cost), y(quality)
    across = ""
    if math.isfinite(found.cost_usd.low):
        low, high = x(1000 * found.cost_usd.low), x(1000 * found.cost_usd.high)
        across = element("path", d=f"M{low:.1f},{level:.1f}H{high:.1f}", class_="whisker")
    return element(
        "g",
        hint(f"set to keep {words}: quality {quality:.2f} at {number(cost)} USD per 1,000 tasks"),
        across,
        whisker(at, found.quality, y, 10.0),
        element("circle", cx=at, cy=level, r=6, class_="dot set"),
        label(
            words, at, _above(found.quality, level, y), class_="note strong halo", anchor="middle"
        ),
    )


def _above(interval: Interval, level: float, y: Scale) -> float:
    """Place of a label above the whisker, or above the mark where there is none."""
    return (y(10.0 * interval.high) if math.isfinite(interval.high) else level - 7) - 6
