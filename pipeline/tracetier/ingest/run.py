"""Logs → feature table: every record becomes a row, an issue or a known duplicate.

Files are read side by side wherever an engine runs them (``read``); what needs all of them is done
here, in their order, so that the table is the same however it was made: the types of attributes,
the duplicates, the account, the writing. What has not changed since the last run is taken from its
table. Memory does not grow with the input, but for 25 bytes a row by which duplicates and tasks are
known, and for what is under way: a few batches, or with several processes a few files.
"""

from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from tracetier.engine.engine import Engine, Here, engine_named
from tracetier.features.extract import X_COLUMNS
from tracetier.features.spec import fingerprint
from tracetier.ingest.assemble.judge import read_judges
from tracetier.ingest.assemble.score_map import ScoreMap
from tracetier.ingest.earlier import Earlier, find_earlier
from tracetier.ingest.files import InputFile, PathLike, find_files
from tracetier.ingest.gather import Gathering, Meter, Progress
from tracetier.ingest.ids_file import write_ids
from tracetier.ingest.issue import IssueLog
from tracetier.ingest.join import Joining
from tracetier.ingest.mapping import ColumnMap, read_mapping
from tracetier.ingest.pieces import pieces_of
from tracetier.ingest.privacy import privacy_of, shown_path
from tracetier.ingest.read import Batch, ReadPiece, Recipe
from tracetier.ingest.registry import format_named
from tracetier.ingest.spread import ALONE, FileIds, ReadIds, Sharing, sharing_of, spread_format
from tracetier.ingest.stamp import Surroundings, recipe_stamp, stamp_of
from tracetier.ingest.summary import FileSummary, IngestSummary
from tracetier.records import Level
from tracetier.settings import Settings
from tracetier.table import ISSUES_NAME, TableWriter
from tracetier.tiers import TierSet


def ingest(
    paths: PathLike | Iterable[PathLike],
    out: PathLike,
    *,
    format: str | None = None,
    tiers: TierSet | None = None,
    mapping: PathLike | Mapping[str, object] | ColumnMap | None = None,
    level: Level | None = None,
    scores: PathLike | None = None,
    scores_map: PathLike | Mapping[str, object] | ScoreMap | None = None,
    quality_from: str | None = None,
    redact: bool = False,
    no_text: bool = False,
    strict: bool = False,
    default_model: str | None = None,
    settings: Settings | None = None,
    jobs: int = 1,
    engine: str | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> IngestSummary:
    """Read logs into a feature table.

    Parameters
    ----------
    paths : path or paths
        Files, folders (searched for all files), or feature tables.
    out : path
        The table's directory: new, empty, or a table, which is replaced once the new one is whole.
    format : str, optional
        Format of all files; by default each is recognised.
    tiers : TierSet, optional
        Declared tiers; by default those of ``settings``. Where none are declared, the tier of a
        row is what it states, else its Claude family, else its model, and the tiers are
        ordered by their mean cost.
    mapping : path, mapping or ColumnMap, optional
        The user's own map, see `read_mapping`; it makes ``mapped`` the format of all files.
    level : {"call", "agent_run", "task"}, optional
        What is a row where logs tell steps; by default what their format is best routed by.
    scores : path, optional
        Outcomes to be joined by any id, see `read_score_file`; they go before those in the logs.
    scores_map : path, mapping or ScoreMap, optional
        What the scores in logs say of quality, by their names; by default that of ``settings``.
    quality_from : str, optional
        ``proxy:RULES``, to guess the quality of rows of which no outcome is known.
    redact : bool
        Take keys, e-mail addresses, home paths and the ``redact`` patterns of ``settings`` out of
        all that is written.
    no_text : bool
        Write no text of a task, but its features and a hash keyed by ``TRACETIER_HASH_KEY``.
    strict : bool
        Stop at the first issue.
    default_model : str, optional
        Model of rows that name neither model nor tier; by default that of the settings. The
        account counts them.
    settings : Settings, optional
        Of the project.
    jobs : int
        Processes of this machine that read files.
    engine : str, optional
        Where files are read: see `engine_named`. The table is the same.
    fresh : bool
        Read all files, also those that have not changed since ``out`` was made.
    progress : callable, optional
        Called with the bytes read so far and those to read in all.

    Returns
    -------
    IngestSummary
        Also kept as ``summary.json`` in the table, beside ``issues.parquet``.

    Raises
    ------
    InputError
        If a path is wrong; `FormatError` for a named file in no known format, or where a folder
        holds no other; `RecordError` where no record could be read, or with ``strict`` for the
        first issue; `TableError` where ``out`` may not be replaced; `SettingsError` where the
        engine cannot be reached.
    StorageError
        If the disk refuses.
    """
    files = find_files(paths)
    if mapping is not None and not isinstance(mapping, ColumnMap):
        mapping = read_mapping(mapping)
    name = format or ("mapped" if mapping else None)
    recipe = Recipe(
        format=name and format_named(name).name,
        mapping=mapping,
        tiers=tiers or (settings.tier_set if settings else None),
        level=level,
        judges=read_judges(
            scores=scores,
            scores_map=scores_map,
            quality_from=quality_from,
            settings=settings.scores if settings else {},
        ),
        privacy=privacy_of(
            redact=redact, no_text=no_text, patterns=settings.redact if settings else ()
        ),
        strict=strict,
        default_model=default_model or (settings.default_model if settings else None),
    )
    place, around, stamp = engine_named(engine, jobs=jobs), Surroundings(), recipe_stamp(recipe)
    earlier = None if fresh else find_earlier(Path(out).resolve(), stamp)
    plans = [_plan(file, shown_path(file.path, recipe.privacy), earlier, around) for file in files]
    meter = Meter(sum(file.n_bytes for file in files), progress)
    if earlier is not None and [plan.before for plan in plans] == list(earlier.summary.files):
        meter.advance(meter.n_total)  # nothing at all has changed, nor the order of the files
        return earlier.summary_at(out)
    plans = [_with_format(plan, recipe) for plan in plans]
    ids = _find_ids(plans, place, meter, earlier)
    shared, last_of = sharing_of([ids.get(plan.file.path) for plan in plans])
    plans = [plan._replace(sharing=found) for plan, found in zip(plans, shared, strict=True)]
    new_table = TableWriter(
        out,
        x_columns=X_COLUMNS,
        tiers=recipe.tiers.names if recipe.tiers else (),
        feature_fingerprint=fingerprint(),
    )
    with (
        new_table as writer,
        IssueLog(writer.dir / ISSUES_NAME) as issues,
        closing(_read(plans, recipe, place)) as batches,
    ):
        gathering = Gathering(writer, issues, recipe, meter, around, Joining(recipe, last_of))
        for plan in plans:
            if not plan.stands_alone:
                gathering.take(plan.file, plan.stamp, batches)
            elif earlier is None or not gathering.take_over(plan.file, earlier):
                here = _read([plan._replace(before=None)], recipe, Here())
                gathering.take(plan.file, plan.stamp, here)
        if ids and not (recipe.privacy.redact or recipe.privacy.no_text):
            named = {shown_path(path, recipe.privacy): found for path, found in ids.items()}
            with writer.storing():
                write_ids(writer.dir, named)
        return gathering.finish(stamp)


class _Plan(NamedTuple):
    """One file, its stamp, what is known of it where it has not changed, and what it shares.

    The format is told of files whose traces may be spread over several.
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


def _with_format(plan: _Plan, recipe: Recipe) -> _Plan:
    known = recipe.format or (plan.before.format if plan.before else None)
    return plan._replace(format=spread_format(plan.file.path, known))


def _find_ids(
    plans: list[_Plan], engine: Engine, meter: Meter, earlier: Earlier | None
) -> dict[Path, FileIds]:
    """Return what each file names whose traces may be spread over files, where there are several.

    What is known of files that have not changed is not asked again.
    """
    known: dict[Path, FileIds] = {}
    asked: list[tuple[InputFile, str]] = []
    for plan in plans:
        before = None
        if earlier is not None and plan.before is not None:
            before = earlier.ids(plan.before.path)
        if before is not None:
            known[plan.file.path] = before
        elif plan.format is not None:
            asked.append((plan.file, plan.format))
    if len(known) + len(asked) < 2:
        return {}
    meter.n_total += sum(file.n_bytes for file, _ in asked)
    at = iter(asked)
    for ids in engine.stream(ReadIds(), [(file.path, name) for file, name in asked]):
        meter.advance(ids.n_bytes)
        if ids.is_last:
            known[next(at)[0].path] = ids
    return known


def _plan(file: InputFile, name: str, earlier: Earlier | None, around: Surroundings) -> _Plan:
    stamp = stamp_of(file.path)
    before = None if earlier is None else earlier.file(file.path, name, stamp, around)
    return _Plan(file, stamp, before)


def _read(plans: list[_Plan], recipe: Recipe, engine: Engine) -> Generator[Batch, None, None]:
    pieces = [
        msgspec.structs.replace(piece, sharing=plan.sharing, format=plan.format)
        for plan in plans
        if not plan.stands_alone
        for piece in pieces_of(plan.file, recipe)
    ]
    yield from engine.stream(ReadPiece(recipe), pieces)
