"""Several processes of this machine, by joblib's pool."""

import multiprocessing
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from tracetier.engine.engine import windowed
from tracetier.errors import WorkError

if TYPE_CHECKING:
    from joblib.externals.loky import ProcessPoolExecutor

Item = TypeVar("Item")
Result = TypeVar("Result")
_AHEAD = 2  # items per process that are under way or wait to be taken


class Processes:
    """A pool that lives as long as one stream.

    ``joblib.Parallel`` itself goes on with all items however slowly their results are taken, so
    its pool is used directly, through a window.

    Where this process has a single thread on Linux, its workers are forked: they have at once all
    that is imported here, which takes a fresh process longer than reading 200 MB. With more
    threads a fork could copy a lock that nobody will ever release, so there they start afresh.

    Parameters
    ----------
    jobs : int
        Processes.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs

    def stream(
        self, function: Callable[[Item], Iterable[Result]], items: Iterable[Item]
    ) -> Iterator[Result]:
        """Yield as `Engine.stream` says."""
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        pool = _pool(self.jobs)
        try:
            for future in windowed(
                lambda item: pool.submit(_held, function, item), items, _AHEAD * self.jobs
            ):
                yield from future.result()
        except TerminatedWorkerError as error:
            raise WorkError(
                f"one of {self.jobs} processes was ended from outside, most likely for want of "
                "memory; give fewer --jobs, and run again"
            ) from error
        finally:
            pool.shutdown(wait=True, kill_workers=True)


def _pool(jobs: int) -> "ProcessPoolExecutor":
    from joblib.externals.loky import ProcessPoolExecutor

    if not _may_fork():
        return ProcessPoolExecutor(max_workers=jobs)
    pool = ProcessPoolExecutor(max_workers=jobs, context=multiprocessing.get_context("fork"))
    with warnings.catch_warnings():
        # Python counts threads of libraries too, which see to forks themselves.
        warnings.filterwarnings("ignore", ".*multi-threaded.*fork", DeprecationWarning)
        pool.submit(_nothing)  # starts all processes, now that there is one thread
    return pool


def _may_fork() -> bool:
    return sys.platform == "linux" and threading.active_count() == 1


def _nothing() -> None:
    pass


def _held(function: Callable[[Item], Iterable[Result]], item: Item) -> list[Result]:
    return list(function(item))
