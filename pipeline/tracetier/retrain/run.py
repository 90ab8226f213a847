"""Decision log → table → candidate → gate → in use. Nothing changes unless the gate passes.

    OUT/.retrain/log      the log as a table, read incrementally
    OUT/.retrain/joined   with the table of earlier traces, where one is given
    OUT/NAME-TIME-ID      each artifact that passed; ARTIFACT is a link to the last of them

The candidate is judged on the log alone (see ``judge``): on what is really asked, with the
propensities that the router wrote down.
"""

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from tracetier.api import ingest, train
from tracetier.artifact import Artifact, load_artifact
from tracetier.artifact.publish import check_link, drop_old, publish, version_name
from tracetier.errors import InputError, StorageError
from tracetier.heads.predictor import TierPredictor
from tracetier.ingest.summary import IngestSummary
from tracetier.retrain.joined import join_tables
from tracetier.retrain.judge import Judgement, judge
from tracetier.retrain.lock import locked
from tracetier.retrain.result import Outcome, Retraining
from tracetier.settings import Settings
from tracetier.table import read_info, read_table, table_fingerprint

PathLike = str | os.PathLike[str]
Progress = Callable[[str, float], None]
Tell = Callable[[Path], None]

KEPT_VERSIONS = 5
_WORK = ".retrain"


class _Last(Struct, frozen=True):
    """What the last run that came to an end was about."""

    data: str
    artifact_id: str


def retrain(
    artifact: PathLike,
    log: PathLike,
    out: PathLike,
    *,
    settings: Settings,
    table: PathLike | None = None,
    keep: int = KEPT_VERSIONS,
    tell_service: Tell | None = None,
    progress: Progress | None = None,
) -> Retraining:
    """Learn from a decision log, and use what was learned if it is shown to be better.

    Parameters
    ----------
    artifact : path
        What is in use: a link to an artifact's folder, or the folder, which then becomes one.
    log : path
        Folder of the decision log.
    out : path
        Folder of the versions, on the disk of ``artifact``; what a service calls its models.
    settings : Settings
        Lambda is that of the incumbent where these do not give it; the tiers are the incumbent's.
    table : path, optional
        Feature table of earlier traces to learn from too; it is not changed.
    keep : int
        Versions that are kept.
    tell_service : callable, optional
        Told the folder of a version that passed, before it is in use on the disk; if it raises,
        nothing is changed. Unless that says that the version was refused (an `InputError`), the
        version stays: the service may have taken it before its answer was lost.
    progress : callable, optional
        Told what is being done and the share that is done.

    Returns
    -------
    Retraining

    Raises
    ------
    InputError
        If the artifact, the log or the table cannot be used.
    WorkError
        If another run is under way, nothing could be learned, or the disk refuses. Nothing was
        changed then.
    """
    link, home = Path(artifact), Path(out)
    check_link(link)
    incumbent = load_artifact(link)
    with locked(home / _WORK / "lock"):
        run = _Run(link, home, incumbent, settings, progress or (lambda what, share: None))
        return run.retrain(
            Path(log), None if table is None else Path(table), tell_service, keep=keep
        )


class _Run:
    """One run, under the lock."""

    def __init__(
        self, link: Path, home: Path, incumbent: Artifact, settings: Settings, tell: Progress
    ) -> None:
        self._link, self._home, self._work = link, home, home / _WORK
        self._incumbent, self._tell = incumbent, tell
        self._lam = incumbent.lam if settings.given_lam is None else settings.given_lam
        self._settings = msgspec.structs.replace(settings, tiers=incumbent.tiers.tiers)

    def retrain(
        self, log: Path, earlier: Path | None, tell_service: Tell | None, *, keep: int
    ) -> Retraining:
        read = self._read(log)
        table = self._work / "log"
        if not _n_outcomes(table):
            return self._result("nothing new", read, None, self._incumbent.artifact_id)
        last = _Last(self._data(table, earlier), self._incumbent.artifact_id)
        if last == self._last():
            return self._result("nothing new", read, None, self._incumbent.artifact_id)
        candidate = self._trained(table, earlier)
        try:
            self._tell("judging", 0.7)
            judged = judge(
                self._incumbent, candidate, table, lam=self._lam, seed=self._settings.seed
            )
            if not judged.passes:
                self._remember(last)
                return self._result("kept", read, judged, self._incumbent.artifact_id)
            self._use(candidate, tell_service, keep=keep)
        finally:
            shutil.rmtree(self._work / "candidate", ignore_errors=True)
        self._remember(_Last(last.data, candidate.artifact_id))
        drop_old(self._home, self._link, keep=keep)
        return self._result("swapped", read, judged, candidate.artifact_id)

    def _read(self, log: Path) -> IngestSummary:
        self._tell("reading the log", 0.0)
        return ingest(
            log,
            self._work / "log",
            settings=self._settings,
            progress=lambda done, total: self._tell("reading the log", 0.2 * done / max(total, 1)),
        )

    def _data(self, table: Path, earlier: Path | None) -> str:
        """Return a fingerprint of all that a run learns from and is judged by."""
        tables = [table_fingerprint(each) for each in (table, earlier) if each is not None]
        return sha256(repr((tables, self._lam, self._settings.seed)).encode()).hexdigest()

    def _trained(self, table: Path, earlier: Path | None) -> Artifact:
        if earlier is not None:
            self._tell("joining the tables", 0.2)
            table = join_tables(table, earlier, self._work / "joined", self._incumbent.tiers)
        return train(
            table,
            self._work / "candidate",
            lam=self._lam,
            encode=_encoder_of(self._incumbent),
            settings=self._settings,
            progress=lambda what, share: self._tell(what, 0.2 + 0.5 * share),
        )

    def _use(self, candidate: Artifact, tell_service: Tell | None, *, keep: int) -> None:
        """Put the candidate among the versions, tell the service, and move the link."""
        now = datetime.now(UTC)
        version = self._home / version_name(self._link, candidate.artifact_id, now)
        old = self._incumbent
        previous = self._home / version_name(self._link, old.artifact_id, old.manifest.created)
        try:
            (self._work / "candidate").rename(version)
        except OSError as error:
            raise StorageError(
                f"cannot put the new artifact at {str(version)!r}: {error.strerror or error}; "
                "nothing was changed"
            ) from error
        try:
            if tell_service is not None:
                tell_service(version)
        except InputError:  # it was refused
            shutil.rmtree(version, ignore_errors=True)
            raise
        except BaseException:
            # Its answer may have been lost when it was done already: then the service decides with
            # the version, and looks for it there when a worker starts.
            drop_old(self._home, self._link, keep=keep)
            raise
        # Should this fail, the version stays: a service that was told decides with it.
        publish(version, self._link, previous=previous)

    def _last(self) -> _Last | None:
        try:
            return msgspec.json.decode((self._work / "last.json").read_bytes(), type=_Last)
        except (OSError, msgspec.DecodeError):
            return None

    def _remember(self, last: _Last) -> None:
        """Keep what this run was about; without it the next one does the same work again."""
        place = self._work / "last.json"
        fresh = place.with_suffix(".new")
        try:
            fresh.write_bytes(msgspec.json.encode(last))
            fresh.replace(place)
        except OSError as error:
            raise StorageError(
                f"cannot write {str(place)!r}: {error.strerror or error}; the next run will do "
                "this one's work again"
            ) from error

    def _result(
        self,
        outcome: Outcome,
        read: IngestSummary,
        judged: Judgement | None,
        artifact_id: str,
    ) -> Retraining:
        table = self._work / "log"
        return Retraining(
            outcome=outcome,
            artifact_id=artifact_id,
            previous=self._incumbent.artifact_id,
            path=str(self._link.resolve()),
            n_rows=read.n_rows,
            n_outcomes=_n_outcomes(table),
            n_issues=sum(read.issues.values()),
            is_blind=not read_info(table).has_text,
            judgement=judged,
        )


def _n_outcomes(table: Path) -> int:
    known = read_table(table)["y_quality"]
    return len(known) - int(known.null_count)


def _encoder_of(artifact: Artifact) -> str | None:
    """Return the name of the sentence encoder that an artifact was trained with, if with one."""
    predictor = artifact.predictor
    embedding = predictor.features.embedding if isinstance(predictor, TierPredictor) else None
    return None if embedding is None else embedding.encoder
