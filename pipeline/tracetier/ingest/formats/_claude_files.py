"""Which files make up one Claude Code session.

``SESSION.jsonl`` is the main agent's. Sub-agents stand in ``SESSION/subagents/agent-ID.jsonl``,
those of a workflow in ``SESSION/subagents/workflows/RUN/``, and in early 2.0 versions in
``agent-ID.jsonl`` beside the session. Each may have an ``agent-ID.meta.json``. The reader of the
main file opens them all, so read by themselves they give nothing again.
"""

import re
from collections import defaultdict
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

import msgspec
from msgspec import Struct

from tracetier.errors import TracetierError
from tracetier.ingest.head import Head
from tracetier.ingest.source import Source, read_head

_SUFFIXES = (".jsonl", ".jsonl.gz")
_AGENT, _META = "agent-", ".meta.json"
_MATERIAL = ("subagents", "tool-results", "workflows")
_META_BYTES = 1024 * 1024
_FILE_NAME = re.compile(r"[\w-]{1,128}")


class AgentMeta(Struct, frozen=True, rename="camel"):
    """What the file beside a sub-agent's transcript tells of it."""

    agent_type: str | None = None
    tool_use_id: str | None = None
    model: str | None = None


def agent_id_of(path: Path) -> str:
    """Return the id in a sub-agent's file name.

    Examples
    --------
    >>> agent_id_of(Path("a/subagents/agent-afx01.jsonl.gz"))
    'afx01'
    """
    return path.name.removesuffix(".gz").removesuffix(".jsonl").removeprefix(_AGENT)


def run_id_of(path: Path) -> str | None:
    """Return the workflow run that a sub-agent belongs to, by its folder."""
    return path.parent.name if path.parent.parent.name == "workflows" else None


def meta_of(path: Path) -> AgentMeta:
    """Return what is told beside a transcript; nothing where there is no such file."""
    beside = path.with_name(_AGENT + agent_id_of(path) + _META)
    try:
        if beside.stat().st_size > _META_BYTES:
            return AgentMeta()
        return msgspec.json.decode(beside.read_bytes(), type=AgentMeta, strict=False)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return AgentMeta()


def agent_files(main: Path, session_ids: Collection[str]) -> list[Path]:
    """Return the transcripts of a session's sub-agents, in the order of their names.

    Parameters
    ----------
    main : Path
        The main agent's transcript.
    session_ids : collection of str
        Sessions whose lines stand in it.
    """
    folder = main.with_name(_stem(main)) / _MATERIAL[0]
    below = [path for path in folder.rglob(_AGENT + "*") if _is_transcript(path)]
    beside: list[Path] = []
    if not is_agent_file(main):
        listed = _beside(main.parent, main.parent.stat().st_mtime_ns)
        beside = [path for name in sorted(session_ids) for path in listed.get(name, ())]
    return sorted(below) + beside


def is_agent_file(path: Path) -> bool:
    """Whether a file is named as a sub-agent's transcript."""
    return path.name.startswith(_AGENT) and path.name.endswith(_SUFFIXES)


def has_agent_file(path: Path, agent_id: str) -> bool:
    """Whether a sub-agent's transcript lies beside another's."""
    if not (is_agent_file(path) and _FILE_NAME.fullmatch(agent_id)):
        return False
    return _session_file(path.with_name(_AGENT + agent_id)) is not None


def main_of(path: Path, session_id: str | None) -> Path | None:
    """Return the main transcript whose reader also reads this one; ``None`` where there is none.

    Parameters
    ----------
    path : Path
        A transcript.
    session_id : str, optional
        The session that its lines name.
    """
    if not is_agent_file(path):
        return None
    if session_id and _FILE_NAME.fullmatch(session_id):
        found = _session_file(path.with_name(session_id))
        if found not in (None, path):
            return found
    return _main_above(path, _MATERIAL[:1])


def is_material(path: Path) -> bool:
    """Whether a file that is no transcript belongs to a session: notes, results, scripts.

    Such are the ``.meta.json`` of a sub-agent, the journal and script of a workflow, and tool
    results that were too long for the transcript.
    """
    if path.name.startswith(_AGENT) and path.name.endswith(_META):
        stem = path.name.removesuffix(_META)
        return any(path.with_name(stem + suffix).exists() for suffix in _SUFFIXES)
    return not is_agent_file(path) and _main_above(path, _MATERIAL) is not None


def _main_above(path: Path, folders: Collection[str]) -> Path | None:
    for folder in path.parents[:5]:
        parts = path.relative_to(folder).parts
        if parts[0] in folders and (found := _session_file(folder)):
            return found
    return None


def _session_file(stem: Path) -> Path | None:
    """Return ``STEM.jsonl`` or ``STEM.jsonl.gz`` where there is one."""
    if not stem.name:
        return None
    every = (stem.with_name(stem.name + suffix) for suffix in _SUFFIXES)
    return next((path for path in every if path.is_file()), None)


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".jsonl")


def _is_transcript(path: Path) -> bool:
    return is_agent_file(path) and path.is_file()


@lru_cache(maxsize=4)
def _beside(folder: Path, _changed_at: int) -> dict[str, tuple[Path, ...]]:
    """Return the sub-agents' transcripts of a folder by session: each session asks again."""
    found = defaultdict(list)
    for path in sorted(folder.glob(_AGENT + "*")):
        if _is_transcript(path) and (session_id := _session_at(path)):
            found[session_id].append(path)
    return {name: tuple(paths) for name, paths in found.items()}


def _session_at(path: Path) -> str | None:
    try:
        return session_of(read_head(path))
    except TracetierError:  # told when the file is read itself
        return None


def session_of(head: Head) -> str | None:
    """Return the session that the first lines of a transcript name."""
    names = (record.get("sessionId") for record in head.records)
    return next((name for name in names if isinstance(name, str)), None)


def source_of(path: Path, main: Source) -> Source:
    """Return a sub-agent's transcript, named after the main one: it lies below or beside it."""
    name = Path(main.name).parent / path.relative_to(main.path.parent)
    return Source(path, name=str(name))
