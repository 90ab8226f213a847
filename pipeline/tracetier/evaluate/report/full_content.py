"""What the report says of tasks on which every tier ran."""

from tracetier.evaluate.call_share import CallShare
from tracetier.evaluate.report.cells import figure
from tracetier.evaluate.report.parts import Section, Tile
from tracetier.evaluate.report.tables import (
    DataTable,
    calibration_table,
    call_share_table,
    frontier_table,
    policy_table,
    share_table,
)
from tracetier.evaluate.result import Evaluation, FullResult


def full_tiles(full: FullResult) -> tuple[Tile, ...]:
    """Return the figures to remember."""
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


def full_sections(found: Evaluation, full: FullResult) -> list[Section]:
    """Return the sections, the frontier first."""
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
