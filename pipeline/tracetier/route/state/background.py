"""What a process does for its states while nobody asks: a thread each, and a last flush at exit."""

import atexit
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from tracetier.errors import TracetierError

_SLOWEST_S = 2.0
"""Longest time between two tries to reach a store."""


class Tended(Protocol):
    """What is looked after."""

    def tend(self) -> bool:
        """Do what is due, and return whether the store answered; never raises."""
        ...

    def settle(self) -> None:
        """Give the store what still waits, since the interpreter ends."""
        ...


class Background:
    """Calls `Tended.tend` again and again, until it is stopped or nobody has the object any more.

    Parameters
    ----------
    tended : Tended
    every_s : callable
        Returns the seconds between two calls; where the store does not answer, they become more.
    """

    def __init__(self, tended: Tended, every_s: Callable[[], float]) -> None:
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(
            target=_tend,
            args=(weakref.ref(tended), self._is_stopped, every_s),
            daemon=True,
            name="tracetier",
        )
        self._thread.start()
        _LIVING[tended] = self

    def stop(self) -> None:
        """End, once what is under way is done."""
        self._is_stopped.set()
        if self._thread is not threading.current_thread():
            self._thread.join()


_LIVING: "weakref.WeakKeyDictionary[Tended, Background]" = weakref.WeakKeyDictionary()


def _tend(
    tended: "weakref.ref[Tended]", is_stopped: threading.Event, every_s: Callable[[], float]
) -> None:
    wait_s = every_s()
    while not is_stopped.wait(wait_s):
        living = tended()
        if living is None:
            return
        wait_s = every_s() if living.tend() else min(_SLOWEST_S, 2.0 * wait_s)
        del living


@atexit.register
def _settle_all() -> None:
    for living, background in list(_LIVING.items()):
        background._is_stopped.set()
        with suppress(TracetierError):
            living.settle()
