"""What the report says, before it becomes a page or Markdown: sentences, figures, tables.

Both are made of this, and every figure names the place in the JSON that it comes from.
"""

from tracetier.evaluate.number_format import counted
from tracetier.evaluate.report.full_content import full_sections, full_tiles
from tracetier.evaluate.report.logged_content import logged_sections, logged_tiles
from tracetier.evaluate.report.parts import Report, Section
from tracetier.evaluate.report.svg import number
from tracetier.evaluate.report.tables import (
    coverage_table,
    inputs_table,
    learning_table,
    split_table,
)
from tracetier.evaluate.result import Evaluation
from tracetier.evaluate.verdict import judgement, would_change


def report_of(found: Evaluation) -> Report:
    """Put the report together."""
    judged, is_good = judgement(found)
    if found.full is not None:
        tiles, sections = full_tiles(found.full), full_sections(found, found.full)
    else:
        assert found.logged is not None
        tiles, sections = logged_tiles(found.logged), logged_sections(found, found.logged)
    return Report(
        title=f"Routing report for artifact {found.artifact_id}",
        judgement=judged,
        is_good=is_good,
        verdict=found.headline,
        tiles=tiles,
        sections=(*sections, *_common_sections(found)),
        would_change=would_change(found),
        facts=_facts(found),
        notes=tuple(f"{note[0].upper()}{note[1:]}." for note in found.notes),
    )


def _common_sections(found: Evaluation) -> list[Section]:
    sections = []
    if found.coverage:
        what = (
            "mean quality, 0-10, and"
            if found.full is not None
            else "effective sample size (below 50 nothing can be claimed), outcomes seen, and"
        )
        sections.append(
            Section(
                key="coverage",
                title="What was seen, tier by kind of task",
                lead=f"In each cell: {what} the share of these tasks that the router sends there "
                f"at lambda {found.lam:g}. A dash was never tried.",
                tables=(coverage_table(found),),
            )
        )
    if found.inputs:
        sections.append(
            Section(
                key="inputs",
                title="What the decisions rest on",
                lead="Each input is dealt to other tasks and the decisions are made again. An "
                "input that others can stand in for moves little.",
                tables=(inputs_table(found),),
            )
        )
    if found.learning:
        sections.append(
            Section(
                key="learning",
                title="How many traces are enough",
                lead="The recipe trained on nested samples of the tasks, always told on others.",
                tables=(learning_table(found),),
            )
        )
    if found.split is not None:
        sections.append(
            Section(
                key="split",
                title=f"Split by {found.split.kind}",
                lead="The recipe was trained anew for each part and told on what it had not seen.",
                tables=(split_table(found.split),),
            )
        )
    return sections


def _facts(found: Evaluation) -> tuple[tuple[str, str], ...]:
    return (
        ("artifact", found.artifact_id),
        ("table", found.table),
        ("tiers, cheap to dear", ", ".join(found.tiers)),
        (
            "tasks",
            f"{found.n_tasks:,} in {counted(found.n_groups, 'independent group')}; "
            f"{found.n_out_of_fold:,} predicted out of fold, {found.n_fresh:,} not in training",
        ),
        ("reward", f"quality (0-10) - {found.lam:g} x min(1, cost / {number(found.cost_ref)} USD)"),
        (
            "intervals",
            f"95 %, {found.n_draws:,} paired resamples of task groups, seed {found.seed}",
        ),
    )
