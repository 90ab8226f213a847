"""What is the same for all files of a run."""

from msgspec import Struct

from tracetier.ingest.assemble.judge import NO_MAP, Judges
from tracetier.ingest.mapping import ColumnMap
from tracetier.ingest.privacy import Privacy
from tracetier.records import Level
from tracetier.tiers import TierSet


class Recipe(Struct, frozen=True, kw_only=True):
    """How files are read.

    Parameters
    ----------
    format : str, optional
        Name of the format of all files; by default each is recognised.
    mapping : ColumnMap, optional
        The user's own map.
    tiers : TierSet, optional
        Declared tiers.
    level : {"call", "agent_run", "task"}, optional
        What is routed; by default what the format says.
    judges : Judges
        By what quality is judged.
    privacy : Privacy
        What must not be written.
    strict : bool
        Stop at the first issue.
    default_model : str, optional
        Model of rows that name none.
    """

    format: str | None = None
    mapping: ColumnMap | None = None
    tiers: TierSet | None = None
    level: Level | None = None
    judges: Judges = NO_MAP
    privacy: Privacy = Privacy()
    strict: bool = False
    default_model: str | None = None
