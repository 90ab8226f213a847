"""Spawns whose sub-agent has not stopped yet: which decision each goes by.

One small file each in one folder, so that they outlive whoever decided, several processes share
them without a lock, and of two who hear of a stop one alone gets it. Bounded in number and age. The
prompt is kept as a hash with the session's id in it.
"""

import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import msgspec
from msgspec import Struct

MOST = 1_000
MAX_AGE_S = 7 * 24 * 3600.0


class Spawn(Struct, frozen=True, kw_only=True):
    """A spawn that was given a model.

    ``alias`` is the model as the agent calls it.
    """

    decision_id: str
    tier: str
    alias: str


class Spawns:
    """The spawns in a folder.

    Parameters
    ----------
    folder : Path
        Made where it is missing, for this user alone.
    most : int
        Spawns kept; beyond it the oldest go.
    clock : callable
        Seconds since 1970.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> spawns = Spawns(Path(mkdtemp()))
    >>> spawns.put("toolu_1", "s", "Find it.", Spawn(decision_id="d", tier="low", alias="haiku"))
    >>> spawns.take(None, "s", "Find it.").alias, spawns.take("toolu_1", "s", "Find it.")
    ('haiku', None)
    """

    def __init__(
        self, folder: Path, *, most: int = MOST, clock: Callable[[], float] = time.time
    ) -> None:
        self._folder, self._most, self._clock = folder, most, clock

    def put(self, tool_use_id: str, session_id: str, prompt: str, spawn: Spawn) -> None:
        """Keep a spawn.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{_asked(session_id, prompt)}-{_used(tool_use_id)}.json"
        draft = self._folder / f".{secrets.token_hex(8)}-{name}"  # threads may put one spawn twice
        draft.write_bytes(msgspec.json.encode(spawn))
        draft.replace(self._folder / name)
        self._prune()

    def of(self, tool_use_id: str) -> Spawn | None:
        """Return the spawn of a use of the tool, ``None`` where there is none."""
        found = self._paths(lambda name: name.endswith(f"-{_used(tool_use_id)}.json"))
        return _read(found[0]) if found else None

    def take(self, tool_use_id: str | None, session_id: str, prompt: str) -> Spawn | None:
        """Return a spawn and forget it: that of the tool's use, else the oldest that asked this."""
        if tool_use_id is not None:
            found = self._paths(lambda name: name.endswith(f"-{_used(tool_use_id)}.json"))
        else:
            found = self._paths(lambda name: name.startswith(f"{_asked(session_id, prompt)}-"))
        for path in found:
            spawn = _read(path)
            try:
                path.unlink()
            except FileNotFoundError:
                continue  # another was faster
            if spawn is not None:
                return spawn
        return None

    def _paths(self, is_meant: Callable[[str], bool]) -> list[Path]:
        """Return the files by age, the oldest first."""
        aged: list[tuple[float, Path]] = []
        with suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            for entry in entries:
                if is_meant(entry.name) and not entry.name.startswith("."):
                    with suppress(FileNotFoundError):
                        aged.append((entry.stat().st_mtime, Path(entry.path)))
        return [path for _, path in sorted(aged)]

    def _prune(self) -> None:
        paths = self._paths(lambda name: name.endswith(".json"))
        old = self._clock() - MAX_AGE_S
        for i, path in enumerate(paths):
            with suppress(FileNotFoundError):
                if i < len(paths) - self._most or path.stat().st_mtime < old:
                    path.unlink()


def spawns_folder(store: str) -> Path:
    """Return the folder of the spawns that were decided with a state.

    Parameters
    ----------
    store : str
        Name of the state's store.
    """
    told = os.environ.get("XDG_STATE_HOME", "")
    home = Path(told) if told.startswith("/") else Path.home() / ".local" / "state"
    return home / "tracetier" / "spawns" / _used(store)


def _read(path: Path) -> Spawn | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Spawn)
    except (OSError, msgspec.MsgspecError):
        return None


def _used(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _asked(session_id: str, prompt: str) -> str:
    return _used(f"{session_id}\0{prompt.strip()}")
