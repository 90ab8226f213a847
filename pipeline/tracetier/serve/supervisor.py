"""Keeps workers alive: one that does not start is tried again, once others have served.

The web server's own supervisor ends the whole service when a worker fails before it serves, since
it would fail again. That is right for the first ones, and left so. But what keeps a later one from
starting, as a package that is just being exchanged, may be over in a moment, and meanwhile the
others serve.
"""

import logging
import time
from collections.abc import Callable
from typing import Final

from uvicorn.supervisors import multiprocess

from tracetier.serve.logs import tell

FIRST_WAIT_S: Final = 1.0
MOST_WAIT_S: Final = 30.0
"""Seconds before a worker that failed is tried again, twice as many each time, up to the most."""


class Supervisor(multiprocess.Multiprocess):
    """The web server's supervisor, see the module for what differs."""

    clock: Callable[[], float] = staticmethod(time.monotonic)
    has_failed = False
    """Whether the service ended because one of its first workers did not start."""
    _has_served = False
    _wait_s = FIRST_WAIT_S
    _next_s = 0.0

    def keep_subprocess_alive(self) -> None:
        """Start anew whoever died; one that failed before it served, after a while."""
        if self.should_exit.is_set():
            return  # it was told to end
        super().keep_subprocess_alive()
        if self.should_exit.is_set() and self._has_served:  # one failed, and it would end for that
            self.should_exit.clear()
            self._put_off()
        elif self.should_exit.is_set():
            self.has_failed = True
        elif len(self.processes) < self.processes_num and self.clock() >= self._next_s:
            process = multiprocess.Process(self.config, self.sockets)
            process.start()
            self.processes.append(process)
        elif len(self.processes) == self.processes_num and self._are_ready():
            self._has_served, self._wait_s = True, FIRST_WAIT_S

    def handle_ttou(self) -> None:
        """Have one worker less; where one that failed is out already, it is that one.

        The web server's own would end the last of those that serve, or fail where none is left.
        """
        if len(self.processes) < self.processes_num:
            self.processes_num = max(self.processes_num - 1, 1)
        else:
            super().handle_ttou()

    def _put_off(self) -> None:
        """Take the failed ones out, until their turn comes again."""
        self.processes = [each for each in self.processes if each.exitcode is None]
        self._next_s = self.clock() + self._wait_s
        tell("a worker did not start", level=logging.ERROR, tried_again_in_s=self._wait_s)
        self._wait_s = min(2.0 * self._wait_s, MOST_WAIT_S)

    def _are_ready(self) -> bool:
        """Whether all serve; asked only until that is known."""
        if self._has_served and self._wait_s == FIRST_WAIT_S:
            return False
        # Versions that do not know of it do not end for one worker either.
        return all(getattr(each, "is_ready", bool)(1.0) for each in self.processes)
