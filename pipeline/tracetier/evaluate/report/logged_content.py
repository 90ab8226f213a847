"""What the report says of logs of one tier per task."""

from tracetier.evaluate.report.cells import figure, words
from tracetier.evaluate.report.parts import Section, Tile
from tracetier.evaluate.report.svg import number
from tracetier.evaluate.report.tables import logged_table
from tracetier.evaluate.result import Evaluation, LoggedResult


def logged_tiles(logged: LoggedResult) -> tuple[Tile, ...]:
    """Return the figures to remember; one that says why where nothing can be claimed."""
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


def logged_sections(found: Evaluation, logged: LoggedResult) -> list[Section]:
    """Return the sections."""
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
