"""Logs → feature table: every record becomes a row, an issue or a known duplicate.

Files are read side by side wherever an engine runs them (``read``); what needs all of them is done
here, in their order, so that the table is the same however it was made: the types of attributes,
the duplicates, the account, the writing. What has not changed since the last run is taken from its
table. Memory does not grow with the input, but for 25 bytes a row by which duplicates and tasks are
known, and for what is under way: a few batches, or with several processes a few files.
"""

from collections.abc import Iterable, Mapping
from contextlib import closing
from functools import cached_property
from pathlib import Path

from tracetier.engine.engine import Engine, Here, engine_named
from tracetier.features.extract import X_COLUMNS
from tracetier.features.spec import fingerprint
from tracetier.ingest.assemble.judge import read_judges
from tracetier.ingest.assemble.score_map import ScoreMap
from tracetier.ingest.earlier import Earlier, find_earlier
from tracetier.ingest.files import PathLike, find_files
from tracetier.ingest.gather import Gathering
from tracetier.ingest.ids_file import write_ids
from tracetier.ingest.issue import IssueLog
from tracetier.ingest.join import Joining
from tracetier.ingest.mapping import ColumnMap, read_mapping
from tracetier.ingest.plan import (
    Ids,
    Plan,
    asked_ids,
    earlier_ids,
    may_be_spread,
    plan_of,
    read_plans,
    with_sharing,
)
from tracetier.ingest.privacy import privacy_of, shown_path
from tracetier.ingest.progress import Meter, Progress
from tracetier.ingest.recipe import Recipe
from tracetier.ingest.registry import format_named
from tracetier.ingest.spread import Sightings
from tracetier.ingest.stamp import Surroundings, recipe_stamp
from tracetier.ingest.summary import IngestSummary
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
    run = _Run(out, recipe, engine_named(engine, jobs=jobs), fresh=fresh)
    plans = [plan_of(file, recipe, run.earlier, run.around) for file in files]
    meter = Meter(sum(file.n_bytes for file in files), progress)
    earlier = run.earlier
    if earlier is not None and [plan.before for plan in plans] == list(earlier.summary.files):
        meter.advance(meter.n_total)  # nothing at all has changed, nor the order of the files
        return earlier.summary_at(out)
    with closing(run.engine):
        return run.table_of(plans, meter)


class _SpreadError(Exception):
    """Files that were read for themselves share traces."""

    def __init__(self, known: Ids) -> None:
        self.known = known


class _Run:
    """What is the same for all files of a run and however often they are read."""

    def __init__(self, out: PathLike, recipe: Recipe, engine: Engine, *, fresh: bool) -> None:
        self.out, self.recipe, self.engine = out, recipe, engine
        self.around = Surroundings()
        self.earlier: Earlier | None = None
        if not fresh:
            self.earlier = find_earlier(Path(out).resolve(), lambda: self.stamp)

    @cached_property
    def stamp(self) -> str:
        """Of the recipe."""
        return recipe_stamp(self.recipe)

    def table_of(self, plans: list[Plan], meter: Meter) -> IngestSummary:
        """Make the table: each file for itself, or together where they share traces."""
        known = earlier_ids(plans, self.earlier)
        kept = [p for p in plans if p.file.path not in known and may_be_spread(p)]
        known |= asked_ids(kept, self.recipe, self.engine, meter)
        if not self.recipe.strict and not _sightings(known).are_shared:
            try:
                return self._made(plans, known, meter, is_guess=True)
            except _SpreadError as found:
                known = found.known
                meter.n_total += meter.n_done
        asked = [p for p in plans if p.before is None and p.file.path not in known]
        known |= asked_ids(asked, self.recipe, self.engine, meter)
        return self._made(plans, known, meter)

    def _made(
        self, plans: list[Plan], known: Ids, meter: Meter, *, is_guess: bool = False
    ) -> IngestSummary:
        """Write the table.

        Raises
        ------
        _SpreadError
            With ``is_guess``, if one of the files that were not known yet shares traces.
        """
        recipe, earlier, ids = self.recipe, self.earlier, dict(known)
        plans, last_of = with_sharing(plans, ids)
        sightings = _sightings(ids)
        new_table = TableWriter(
            self.out,
            x_columns=X_COLUMNS,
            tiers=recipe.tiers.names if recipe.tiers else (),
            feature_fingerprint=fingerprint(),
        )
        with (
            new_table as writer,
            IssueLog(writer.dir / ISSUES_NAME) as issues,
            closing(read_plans(plans, recipe, self.engine)) as batches,
        ):
            stamp = self.stamp  # only now, where other processes read meanwhile
            joining = Joining(recipe, last_of)
            gathering = Gathering(writer, issues, recipe, meter, self.around, joining)
            for plan in plans:
                named = None
                if not plan.stands_alone:
                    named = gathering.take(plan.file, plan.stamp, batches)
                elif earlier is None or not gathering.take_over(plan.file, earlier):
                    here = read_plans([plan._replace(before=None)], recipe, Here())
                    named = gathering.take(plan.file, plan.stamp, here)
                if named is not None and plan.file.path not in ids:
                    ids[plan.file.path] = named
                    sightings.add(named)
                if is_guess and sightings.are_shared:
                    raise _SpreadError(ids)
            self._write_ids(writer, ids)
            return gathering.finish(stamp)

    def _write_ids(self, writer: TableWriter, ids: Ids) -> None:
        privacy = self.recipe.privacy
        if ids and not (privacy.redact or privacy.no_text):
            named = {shown_path(path, privacy): found for path, found in ids.items()}
            with writer.storing():
                write_ids(writer.dir, named)


def _sightings(ids: Ids) -> Sightings:
    found = Sightings()
    for one in ids.values():
        found.add(one)
    return found
