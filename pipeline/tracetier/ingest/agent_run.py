"""One sub-agent's transcript → its run as one invocation, when the run has just ended.

The same reading, prices and judging as in `tracetier.ingest`, so that what is learned live and what
is learned from the logs mean the same.
"""

from pathlib import Path

from tracetier.ingest.assemble.assemble import assemble
from tracetier.ingest.assemble.judge import read_judges
from tracetier.ingest.formats._claude_files import meta_of
from tracetier.ingest.formats._claude_line import read_lines
from tracetier.ingest.formats._claude_link import launches_of
from tracetier.ingest.formats._claude_session import Session
from tracetier.ingest.formats._claude_spans import spans_of
from tracetier.ingest.issue import Issue
from tracetier.ingest.resolve import Resolver
from tracetier.ingest.source import Source
from tracetier.records import Invocation
from tracetier.tiers import TierSet


def read_agent_run(
    path: Path, *, tiers: TierSet | None = None, quality_from: str | None = None
) -> Invocation | None:
    """Read the run of a sub-agent of Claude Code.

    Parameters
    ----------
    path : Path
        ``agent-ID.jsonl``.
    tiers : TierSet, optional
        Tiers whose own prices go before the price list.
    quality_from : str, optional
        ``proxy:all`` or ``proxy:RULES``: guess its quality; by default it is unknown.

    Returns
    -------
    Invocation or None
        ``y_cost_usd`` is ``None`` where a call's price is not known; ``None`` where the file holds
        no run. Lines that cannot be read are passed over.

    Raises
    ------
    InputError
        If the file cannot be read, or the proxies are not understood.
    """
    session = Session(path.stem)
    for line in read_lines(Source(path)):
        if not isinstance(line, Issue):
            session.take(line, agent_file=path)
    spans = list(spans_of(session, launches_of(session)))
    found = assemble(
        spans,
        "agent_run",
        price=Resolver(tiers).price,
        judges=read_judges(quality_from=quality_from),
    )
    return next(iter(found.rows), None)


def tool_use_of(path: Path) -> str | None:
    """Return the use of a tool that started a sub-agent, where the file beside it tells."""
    return meta_of(path).tool_use_id
