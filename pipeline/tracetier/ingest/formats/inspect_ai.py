"""Logs of Inspect AI, as ``.json`` and as ``.eval`` zip; one run of an agent per sample and epoch.

Samples of a cancelled or failed log count: they were finished. A log that was never closed has
only its journal, which names the run all the same. Empty ``scores`` are unknown, not 0.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path

from tracetier.ingest.formats._inspect_log import EvalSpec, Header, Log, Sample
from tracetier.ingest.formats._inspect_sample import Walk
from tracetier.ingest.formats._inspect_zip import opened, read_member
from tracetier.ingest.formats._json_head import outline
from tracetier.ingest.formats._typed_json import decoder, read_document, typed
from tracetier.ingest.head import Head
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import NoStep, Span
from tracetier.records import Level

_HEADERS = ("header.json", "_journal/start.json")
_HEADER, _LOG, _SAMPLE = decoder(Header), decoder(Log), decoder(Sample)


class InspectAi:
    """``eval`` with ``samples``, in one document or in a zip."""

    name = "inspect_ai"
    level: Level = "task"
    stands_alone = True

    def matches(self, head: Head) -> float:
        """Tell by the members of the zip, or by the run's header in a document."""
        if head.kind == "zip":
            return float(any(name in _names(head.path) for name in _HEADERS))
        told = outline(head)
        has_run = told.has("eval.task", "eval.model")
        if has_run and any(name in told.paths for name in ("version", "plan", "samples")):
            return 1.0
        return float(told.has("samples[].id", "samples[].epoch", "samples[].target"))

    def read(self, source: Source, context: Context) -> Iterator[Span | NoStep | Issue]:
        """Yield the spans of each sample, a trace of its own."""
        return _read_zip(source) if source.head.kind == "zip" else _read_json(source)


def _names(path: Path) -> set[str]:
    try:
        with opened(path) as archive:
            return set(archive.namelist())
    except Fault:
        return set(_HEADERS) if _starts_like_a_log(path) else set()


def _starts_like_a_log(path: Path) -> bool:
    """Whether the first member is a log's: a zip that was cut off has no list of members."""
    try:
        with path.open("rb") as file:
            start = file.read(200)
    except OSError:
        return False
    return any(name.encode() in start for name in _HEADERS)


def _read_json(source: Source) -> Iterator[Span | NoStep | Issue]:
    log = read_document(source, _LOG)
    if isinstance(log, Issue):
        yield log
        return
    if not log.samples:
        yield NoStep()
    for source.line, raw in enumerate(log.samples or (), 1):
        yield from _read_sample(source, bytes(raw), log.eval)


def _read_zip(source: Source) -> Iterator[Span | NoStep | Issue]:
    try:
        with opened(source.path) as archive:
            spec = _spec(archive)
            members = _samples(archive)
            if not members:
                yield NoStep()
            for source.line, info in enumerate(members, 1):
                yield from _read_member(source, archive, info, spec)
                source.advance(info.compress_size)
    except Fault as fault:
        yield source.issue(fault, is_of_file=True)


def _spec(archive: zipfile.ZipFile) -> EvalSpec:
    for name in _HEADERS:
        if name in archive.NameToInfo:
            return typed(read_member(archive, archive.NameToInfo[name]), _HEADER).eval
    raise Fault("missing", f"zip has neither {' nor '.join(_HEADERS)}")


def _samples(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the samples in their order; of one that was written twice, the last."""
    named = archive.NameToInfo
    return [
        info
        for name, info in named.items()
        if name.startswith("samples/") and name.endswith(".json") and _is_whole(name)
    ]


def _is_whole(name: str) -> bool:
    """Whether a member is a sample: one file each, or, in pieces, the first of a folder."""
    return name.count("/") == 1 or name.endswith("/sample.json")


def _read_member(
    source: Source, archive: zipfile.ZipFile, info: zipfile.ZipInfo, spec: EvalSpec
) -> Iterator[Span | Issue]:
    if info.filename.count("/") > 1:
        told = "sample is stored in pieces; rewrite the log with `inspect log convert`"
        yield source.fault("packed", told, pointer=info.filename)
        return
    try:
        data = read_member(archive, info)
    except Fault as fault:
        yield source.issue(fault)
        return
    yield from _read_sample(source, data, spec)


def _read_sample(source: Source, data: bytes, spec: EvalSpec) -> Iterator[Span | Issue]:
    try:
        for item in Walk(typed(data, _SAMPLE), spec).spans():
            yield source.issue(item) if isinstance(item, Fault) else item
    except Fault as fault:
        yield source.issue(fault)


FORMAT = InspectAi
