"""The report as one HTML file: no script, no font, no picture from anywhere else."""

import os
from importlib.resources import files

from tracetier.errors import SettingsError
from tracetier.evaluate.report.calibration_chart import calibration_chart
from tracetier.evaluate.report.call_share_chart import call_share_chart
from tracetier.evaluate.report.content import report_of
from tracetier.evaluate.report.frontier_chart import LEGEND, frontier_chart
from tracetier.evaluate.report.learning_chart import learning_chart
from tracetier.evaluate.report.share_chart import share_chart
from tracetier.evaluate.report.write import check_writable, write_text
from tracetier.evaluate.result import Evaluation

WIDE, NARROW = 880, 360
_HALF = 520


def html_report(found: Evaluation) -> str:
    """Return the page.

    Parameters
    ----------
    found : Evaluation
        Names of tiers, tables and kinds of task come from logs: the template escapes them, and
        the charts do.

    Raises
    ------
    SettingsError
        If the extra ``report`` is not installed.
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise SettingsError(
            "the HTML report needs jinja2, which is not installed; install it with "
            "pip install 'tracetier[report]', or ask for Markdown"
        ) from error
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = files("tracetier.evaluate.report").joinpath("page.html.j2").read_text("utf-8")
    return environment.from_string(template).render(
        report=report_of(found),
        charts=_charts(found),
        legend=_legend(found),
        tiers=found.tiers,
        heat=_heat(found),
        inputs=found.inputs,
        most_moved=max((each.quality_moved for each in found.inputs), default=0.0) or 1.0,
    )


def write_html(found: Evaluation, path: str | os.PathLike[str]) -> None:
    """Write the page to a file.

    Raises
    ------
    SettingsError
        If the extra ``report`` is not installed, or the folder of the file does not exist.
    StorageError
        If the disk refuses.
    """
    check_writable(path)
    write_text(path, html_report(found))


def _charts(found: Evaluation) -> dict[str, dict[str, str]]:
    """SVG by section, drawn once for a wide window and once for a phone."""
    full = found.full
    charts: dict[str, dict[str, str]] = {}
    if full is not None:
        charts["frontier"] = {
            "wide": frontier_chart(full, WIDE),
            "narrow": frontier_chart(full, NARROW),
        }
        if full.call_share is not None:
            charts["call_share"] = {
                "wide": call_share_chart(full, WIDE),
                "narrow": call_share_chart(full, NARROW),
            }
        charts["share"] = {
            "wide": share_chart(full.points, found.tiers, found.lam, _HALF),
            "narrow": share_chart(full.points, found.tiers, found.lam, NARROW),
        }
        charts["calibration"] = {
            "wide": calibration_chart(full.calibration, _HALF),
            "narrow": calibration_chart(full.calibration, NARROW),
        }
    if found.learning:
        charts["learning"] = {
            "wide": learning_chart(found.learning, _HALF),
            "narrow": learning_chart(found.learning, NARROW),
        }
    return charts


def _legend(found: Evaluation) -> list[tuple[str, str]]:
    drawn = {} if found.full is None else found.full.controls
    absent = {"knn"} if "kNN" not in drawn else set()
    return [each for each in LEGEND if each[0] not in absent]


def _heat(found: Evaluation) -> list[dict[str, object]]:
    """Rows of the heat map: mean quality where all is known, else effective sample size."""
    is_full = found.full is not None
    values = [seen.quality for kind in found.coverage for seen in kind.tiers.values() if is_full]
    known = [value for value in values if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    rows: list[dict[str, object]] = []
    for kind in found.coverage:
        cells = []
        for seen in kind.tiers.values():
            if seen.quality is None:
                share, text = 0.0, "-"
            elif is_full:
                share = (seen.quality - low) / (high - low) if high > low else 0.5
                text = f"{10 * seen.quality:.2f}"
            else:
                share, text = min(1.0, seen.ess / 200.0), f"{seen.ess:,.0f}"
            cells.append(
                {
                    "text": text,
                    "share": round(share, 3),
                    "n": seen.n,
                    "routed": round(100 * seen.routed),
                    "is_thin": not is_full and seen.ess < 50,
                }
            )
        rows.append({"kind": kind.kind, "n": kind.n, "cells": cells})
    return rows
