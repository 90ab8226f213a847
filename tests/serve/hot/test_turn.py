"""What comes in one turn is decided together, in its order, and nobody pays for another."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tracetier.serve.hot import turn as module
from tracetier.serve.hot.turn import Turns


class Doubling:
    """Doubles numbers, says what is wrong with the negative ones, and keeps what came together."""

    def __init__(self) -> None:
        self.turns: list[list[int]] = []

    def __call__(self, turn: Sequence[int]) -> list[int | Exception]:
        self.turns.append(list(turn))
        return [2 * n if n >= 0 else ValueError(n) for n in turn]


async def _given(turns: Turns[int, int], numbers: Sequence[int]) -> list[Any]:
    answers: list[Any] = []
    for n in numbers:
        turns.give(n, answers.append)
    while len(answers) < len(numbers):
        await asyncio.sleep(0)
    return answers


def test_what_comes_together_is_decided_together() -> None:
    """Each gets its own answer; a wrong one costs the others nothing."""
    decide = Doubling()

    one, wrong, three = asyncio.run(_given(Turns(decide), [1, -2, 3]))

    assert decide.turns == [[1, -2, 3]]
    assert (one, three) == (2, 6)
    assert isinstance(wrong, ValueError)


def test_a_turn_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others get their turn between; order stays."""
    monkeypatch.setattr(module, "MAX_TURN", 2)
    decide = Doubling()

    assert asyncio.run(_given(Turns(decide), range(5))) == [0, 2, 4, 6, 8]
    assert decide.turns == [[0, 1], [2, 3], [4]]


def test_what_comes_later_is_a_turn_of_its_own() -> None:
    """Nothing waits for more than is there."""
    decide = Doubling()
    turns = Turns(decide)

    async def job() -> list[Any]:
        return [*await _given(turns, [1]), *await _given(turns, [2])]

    assert asyncio.run(job()) == [2, 4]
    assert decide.turns == [[1], [2]]


def test_what_breaks_a_turn_is_told_to_all_of_it() -> None:
    """Nobody waits for ever."""

    def broken(turn: Sequence[int]) -> list[int | Exception]:
        raise RuntimeError("broken")

    found = asyncio.run(_given(Turns(broken), [1, 2]))

    assert [type(each) for each in found] == [RuntimeError] * 2


def test_an_answer_that_cannot_be_told_is_reported_and_costs_no_other() -> None:
    """The event loop hears of it."""
    told: list[Any] = []

    def broken(answer: Any) -> None:
        raise RuntimeError("gone")

    async def job() -> list[Any]:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        turns: Turns[int, int] = Turns(Doubling())
        turns.give(1, broken)
        return await _given(turns, [2])

    assert asyncio.run(job()) == [4]
    assert isinstance(told[0]["exception"], RuntimeError)


def test_a_bug_is_told_to_all_who_asked() -> None:
    """Nobody waits for ever, and the next turn is answered."""

    def broken(turn: Sequence[int]) -> list[int | Exception]:
        if 13 in turn:
            raise TypeError("a bug")
        return list(turn)

    turns: Turns[int, int] = Turns(broken)

    async def job() -> list[Any]:
        return [*await _given(turns, [1, 13]), *await _given(turns, [2])]

    one, other, later = asyncio.run(job())

    assert isinstance(one, TypeError)
    assert one is other
    assert later == 2
