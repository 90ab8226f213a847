"""What the report says, before it becomes a page or Markdown: sentences, figures, tables.

Both are made of this, and every figure names the place in the JSON that it comes from.
"""

from msgspec import Struct

from tracetier.evaluate.call_share import CallShare
from tracetier.evaluate.report.cells import Cell, figure, words
from tracetier.evaluate.report.svg import number
from tracetier.evaluate.report.tables import (
    DataTable,
    calibration_table,
    call_share_table,
    coverage_table,
    frontier_table,
    inputs_table,
    learning_table,
    logged_table,
    policy_table,
    share_table,
    split_table,
)
from tracetier.evaluate.result import Evaluation, FullResult, LoggedResult, counted
from tracetier.evaluate.verdict import judgement, would_change


class Tile(Struct, frozen=True, kw_only=True):
    """One figure to remember, with what it means."""

    name: str
    cell: Cell
    meaning: str


class Section(Struct, frozen=True, kw_only=True):
    """One part of the report.

    Attributes
    ----------
    key : str
        Which chart belongs to it.
    title, lead : str
        Heading, and what to see.
    tables : tuple of DataTable
    """

    key: str
    title: str
    lead: str
    tables: tuple[DataTable, ...] = ()


class Report(Struct, frozen=True, kw_only=True):
    """All of the report but its charts."""

    title: str
    judgement: str
    is_good: bool
    verdict: str
    tiles: tuple[Tile, ...]
    sections: tuple[Section, ...]
    would_change: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def report_of(found: Evaluation) -> Report:
    """Put the report together."""
    told, is_good = judgement(found)
    if found.full is not None:
        tiles, sections = _full_tiles(found.full), _full_sections(found, found.full)
    else:
        assert found.logged is not None
        tiles, sections = _logged_tiles(found.logged), _logged_sections(found, found.logged)
    return Report(
        title=f"Routing report for artifact {found.artifact_id}",
        judgement=told,
        is_good=is_good,
        verdict=found.headline,
        tiles=tiles,
        sections=(*sections, *_common_sections(found)),
        would_change=would_change(found),
        facts=_facts(found),
        notes=tuple(f"{note[0].upper()}{note[1:]}." for note in found.notes),
    )


def _full_tiles(full: FullResult) -> tuple[Tile, ...]:
    point, gap = full.calibrated["quality_99"], full.router.frontier
    assert gap is not None
    at = ("full", "calibrated", "quality_99")
    tiles = [
        Tile(
            name="quality kept",
            cell=figure(point.quality_kept, (*at, "quality_kept"), ".1f", scale=100.0, unit=" %"),
            meaning=f"of {full.reference}'s, set beforehand to keep 99 %",
        ),
        Tile(
            name="cost",
            cell=figure(point.cost_share, (*at, "cost_share"), ".1f", scale=100.0, unit=" %"),
            meaning=f"of what {full.reference} costs on the same tasks",
        ),
        Tile(
            name="gap closed",
            cell=figure(
                gap.gap_closed,
                ("full", "router", "frontier", "gap_closed"),
                ".1f",
                scale=100.0,
                unit=" %",
            ),
            meaning="of the way from mixing fixed tiers to knowing every outcome",
        ),
    ]
    if full.versus_bucket_mean is not None:
        tiles.append(
            Tile(
                name="over the bucket mean",
                cell=figure(
                    full.versus_bucket_mean.gap_closed,
                    ("full", "versus_bucket_mean", "gap_closed"),
                    "+.1f",
                    scale=100.0,
                ),
                meaning="points of the gap, paired: what the model adds to a table of means",
            )
        )
    return tuple(tiles)


def _full_sections(found: Evaluation, full: FullResult) -> list[Section]:
    sections = [
        Section(
            key="frontier",
            title="Quality against cost",
            lead="Up and to the left is better. Every point of the router's line mixes two "
            "policies that were chosen on other tasks; the circles are operating points set "
            "beforehand, with the spread of what they give.",
            tables=(policy_table(found, full),),
        ),
        Section(
            key="controls",
            title="Could it be chance?",
            lead="Controls go through the same code. Shuffled and random predictions know "
            "nothing: their interval should hold 0, or lie below it. A router worth its name "
            "beats the bucket mean.",
            tables=(frontier_table(full),),
        ),
        Section(
            key="share",
            title="Who gets the tasks",
            lead="As lambda, the weight of cost, grows, tasks move to cheaper tiers.",
            tables=(share_table(found, full),),
        ),
        Section(
            key="calibration",
            title="Can predictions be taken at their word?",
            lead="Tasks in ten groups by predicted quality, 0-10, against what came. A model "
            "that predicts better than the tier's mean has the smaller Brier score.",
            tables=(calibration_table(full),),
        ),
    ]
    if full.call_share is not None:
        sections.insert(1, _call_share_section(full.call_share))
    if full.two_tier is not None:
        two = full.two_tier
        cells = tuple(
            figure(each, ("full", "two_tier", name), spec, scale=scale, unit=unit)
            for name, each, spec, scale, unit in (
                ("apgr", two.apgr, ".3f", 1.0, ""),
                ("cpt_50", two.cpt_50, ".1f", 100.0, " %"),
                ("cpt_80", two.cpt_80, ".1f", 100.0, " %"),
            )
        )
        table = DataTable("Two tiers", ("APGR", "CPT(50)", "CPT(80)"), (cells,))
        sections.append(
            Section(
                key="two_tier",
                title="A weak and a strong tier",
                lead="APGR is .5 for calls at random; CPT is the share of strong calls that "
                "recovers 50 or 80 % of the gap between the two.",
                tables=(table,),
            )
        )
    return sections


def _call_share_section(found: CallShare) -> Section:
    most = found.points[-1].calls
    return Section(
        key="call_share",
        title=f"How many calls {found.tier} gets",
        lead=f"From left to right lambda falls and more of the calls go to {found.tier}, the dear "
        "tier; no point is chosen by its outcomes. Above the dashed line calls go where they are "
        f"worth it. The router never sends it more than {100 * most:.0f} % of them: the others "
        "are predicted to be done as well or better elsewhere.",
        tables=(call_share_table(found),),
    )


def _logged_tiles(logged: LoggedResult) -> tuple[Tile, ...]:
    router, at = logged.router, ("logged", "router")
    if not router.is_supported:
        return (
            Tile(
                name="effective sample size",
                cell=words(f"{router.ess:.0f}"),
                meaning="rows that speak of the router; 50 are needed to claim a value",
            ),
        )
    return (
        Tile(
            name="gain over the log",
            cell=figure(logged.gain, ("logged", "gain"), "+.3f"),
            meaning="of 10, reward per task: quality less lambda x cost",
        ),
        Tile(
            name="quality, router",
            cell=figure(router.quality, (*at, "quality"), ".2f", scale=10.0),
            meaning="of 10, had it routed these tasks",
        ),
        Tile(
            name="quality, as logged",
            cell=figure(
                logged.as_logged.quality, ("logged", "as_logged", "quality"), ".2f", scale=10.0
            ),
            meaning="of 10",
        ),
        Tile(
            name="cost, router",
            cell=figure(router.cost_usd, (*at, "cost_usd"), ".3g", scale=1000.0),
            meaning=f"USD per 1,000 tasks; the log's own choices cost "
            f"{number(1000 * logged.as_logged.cost_usd.estimate)}",
        ),
    )


def _logged_sections(found: Evaluation, logged: LoggedResult) -> list[Section]:
    return [
        Section(
            key="logged",
            title="Values from the log",
            lead="One tier per task is known. What a model expects of the others is corrected by "
            "the outcomes seen, weighted by how likely the log was to take the tier (doubly "
            "robust); where too few rows speak of a policy, nothing is claimed.",
            tables=(logged_table(found, logged),),
        )
    ]


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
