"""The process that stays: a service behind a socket of this user, for the hook's command.

    python -m tracetier.serve.hooks.helper SOCKET [ARGUMENTS OF THE HOOK]

One for each set of arguments, started by the first event and found by the next. It ends by itself:
when nobody has asked for long, and when its artifact or settings change on the disk, so that the
next event starts one that knows the new ones. A stop that it was started for comes on its standard
input.
"""

import fcntl
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from tracetier.errors import SettingsError, TracetierError
from tracetier.serve.hooks.claude_code import ClaudeCodeHook, Event, read_event
from tracetier.serve.hooks.client import DEADLINE_S, MAX_BYTES, ask
from tracetier.serve.hooks.options import HookOptions, read_options
from tracetier.serve.hooks.spawns import Spawns, spawns_folder
from tracetier.serve.hooks.stop import StopReporter
from tracetier.serve.service import Service
from tracetier.settings import CONFIG_FILE, load_settings

IDLE_S: Final = 1800.0
"""Seconds without an event after which it ends."""

_LOOK_S = 1.0
_MOST_AT_ONCE = 32
_READ_S = 2.0
_WINNER_S = 10.0


class Helper:
    """Answers events on a socket.

    Parameters
    ----------
    service : Service
    options : HookOptions
    place : str
        Path of the socket.
    spawns : Spawns, optional
        By default those of the service's state.
    idle_s : float
        Seconds without an event after which it ends.
    """

    def __init__(
        self,
        service: Service,
        options: HookOptions,
        place: str,
        *,
        spawns: Spawns | None = None,
        idle_s: float = IDLE_S,
    ) -> None:
        self._service, self._options, self._place = service, options, place
        spawns = spawns or Spawns(spawns_folder(service.health().store))
        self._hook = ClaudeCodeHook(service, spawns, options)
        self._reporter = StopReporter(service, spawns)
        self._idle_s, self._is_ending = idle_s, False
        self._places = threading.Semaphore(_MOST_AT_ONCE)
        self._last = time.monotonic()

    def end(self) -> None:
        """Take no more events, and let `run` return."""
        self._is_ending = True

    def take_late(self, data: bytes) -> None:
        """Deal with an event whose agent went on without an answer: a stop is still reported."""
        with suppress(msgspec.MsgspecError):
            event = read_event(data)
            if event.is_stop:
                self._reporter.submit(event, self._options.quality_from)

    def run(self) -> None:
        """Answer until it is time to end; then report what is left, and close the service."""
        watched = _stamp(self._options)
        with socket.socket(socket.AF_UNIX) as listening:
            with suppress(FileNotFoundError):
                os.unlink(self._place)  # noqa: PTH108 - left by one that was killed
            listening.bind(self._place)
            own = _inode(self._place)
            listening.listen(_MOST_AT_ONCE)
            listening.settimeout(_LOOK_S)
            while not self._is_ending:
                with suppress(TimeoutError):
                    self._take(listening.accept()[0])
                is_idle = time.monotonic() - self._last > self._idle_s and self._reporter.is_idle
                if is_idle or _stamp(self._options) != watched or _inode(self._place) != own:
                    break
            if _inode(self._place) == own:
                os.unlink(self._place)  # noqa: PTH108
        self._reporter.finish()
        self._service.close()

    def _take(self, link: socket.socket) -> None:
        self._last = time.monotonic()
        if self._places.acquire(blocking=False):
            threading.Thread(target=self._answer, args=(link, self._last), daemon=True).start()
        else:
            link.close()

    def _answer(self, link: socket.socket, since: float) -> None:
        try:
            with link:
                link.settimeout(_READ_S)
                event = read_event(_received(link))
                if event.is_spawn:
                    self._send(link, event, since)
                elif event.is_stop:
                    self._reporter.submit(event, self._options.quality_from)
        except (OSError, msgspec.MsgspecError, TracetierError) as error:
            print(f"no answer: {error}", file=sys.stderr, flush=True)  # noqa: T201
        finally:
            self._places.release()

    def _send(self, link: socket.socket, event: Event, since: float) -> None:
        answer = self._hook.on_spawn(event)
        if not answer:
            return
        try:
            if time.monotonic() - since > DEADLINE_S:
                raise TimeoutError("decided too late; the spawn stays as it is")
            link.sendall(msgspec.json.encode(answer))
        except OSError:
            self._hook.forget(event)
            raise


def main(argv: list[str]) -> int:
    """Be the helper at a place, unless there is one; return the exit code."""
    place, event = argv[0], sys.stdin.buffer.read()
    with Path(f"{place}.lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _pass_on(argv[1:], event)
            return 0
        try:
            options = read_options(argv[1:])
            helper = Helper(_open(options), options, place)
        except (TracetierError, OSError) as error:
            print(f"tracetier: error: {error}", file=sys.stderr)  # noqa: T201
            return 1
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: helper.end())
        helper.take_late(event)
        helper.run()
    return 0


def _open(options: HookOptions) -> Service:
    if options.root is not None:
        os.chdir(options.root)
    if options.artifact is None:
        raise SettingsError("the hook names no artifact; give one, or --url of a running service")
    return Service.open(options.artifact, state=options.state, settings=load_settings())


def _pass_on(argv: list[str], event: bytes) -> None:
    """Give an event to the helper that was first, which may still be loading."""
    end = time.monotonic() + _WINNER_S
    while event and time.monotonic() < end:
        with suppress(OSError):
            ask(argv, event)
            return
        time.sleep(_LOOK_S / 4)


def _received(link: socket.socket) -> bytes:
    data = bytearray()
    while len(data) <= MAX_BYTES and (part := link.recv(65536)):
        data += part
    return bytes(data) if len(data) <= MAX_BYTES else b""


def _inode(place: str) -> int | None:
    return _told(lambda: os.stat(place).st_ino)  # noqa: PTH116


def _stamp(options: HookOptions) -> list[int | None]:
    """Return when the artifact and the settings were written last."""
    artifact = Path(options.artifact or "")
    paths = (artifact, artifact / "manifest.json", CONFIG_FILE)
    return [_told(partial(_written, path)) for path in paths]


def _written(path: Path) -> int:
    return path.stat().st_mtime_ns


def _told(look: Callable[[], int]) -> int | None:
    try:
        return look()
    except OSError:
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
