"""By what a run knows that a file, and all that its rows follow from, is as it was.

A file is the same if its size, its time of change in nanoseconds, and the content of its first and
last 64 KiB are. Reading it whole to be surer would cost a good part of reading it again, which is
what is to be saved; ``--fresh`` does that. Formats that look at files beside their own are bound to
those as well: to all that is in the folder and directly above it.
"""

import hashlib
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path

import msgspec

from tracetier.errors import InputError
from tracetier.ingest.recipe import Recipe
from tracetier.ingest.registry import entry_points_of_others
from tracetier.table import is_table

_EDGE_BYTES = 64 * 1024
_N_AROUND = 20_000  # files; a larger folder is not searched, what is in it is read each time


def stamp_of(path: Path) -> str:
    """Return 32 hex digits that change with the file.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        return _stamp(path)
    except OSError as error:
        raise InputError(
            f"cannot read {str(path)!r}: {error.strerror or error}; give a file that you may read"
        ) from error


def _stamp(path: Path) -> str:
    with path.open("rb") as file:
        facts = os.fstat(file.fileno())
        edges = file.read(_EDGE_BYTES)
        if facts.st_size > _EDGE_BYTES:
            file.seek(-_EDGE_BYTES, os.SEEK_END)
            edges += file.read()
    told = f"{facts.st_size} {facts.st_mtime_ns} ".encode()
    return hashlib.sha256(told + edges).hexdigest()[:32]


class Surroundings:
    """What lies around files, looked up once per folder of a run."""

    def __init__(self) -> None:
        self._start_ns = time.time_ns()
        self._known: dict[Path, str | None] = {}

    def stamp(self, path: Path, own: str, *, stands_alone: bool) -> str | None:
        """Return what changes with all that the reading of a file depends on.

        Parameters
        ----------
        path : Path
        own : str
            By `stamp_of`.
        stands_alone : bool
            Whether that is the file alone, by its format.

        Returns
        -------
        str, optional
            ``None`` where that is too much to be looked up, or changes at this moment.
        """
        if stands_alone:
            return own
        try:
            if path.parent in self._known:
                told = self._known[path.parent]
            else:
                told = self._known[path.parent] = self._digest(_around(path.parent))
        except OSError:
            return None
        return None if told is None else f"{own}-{told}"

    def _digest(self, paths: Iterable[Path]) -> str | None:
        found = list(islice(paths, _N_AROUND + 1))
        facts = [(str(path), path.stat()) for path in found]
        if len(found) > _N_AROUND or any(s.st_mtime_ns > self._start_ns for _, s in facts):
            return None
        told = "\n".join(f"{path} {stat.st_size} {stat.st_mtime_ns}" for path, stat in facts)
        return hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def recipe_stamp(recipe: Recipe) -> str:
    """Return 32 hex digits that change with anything, files aside, from which rows follow.

    That is the recipe, the code of this package, the price list, and formats of others.
    """
    judges = recipe.judges
    if judges.given is not None:  # outcomes of the user's may be about any row
        return secrets.token_hex(16)
    rules = (judges.scores.rules, judges.proxies and judges.proxies.weights)
    others = sorted(
        f"{point.value} {point.dist.version if point.dist else ''}"
        for point in entry_points_of_others()
    )
    told = [getattr(recipe, name) for name in Recipe.__struct_fields__ if name != "judges"]
    parts = [repr((told, rules)), _code_stamp(), _version("genai-prices"), *others]
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:32]


@cache
def _code_stamp() -> str:
    """Return a digest of our own source, so that no mended reader's old rows are kept."""
    package = Path(__file__).parents[1]
    whole = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        content = path.read_bytes()
        whole.update(f"{path.relative_to(package)} {len(content)} ".encode() + content)
    return whole.hexdigest()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _around(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, and those beside it."""
    yield from sorted(path for path in folder.parent.iterdir() if path.is_file())
    yield from _below(folder)


def _below(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            # A run over the folder may write its own table there.
            if not entry.name.startswith(".") and not is_table(entry):
                yield from _below(entry)
        elif entry.is_file():
            yield entry
