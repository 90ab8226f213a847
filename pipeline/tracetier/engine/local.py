"""Several processes of this machine, by joblib's pool or, where that is safe, by forks.

A fork has at once all that is imported here, which takes a fresh process longer than reading
100 MB. It is safe only while this process has a single thread, since a lock that another one holds
would never be released in the copy. So it is done on Linux alone, all at once and before the pool's
own threads begin; the standard library's pool never replaces a process later, and with more threads
than one joblib's starts its processes afresh.
"""

import gc
import multiprocessing
import sys
import threading
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from tracetier.engine.engine import windowed
from tracetier.errors import WorkError

Item = TypeVar("Item")
Result = TypeVar("Result")
_AHEAD = 2  # items per process that are under way or wait to be taken


class Processes:
    """A pool that starts with the first stream and lives until it is closed.

    ``joblib.Parallel`` itself goes on with all items however slowly their results are taken, so
    its pool is used directly, through a window.

    Parameters
    ----------
    jobs : int
        Processes.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._pool: Executor | None = None

    def stream(
        self, function: Callable[[Item], Iterable[Result]], items: Iterable[Item]
    ) -> Generator[Result, None, None]:
        """Yield as `Engine.stream` says."""
        pool = self._pool = self._pool or _pool(self.jobs)

        def submit(item: Item) -> "Future[list[Result]]":
            with self._ends_told():
                return pool.submit(_held, function, item)

        return self._results(windowed(submit, items, _AHEAD * self.jobs))

    def close(self) -> None:
        """End the processes."""
        pool, self._pool = self._pool, None
        if isinstance(pool, ProcessPoolExecutor):
            pool.shutdown(wait=True, cancel_futures=True)
        elif pool is not None:
            joblib_pool: Any = pool
            joblib_pool.shutdown(wait=True, kill_workers=True)

    def _results(self, futures: "Iterable[Future[list[Result]]]") -> Generator[Result, None, None]:
        for future in futures:
            with self._ends_told():
                results = future.result()
            yield from results

    @contextmanager
    def _ends_told(self) -> Iterator[None]:
        try:
            yield
        except BrokenProcessPool as error:
            raise WorkError(
                f"one of {self.jobs} processes was ended from outside, most likely for want of "
                "memory; give fewer --jobs, and run again"
            ) from error


def _pool(jobs: int) -> Executor:
    if not _may_fork():
        from joblib.externals.loky import ProcessPoolExecutor as JoblibPool

        found: Executor = JoblibPool(max_workers=jobs)
        return found
    pool = ProcessPoolExecutor(max_workers=jobs, mp_context=multiprocessing.get_context("fork"))
    with warnings.catch_warnings():
        # Python counts threads of libraries too, which see to forks themselves.
        warnings.filterwarnings("ignore", ".*multi-threaded.*fork", DeprecationWarning)
        gc.freeze()  # or the first search for circles would copy all that is shared with a fork
        pool.submit(_nothing)  # starts all processes, now that there is one thread
        gc.unfreeze()
    return pool


def _may_fork() -> bool:
    return sys.platform == "linux" and threading.active_count() == 1


def _nothing() -> None:
    pass


def _held(function: Callable[[Item], Iterable[Result]], item: Item) -> list[Result]:
    return list(function(item))
