"""The charts of the report: from figures to SVG, each for a given width.

A phone gets its own drawing rather than a shrunken one, so text is never smaller than it is meant.
"""

import math
from collections.abc import Sequence

from tracetier.evaluate.calibration import TierCalibration
from tracetier.evaluate.learning_curve import LearningPoint
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
from tracetier.evaluate.result import CurvePoint, FrontierPoint, FullResult, PolicyOutcome
from tracetier.measures.bootstrap import Interval
from tracetier.measures.hull import upper_hull

_NARROW = 420
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
    height = 400 if width > _NARROW else 330
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


def share_chart(
    points: Sequence[FrontierPoint], tiers: Sequence[str], lam: float, width: int
) -> str:
    """Draw which share of the tasks each tier gets as lambda grows."""
    height = 250
    lams = [point.lam for point in points if point.lam > 0]
    low, high = (min(lams), max(lams)) if lams else (0.1, 1.0)
    low, high = min(low, lam or low) / 1.3, max(high, lam) * 1.3
    x = Scale(low, high, 44, width - 12, is_log=True)
    y = Scale(0.0, 100.0, height - 40, 14)
    edges = [x(max(point.lam, low)) for point in points] + [float(width - 12)]
    under = [0.0] * len(points)
    parts = []
    for k, tier in enumerate(tiers):
        over = [b + 100 * point.share[tier] for b, point in zip(under, points, strict=True)]
        parts.append(
            area(
                _steps(edges, over, y) + _steps(edges, under, y)[::-1],
                f"tier-{k % 8}",
                hint(f"{tier}: {_range_of(points, tier)} of the tasks"),
            )
        )
        under = over
    marker = _lam_marker(lam, x, y) if lam > 0 else ""
    return drawing(
        width,
        height,
        "Tier share by lambda",
        "From quality alone on the left to cost alone on the right",
        *parts,
        axes(x, y, height, "lambda, the weight of cost", "% of tasks", width),
        marker,
    )


def calibration_chart(calibration: dict[str, TierCalibration], width: int) -> str:
    """Draw predicted against observed quality, a panel for each tier."""
    per_row = min(len(calibration), 3 if width > _NARROW else 2)
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


def learning_chart(points: Sequence[LearningPoint], width: int) -> str:
    """Draw what trainings on more and more tasks are worth."""
    height = 250
    values = [
        100 * value
        for point in points
        for value in (point.gap_closed.low, point.gap_closed.high, point.gap_closed.estimate)
        if math.isfinite(value)
    ]
    x = Scale(points[0].n_tasks / 1.15, points[-1].n_tasks * 1.15, 44, width - 12, is_log=True)
    y = Scale(min(0.0, min(values)), max(values) * 1.08, height - 40, 14)
    places = [(x(point.n_tasks), y(100 * point.gap_closed.estimate)) for point in points]
    marks = [
        element(
            "g",
            hint(f"{point.n_tasks:,} tasks: {_percents(point.gap_closed)} of the gap closed"),
            _whisker(x(point.n_tasks), point.gap_closed, y, 100.0),
            element("circle", cx=at[0], cy=at[1], r=4, class_="dot router"),
        )
        for point, at in zip(points, places, strict=True)
    ]
    return drawing(
        width,
        height,
        "Learning curve",
        "Share of the gap closed after training on more and more tasks, told on others",
        axes(x, y, height, "tasks of the training", "% of the gap closed", width),
        line(places, "router"),
        *marks,
    )


def axes(x: Scale, y: Scale, height: int, x_name: str, y_name: str, width: int) -> str:
    """Return both axes with their ticks and names, and a grid."""
    parts = []
    for tick in y.ticks(5):
        parts.append(element("path", d=f"M{x.start},{y(tick):.1f}H{x.end}", class_="grid"))
        parts.append(label(number(tick), x.start - 6, y(tick) + 4, class_="tick", anchor="end"))
    for tick in x.ticks(7 if width > _NARROW else 5):
        at = x(tick)
        parts.append(element("path", d=f"M{at:.1f},{y.start}v4", class_="axis"))
        parts.append(label(number(tick), at, y.start + 17, class_="tick", anchor="middle"))
    parts.append(element("path", d=f"M{x.start},{y.start}H{x.end}", class_="axis"))
    parts.append(label(y_name, x.start, 9, class_="name"))
    parts.append(label(x_name, x.end, height - 5, class_="name", anchor="end"))
    return element("g", *parts)


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
            _short(name),
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
        _whisker(at, found.quality, y, 10.0),
        element("circle", cx=at, cy=level, r=6, class_="dot set"),
        label(
            words, at, _above(found.quality, level, y), class_="note strong halo", anchor="middle"
        ),
    )


def _above(interval: Interval, level: float, y: Scale) -> float:
    """Place of a label above the whisker, or above the mark where there is none."""
    return (y(10.0 * interval.high) if math.isfinite(interval.high) else level - 7) - 6


def _whisker(at: float, interval: Interval, y: Scale, scale: float) -> str:
    if not math.isfinite(interval.low):
        return ""
    low, high = y(scale * interval.low), y(scale * interval.high)
    return element("path", d=f"M{at:.1f},{low:.1f}V{high:.1f}", class_="whisker")


def _panel(tier: str, found: TierCalibration, x: Scale, y: Scale) -> str:
    parts = [
        element("path", d=f"M{x.start},{y.start}L{x.end},{y.end}", class_="line fixed"),
        element("path", d=f"M{x.start},{y.end}V{y.start}H{x.end}", class_="axis outline"),
        label(_short(tier, 16), x.start, y.end - 10, class_="note strong"),
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
                _whisker(at, one.observed, y, 10.0),
                element("circle", cx=at, cy=level, r=4, class_="dot router"),
            )
        )
    return element("g", *parts)


def _steps(edges: Sequence[float], values: Sequence[float], y: Scale) -> list[Point]:
    """Level over each policy's range of lambda."""
    found: list[Point] = []
    for place, value in enumerate(values):
        found += [(edges[place], y(value)), (edges[place + 1], y(value))]
    return found


def _lam_marker(lam: float, x: Scale, y: Scale) -> str:
    at = x(lam)
    is_right = at > x.end - 100
    return element(
        "g",
        element("path", d=f"M{at:.1f},{y.end}V{y.start}", class_="line marker"),
        label(
            f"lambda {lam:g}",
            at + (-6 if is_right else 6),
            y.end + 18,
            class_="note strong halo",
            anchor="end" if is_right else "start",
        ),
    )


def _range_of(points: Sequence[FrontierPoint], tier: str) -> str:
    shares = [100 * point.share[tier] for point in points]
    return f"{min(shares):.0f} to {max(shares):.0f} %"


def _percents(interval: Interval) -> str:
    if not math.isfinite(interval.low):
        return f"{100 * interval.estimate:.1f} %"
    return f"{100 * interval.estimate:.1f} % [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


def _short(name: str, most: int = 12) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
