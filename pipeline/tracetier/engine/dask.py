"""A Dask cluster: one that runs already, or one of this machine for the time of the work.

The scheduler gives the item of a worker that died to another one. Files are read by the workers,
so that a cluster of several machines must see them under the same paths.
"""

from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from tracetier.engine.engine import windowed
from tracetier.errors import SettingsError, WorkError

Item = TypeVar("Item")
Result = TypeVar("Result")
_AHEAD = 2  # items per worker that are under way or wait to be taken
_REACH_S = 10


class Dask:
    """A cluster by its address.

    Parameters
    ----------
    url : str
        ``dask://HOST:PORT`` of a scheduler, or ``dask://local?workers=N``.
    jobs : int
        Workers of a local cluster where the address does not tell.
    """

    def __init__(self, url: str, jobs: int = 1) -> None:
        self.url = url
        place = urlsplit(url)
        try:
            port = place.port
        except ValueError:
            port = None
        self._n_workers = _n_workers(url, place.query, jobs) if place.netloc == "local" else None
        if self._n_workers is None and (not place.hostname or port is None):
            raise SettingsError(
                f"engine {url!r} names no scheduler; give dask://HOST:PORT, as the scheduler told "
                "it when it started (mostly port 8786), or dask://local?workers=N"
            )
        self._address = f"tcp://{place.netloc}"
        self._open = ExitStack()
        self._client: Any = None

    def stream(
        self, function: Callable[[Item], Iterable[Result]], items: Iterable[Item]
    ) -> Generator[Result, None, None]:
        """Yield as `Engine.stream` says."""
        distributed = _distributed()
        if self._client is None:
            self._client = self._connected(distributed)
        client = self._client
        width = _AHEAD * max(1, len(client.scheduler_info(n_workers=-1)["workers"]))

        def submit(item: Item) -> Any:
            return client.submit(_held, function, item, pure=False)

        for future in windowed(submit, items, width):
            try:
                found = future.result()
            except distributed.scheduler.KilledWorker as error:
                raise WorkError(
                    f"workers of {self.url} died again and again over the same item, most "
                    "likely for want of memory; give them more of it, and run again"
                ) from error
            future.release()
            yield from found

    def close(self) -> None:
        """Leave the cluster, and end it if it was started here."""
        self._client = None
        self._open.close()

    def _connected(self, distributed: Any) -> Any:
        if self._n_workers is None:
            return self._open.enter_context(self._reached(distributed))
        cluster = distributed.LocalCluster(
            n_workers=self._n_workers,
            threads_per_worker=1,
            dashboard_address=None,
            memory_limit=0,
            silence_logs="ERROR",
        )
        return self._open.enter_context(distributed.Client(self._open.enter_context(cluster)))

    def _reached(self, distributed: Any) -> Any:
        try:
            client = distributed.Client(self._address, timeout=_REACH_S)
        except (OSError, TimeoutError) as error:
            raise SettingsError(
                f"no Dask scheduler answers at {self._address} within {_REACH_S} s; start one "
                "with `dask scheduler`, or give the address of one that runs"
            ) from error
        try:
            _check_workers(client, self.url)
        except BaseException:
            client.close()
            raise
        return client


def _check_workers(client: Any, url: str) -> None:
    """Refuse a cluster that has nobody to do the work, or other code than this process."""
    ours = _version()
    try:
        found = client.run(_version, on_error="return")
    except (OSError, TimeoutError) as error:
        raise SettingsError(f"the workers of {url} do not answer: {error}; start them") from error
    if not found:
        raise SettingsError(
            f"the scheduler at {url} has no workers; start some with `dask worker HOST:PORT`"
        )
    for worker, theirs in found.items():
        if theirs != ours:
            told = theirs if isinstance(theirs, str) else f"{type(theirs).__name__}: {theirs}"
            raise SettingsError(
                f"worker {worker} of {url} has tracetier {told}, this process {ours}; install the "
                f'same one everywhere: pip install "tracetier[dask]=={ours}"'
            )


def _version() -> str:
    """Return the version that is installed here; in a bare checkout there is none to compare."""
    try:
        return version("tracetier")
    except PackageNotFoundError:
        return "unknown"


def _n_workers(url: str, query: str, jobs: int) -> int:
    given = parse_qs(query, keep_blank_values=True)
    texts = given.pop("workers", [str(jobs)])
    if given or not texts[-1].isdecimal() or int(texts[-1]) < 1:
        raise SettingsError(
            f"engine {url!r} is not understood; give dask://local?workers=N with N >= 1"
        )
    return int(texts[-1])


def _distributed() -> Any:
    try:
        import distributed
        import distributed.scheduler
    except ImportError as error:
        raise SettingsError(
            f"the engine dask:// needs a library that is not installed ({error}); run\n"
            '  pip install "tracetier[dask]"'
        ) from error
    return distributed


def _held(function: Callable[[Item], Iterable[Result]], item: Item) -> list[Result]:
    return list(function(item))
