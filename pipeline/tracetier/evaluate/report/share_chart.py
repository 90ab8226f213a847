"""Which share of the tasks each tier gets, by lambda."""

from collections.abc import Sequence

from tracetier.evaluate.report.axes import axes
from tracetier.evaluate.report.svg import Point, Scale, area, drawing, element, hint, label
from tracetier.evaluate.result import FrontierPoint


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
