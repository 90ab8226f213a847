"""Several processes of this machine, by joblib's pool."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from tracetier.engine.engine import windowed
from tracetier.errors import WorkError

Item = TypeVar("Item")
Result = TypeVar("Result")
_AHEAD = 2  # items per process that are under way or wait to be taken


class Processes:
    """A pool that lives as long as one stream.

    ``joblib.Parallel`` itself goes on with all items however slowly their results are taken, so
    its pool is used directly, through a window.

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
        from joblib.externals.loky import ProcessPoolExecutor
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        pool = ProcessPoolExecutor(max_workers=self.jobs)
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


def _held(function: Callable[[Item], Iterable[Result]], item: Item) -> list[Result]:
    return list(function(item))
