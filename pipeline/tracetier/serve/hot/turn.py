"""What comes in one turn of the event loop is decided together, one after another.

    request ─┐
    request ─┼─▶ waiting ──▶ next turn: decide, decide, decide ──▶ answer, answer, answer
    request ─┘

With many connections a turn brings many tasks. Code and tables that one decision has brought into
the processor's caches then serve the next, and nothing else comes between; that halves what a
decision costs. Each sees the state that those before it left, as if they had come alone.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

MAX_TURN = 16
"""Decisions between two looks at what else waits: the answers of one turn go out while the next is
decided, and who comes just too late waits for a short one. Longer ones decide no more a second.
"""

Asked = TypeVar("Asked")
Given = TypeVar("Given")


class Turns(Generic[Asked, Given]):
    """Gathers what is asked until the event loop comes round, and has it answered at once.

    Parameters
    ----------
    decide : callable
        Answers several, in their order: each by what was asked for, or by what was wrong with it.
        Where it raises, all of them are answered by that.
    """

    def __init__(self, decide: Callable[[Sequence[Asked]], Sequence[Given | Exception]]) -> None:
        self._decide = decide
        self._waiting: list[tuple[Asked, Callable[[Given | Exception], None]]] = []

    def give(self, asked: Asked, done: Callable[[Given | Exception], None]) -> None:
        """Have something answered soon; ``done`` is called with the answer."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._answer)
        self._waiting.append((asked, done))

    def _answer(self) -> None:
        loop = asyncio.get_running_loop()
        turn, self._waiting = self._waiting[:MAX_TURN], self._waiting[MAX_TURN:]
        if self._waiting:
            loop.call_soon(self._answer)
        answers: Sequence[Given | Exception]
        try:
            answers = self._decide([asked for asked, _ in turn])
        except Exception as error:  # noqa: BLE001 - a bug: told to those who asked, none waits on
            answers = [error] * len(turn)
        for (_, done), answer in zip(turn, answers, strict=True):
            try:
                done(answer)
            except Exception as error:  # noqa: BLE001 - one that cannot be told costs no other
                loop.call_exception_handler({"message": "an answer was lost", "exception": error})
