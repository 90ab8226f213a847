"""The quality of an invocation: by the user's outcomes, the scores in the log, or proxies."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from tracetier.ingest.assemble.attribution import Scores
from tracetier.ingest.assemble.proxy import Proxies, Signs, read_proxies
from tracetier.ingest.assemble.row import Facts
from tracetier.ingest.assemble.score_file import ScoreFile, read_score_file
from tracetier.ingest.assemble.score_map import Quality, ScoreMap
from tracetier.ingest.assemble.score_map_file import read_score_map, score_map
from tracetier.ingest.files import PathLike
from tracetier.ingest.span import Score
from tracetier.records import Invocation


class Judges(NamedTuple):
    """By what quality is judged.

    Attributes
    ----------
    scores : ScoreMap
        What each name says.
    given : ScoreFile, optional
        The user's own outcomes; they go before those in the logs.
    proxies : Proxies, optional
        What to guess by where nothing else is known.
    """

    scores: ScoreMap
    given: ScoreFile | None = None
    proxies: Proxies | None = None


NO_MAP = Judges(ScoreMap({}))
"""Only by scores whose meaning the format itself defines."""


def read_judges(
    *,
    scores: PathLike | None = None,
    scores_map: PathLike | Mapping[str, object] | ScoreMap | None = None,
    quality_from: str | None = None,
    settings: Mapping[str, object] = MappingProxyType({}),
) -> Judges:
    """Read by what quality is to be judged.

    Parameters
    ----------
    scores : path, optional
        The user's own outcomes, see `read_score_file`.
    scores_map : path, mapping or ScoreMap, optional
        What each name says; by default that of the settings.
    quality_from : str, optional
        ``proxy:RULES``, see `read_proxies`.
    settings : mapping
        ``[scores]`` of ``tracetier.toml``.

    Raises
    ------
    InputError
        If one of them cannot be read or understood.
    """
    if scores_map is None:
        scores_map = score_map(settings, "[scores] of tracetier.toml")
    elif isinstance(scores_map, Mapping):
        scores_map = score_map(scores_map, "scores_map")
    elif not isinstance(scores_map, ScoreMap):
        scores_map = read_score_map(scores_map)
    given = None if scores is None else read_score_file(scores, scores_map)
    return Judges(scores_map, given, None if quality_from is None else read_proxies(quality_from))


def judge(
    judges: Judges, row: Invocation, facts: Facts, scores: Scores | None, signs: Signs | None
) -> Quality | None:
    """Return the quality of an invocation by the nearest thing that says anything of it.

    A full or broken service says nothing of the tier, whatever the score.
    """
    if facts.end.is_infrastructure_error:
        return None
    given = () if judges.given is None else judges.given.of_row(row)
    found = first_quality(judges.scores, chain(given, scores or ()))
    if found is None and judges.proxies is not None and signs is not None:
        return judges.proxies.quality(signs)
    return found


def first_quality(scores: ScoreMap, given: Iterable[Sequence[Score]]) -> Quality | None:
    """Return the quality by the first scores that say anything."""
    return next((found for found in map(scores.choose, given) if found is not None), None)


def with_quality(row: Invocation, quality: Quality) -> Invocation:
    """Return a row with its quality, and with who gave it, how it is called, and when."""
    return msgspec.structs.replace(
        row,
        y_quality=quality.value,
        y_quality_source=quality.source,
        y_quality_name=quality.name,
        y_quality_time=quality.time,
    )


def given_quality(judges: Judges, row: Invocation) -> Invocation:
    """Return a row of a flat log with the outcome that the user gives for it, if any."""
    if judges.given is None:
        return row
    quality = first_quality(judges.scores, judges.given.of_row(row))
    return row if quality is None else with_quality(row, quality)
