"""The sentences of a decision, made when they are first looked at: most never are."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload

from msgspec import structs

from tracetier.records import Decision


class LateReasons(Sequence[str]):
    """A list of sentences that is made when it is first looked at; else as the list would be.

    It is no list, so an encoder has to be told: ``msgspec.json.encode(decision, enc_hook=list)``;
    or `settle` the decision first. A copy, and what is unpickled, is a list.

    Parameters
    ----------
    tell : callable
        Makes the sentences.
    *given
        What it is called with.

    Examples
    --------
    >>> reasons = LateReasons(lambda name: [f"{name} scores best"], "high")
    >>> reasons[0], reasons == ["high scores best"], len(reasons)
    ('high scores best', True, 1)
    """

    __hash__ = None  # type: ignore[assignment]  # as a list
    __slots__ = ("_given", "_tell", "_told")

    def __init__(self, tell: Callable[..., list[str]], *given: Any) -> None:
        self._tell = tell
        self._given: tuple[Any, ...] | None = given
        self._told: list[str] = []

    def _list(self) -> list[str]:
        # Two threads that look at the same moment make the same sentences, each for itself.
        given = self._given
        if given is not None:
            self._told = self._tell(*given)
            self._given = None
        return self._told

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        return self._list()[at]

    def __len__(self) -> int:
        return len(self._list())

    def __iter__(self) -> Iterator[str]:
        return iter(self._list())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, LateReasons):
            return self._list() == other._list()
        return self._list() == other

    def __repr__(self) -> str:
        return repr(self._list())

    def __reduce__(self) -> tuple[type[list[str]], tuple[list[str]]]:
        return list, (self._list(),)


def settle(decision: Decision) -> Decision:
    """Make the sentences of a decision a plain list in place, as whoever writes it down needs."""
    if isinstance(decision.reasons, LateReasons):
        structs.force_setattr(decision, "reasons", list(decision.reasons))
    return decision
