"""The report as Markdown: the same sentences and tables, without the charts."""

import re
from collections.abc import Iterable

from tracetier.evaluate.report.content import report_of
from tracetier.evaluate.report.tables import DataTable
from tracetier.evaluate.result import Evaluation

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")


def markdown_report(found: Evaluation) -> str:
    """Return the report.

    Parameters
    ----------
    found : Evaluation
    """
    report = report_of(found)
    parts = [f"# {_plain(report.title)}", f"**{report.judgement}.** {_plain(report.verdict)}"]
    parts.append(
        "\n".join(
            f"- {tile.name}: **{_plain(tile.cell.text)}** {_plain(tile.meaning)}"
            for tile in report.tiles
        )
    )
    parts += ["## What would change the verdict", _listed(report.would_change)]
    for section in report.sections:
        parts += [f"## {_plain(section.title)}", _plain(section.lead)]
        parts += [_table(table) for table in section.tables]
    parts += ["## How it was measured", _listed(f"{name}: {value}" for name, value in report.facts)]
    if report.notes:
        parts.append(_listed(report.notes))
    return "\n\n".join(part for part in parts if part) + "\n"


def _listed(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {_plain(each)}" for each in sentences)


def _table(table: DataTable) -> str:
    head = "| " + " | ".join(map(_plain, table.columns)) + " |"
    rule = "|" + "---|" * len(table.columns)
    rows = ["| " + " | ".join(_plain(cell.text) for cell in row) + " |" for row in table.rows]
    return "\n".join([head, rule, *rows])


def _plain(text: str) -> str:
    r"""Escape what Markdown or the HTML within it would take for markup; one line.

    Examples
    --------
    >>> _plain("a|b <script>")
    'a\\|b \\<script\\>'
    """
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
