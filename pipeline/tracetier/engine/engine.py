"""Which engines there are, and what every one of them does: a function over items, in order.

A user names one by a word or a URL. What comes out is the same whichever runs; only the time
differs. Libraries are imported by the engine that needs them, when it is asked for.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from difflib import get_close_matches
from itertools import islice
from typing import Protocol, TypeVar

from tracetier.errors import SettingsError

Item = TypeVar("Item")
Result = TypeVar("Result")


class Engine(Protocol):
    """A place where a function runs over items."""

    def stream(
        self, function: Callable[[Item], Iterable[Result]], items: Iterable[Item]
    ) -> Generator[Result, None, None]:
        """Yield what a function yields for each item, in the order of the items.

        Function and items must be picklable, and the function must give the same for the same
        item, since an item whose worker died is given to another one. Only a bounded number of
        items is under way at a time, however slowly the results are taken; the first ones may be
        before any is. What an item gives is held in memory until it is taken, except where it is
        computed in this process.

        Raises
        ------
        SettingsError
            If the engine cannot be reached or a library of it is missing.
        WorkError
            If workers die again and again.
        """
        ...

    def close(self) -> None:
        """End what was started, which all streams share."""
        ...


class Here:
    """In this process: one item after the other, each result as soon as it is there."""

    def stream(
        self, function: Callable[[Item], Iterable[Result]], items: Iterable[Item]
    ) -> Generator[Result, None, None]:
        """Yield as `Engine.stream` says."""
        for item in items:
            yield from function(item)

    def close(self) -> None:
        """Do nothing."""


def _local(url: str, jobs: int) -> Engine:
    if jobs == 1:
        return Here()
    from tracetier.engine.local import Processes

    return Processes(jobs)


def _dask(url: str, jobs: int) -> Engine:
    from tracetier.engine.dask import Dask

    return Dask(url, jobs)


ENGINES: dict[str, Callable[[str, int], Engine]] = {"local": _local, "dask": _dask}
"""Word before ``://`` → engine, by the whole text and the number of processes."""


def engine_named(name: str | None = None, *, jobs: int = 1) -> Engine:
    """Return an engine.

    Parameters
    ----------
    name : str, optional
        ``local``, ``dask://HOST:PORT`` of a scheduler, or ``dask://local?workers=N`` for a
        cluster that is started and ended here. By default ``local``.
    jobs : int
        Processes of a local engine, at least 1.

    Raises
    ------
    SettingsError
        For an unknown name, a number below 1, or an address that is none.

    Examples
    --------
    >>> type(engine_named()).__name__
    'Here'
    >>> engine_named("dsk://10.0.0.1:8786")
    Traceback (most recent call last):
    tracetier.errors.SettingsError: unknown engine 'dsk://10.0.0.1:8786'; did you mean dask? ...
    """
    if jobs < 1:
        raise SettingsError(f"jobs is {jobs}, must be at least 1")
    url = name or "local"
    word = url.partition(":")[0]
    if word not in ENGINES:
        near = get_close_matches(word, ENGINES, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise SettingsError(
            f"unknown engine {name!r}; {hint}Known are local, dask://HOST:PORT and "
            "dask://local?workers=N"
        )
    return ENGINES[word](url, jobs)


class Pending(Protocol):
    """What is under way."""

    def cancel(self) -> object:
        """Leave it undone, if it has not begun."""
        ...


Future = TypeVar("Future", bound=Pending)


def windowed(
    submit: Callable[[Item], Future], items: Iterable[Item], width: int
) -> Generator[Future, None, None]:
    """Yield what was submitted for each item in order, with at most ``width`` under way.

    The first ones are submitted at once, before anything is taken. What is under way when nobody
    takes any more is cancelled.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor() as pool:
    ...     futures = windowed(lambda n: pool.submit(pow, n, 2), [1, 2, 3], width=2)
    ...     [future.result() for future in futures]
    [1, 4, 9]
    """
    waiting = iter(items)
    under_way = deque(submit(item) for item in islice(waiting, width))
    return _in_turn(under_way, (submit(item) for item in waiting))


def _in_turn(
    under_way: deque[Future], following: Iterator[Future]
) -> Generator[Future, None, None]:
    """Yield the first of a window, and then let the next one in."""
    try:
        while under_way:
            yield under_way.popleft()
            under_way.extend(islice(following, 1))
    finally:
        for future in under_way:
            future.cancel()
