"""What trainings on more and more tasks are worth."""

import math
from collections.abc import Sequence

from tracetier.evaluate.learning_curve import LearningPoint
from tracetier.evaluate.number_format import percent
from tracetier.evaluate.report.axes import axes, whisker
from tracetier.evaluate.report.svg import Scale, drawing, element, hint, line


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
            hint(f"{point.n_tasks:,} tasks: {percent(point.gap_closed)} of the gap closed"),
            whisker(x(point.n_tasks), point.gap_closed, y, 100.0),
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
