"""What a process does for its states while nobody asks: a thread each, and a last flush at exit."""

import atexit
import logging
import os
import sys
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from tracetier.errors import TracetierError

LOGGER: Final = logging.getLogger("tracetier.route")

_SLOWEST_S = 2.0
"""Longest time between two tries to reach a store."""

_NICENESS = 5
"""How far this stands back behind the threads that answer; beside a busy one a quarter of a core is
left to it."""


class Tended(Protocol):
    """What is looked after."""

    def tend(self) -> bool:
        """Do what is due, and return whether the store answered."""
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
        self._is_stopped, self._rung = threading.Event(), threading.Event()
        self._thread = threading.Thread(
            target=_tend,
            args=(weakref.ref(tended), self._is_stopped, self._rung, every_s),
            daemon=True,
            name="tracetier",
        )
        self._thread.start()
        _LIVING[tended] = self

    def ring(self) -> None:
        """Have it called now, unless the store did not answer."""
        self._rung.set()

    def stop(self) -> None:
        """End, once what is under way is done."""
        self._is_stopped.set()
        self._rung.set()
        if self._thread is not threading.current_thread():
            self._thread.join()


_LIVING: "weakref.WeakKeyDictionary[Tended, Background]" = weakref.WeakKeyDictionary()


def _tend(
    tended: "weakref.ref[Tended]",
    is_stopped: threading.Event,
    rung: threading.Event,
    every_s: Callable[[], float],
) -> None:
    _stand_back()
    wait_s, is_answered = every_s(), True
    while True:
        (rung if is_answered else is_stopped).wait(wait_s)
        rung.clear()  # before what is looked at below: who rings later is heard the next time
        living = None if is_stopped.is_set() else tended()
        if living is None:
            return
        try:
            is_answered = living.tend()
        except Exception:  # a thread that ended here would leave all later decisions unstored
            LOGGER.exception("the state was not looked after this time; it is tried again")
            is_answered = False
        wait_s = every_s() if is_answered else min(_SLOWEST_S, 2.0 * wait_s)
        del living


def _stand_back() -> None:
    if sys.platform == "linux":  # elsewhere all threads of a process are equal
        thread = threading.get_native_id()
        with suppress(OSError):
            niceness = os.getpriority(os.PRIO_PROCESS, thread) + _NICENESS
            os.setpriority(os.PRIO_PROCESS, thread, niceness)


@atexit.register
def _settle_all() -> None:
    for living, background in list(_LIVING.items()):
        background._is_stopped.set()
        try:
            living.settle()
        except TracetierError:
            pass  # told by `health` as long as anybody could ask
        except Exception:  # those after it have something to settle as well
            LOGGER.exception("what still waited for the state was not stored")
