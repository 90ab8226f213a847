"""What is known of each file before it is read, and where the reading starts from.

Files are read for themselves at first, and what they name is collected on the way. Only where two
of them turn out to tell of one trace is everything asked for its names, and read again with them:
most logs share nothing and are read once.
"""

from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from tracetier.engine.engine import Engine
from tracetier.ingest.batch import Batch
from tracetier.ingest.earlier import Earlier
from tracetier.ingest.files import InputFile
from tracetier.ingest.ids import ReadIds, is_spread
from tracetier.ingest.pieces import pieces_of
from tracetier.ingest.privacy import shown_path
from tracetier.ingest.progress import Meter
from tracetier.ingest.read import ReadPiece
from tracetier.ingest.recipe import Recipe
from tracetier.ingest.registry import format_named
from tracetier.ingest.spread import ALONE, FileIds, LastFiles, Sharing, sharing_of
from tracetier.ingest.stamp import Surroundings, stamp_of
from tracetier.ingest.summary import FileSummary

Ids = dict[Path, FileIds]
"""What each file names whose traces may be spread over files."""


class Plan(NamedTuple):
    """One file, its stamp, what is known of it where it has not changed, and what it shares.

    The format is told where it was found already.
    """

    file: InputFile
    stamp: str
    before: FileSummary | None
    format: str | None = None
    sharing: Sharing = ALONE

    @property
    def stands_alone(self) -> bool:
        """Whether its old rows may stand though other files have changed."""
        before = self.before
        return before is not None and not (before.n_clashes or before.n_shared or self.sharing)


def plan_of(file: InputFile, recipe: Recipe, earlier: Earlier | None, around: Surroundings) -> Plan:
    """Return what is known of a file."""
    stamp, name = stamp_of(file.path), shown_path(file.path, recipe.privacy)
    before = None if earlier is None else earlier.file(file.path, name, stamp, around)
    return Plan(file, stamp, before)


def earlier_ids(plans: Sequence[Plan], earlier: Earlier | None) -> Ids:
    """Return what files name that have not changed, where the table before tells it."""
    found: Ids = {}
    for plan in plans:
        if earlier is not None and plan.before is not None:
            ids = earlier.ids(plan.before.path)
            if ids is not None:
                found[plan.file.path] = ids
    return found


def may_be_spread(plan: Plan) -> bool:
    """Whether a file that was read before is in a format whose traces may be spread over files."""
    name = None if plan.before is None else plan.before.format
    return name is not None and is_spread(format_named(name))


def asked_ids(plans: Sequence[Plan], recipe: Recipe, engine: Engine, meter: Meter) -> Ids:
    """Return what files name, each read for that alone."""
    found: Ids = {}
    if not plans:
        return found
    meter.n_total += sum(plan.file.n_bytes for plan in plans)
    asked = [
        (plan.file.path, recipe.format or (plan.before.format if plan.before else None))
        for plan in plans
    ]
    at = iter(plans)
    n_begun = meter.n_done
    for ids in engine.stream(ReadIds(), asked):
        meter.advance(ids.n_bytes)
        if ids.is_last:
            plan = next(at)
            if ids.format is not None:
                found[plan.file.path] = ids
            n_begun += plan.file.n_bytes
            meter.advance(n_begun - meter.n_done)  # what was skipped
    return found


def with_sharing(
    plans: Sequence[Plan], ids: Mapping[Path, FileIds]
) -> tuple[list[Plan], LastFiles]:
    """Return the plans with what each file shares, and up to which file each name occurs."""
    known = [ids.get(plan.file.path) for plan in plans]
    if len(ids) < 2:
        known = [None] * len(plans)
    shared, last_of = sharing_of(known)
    found = [
        plan._replace(sharing=own, format=None if one is None else one.format)
        for plan, own, one in zip(plans, shared, known, strict=True)
    ]
    return found, last_of


def read_plans(
    plans: Sequence[Plan], recipe: Recipe, engine: Engine
) -> Generator[Batch, None, None]:
    """Yield the batches of all files whose old rows may not stand, in their order.

    Other processes begin at once, before any batch is taken.
    """
    pieces = (
        msgspec.structs.replace(piece, sharing=plan.sharing, format=plan.format)
        for plan in plans
        if not plan.stands_alone
        for piece in pieces_of(plan.file, recipe)
    )
    return engine.stream(ReadPiece(recipe), pieces)
