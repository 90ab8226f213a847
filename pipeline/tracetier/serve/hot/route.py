"""POST /v1/route and /v1/route/batch."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from tracetier.errors import TracetierError
from tracetier.records import Decision
from tracetier.serve.hot.answer import Answer, json_answer
from tracetier.serve.hot.turn import Turns
from tracetier.serve.problems import UNREADABLE, of_error, of_invalid
from tracetier.serve.schema import BatchRequest, RouteRequest
from tracetier.serve.service import Service
from tracetier.serve.standing import Standing

_AT_A_TIME = 16
"""Tasks of a batch between two looks at what else waits, a few milliseconds."""


class RouteRoutes:
    """Decides on the event loop: a decision takes less than handing it to a thread."""

    def __init__(self, service: Service, standing: Standing) -> None:
        self._service = service
        self._standing = standing
        self._one = msgspec.json.Decoder(RouteRequest).decode
        self._many = msgspec.json.Decoder(BatchRequest)
        self._encode = msgspec.json.Encoder().encode
        self._turns = Turns(self._decided)

    async def one(self, body: bytes) -> Answer:
        """Answer with the decision for a task."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def done(found: Answer | Exception) -> None:
            if answer.done():  # its request was given up
                return
            if isinstance(found, Exception):
                answer.set_exception(found)
            else:
                answer.set_result(found)

        self.one_soon(body, done)
        return await answer

    def one_soon(self, body: bytes, done: Callable[[Answer | Exception], None]) -> None:
        """Call back with the same, without a task of the event loop's for it.

        Raises
        ------
        ProblemError
            Where the body cannot be read.
        """
        try:
            asked = self._one(body)
        except UNREADABLE as error:
            raise of_invalid(error) from None
        self._turns.give(asked, done)

    def _decided(self, turn: Sequence[RouteRequest]) -> list[Answer | Exception]:
        return [
            json_answer(self._encode(each), self._standing)
            if isinstance(each, Decision)
            else of_error(each)
            for each in self._service.route_calls(turn)
        ]

    async def batch(self, body: bytes) -> Answer:
        """Answer with the decisions for several tasks; other requests get their turn between."""
        decisions = []
        try:
            asked = self._many.decode(body)
            for start in range(0, len(asked.tasks), _AT_A_TIME):
                decisions += self._service.route_batch(
                    asked.tasks[start : start + _AT_A_TIME], lam=asked.lam, allowed=asked.allowed
                )
                await asyncio.sleep(0)
        except UNREADABLE as error:
            raise of_invalid(error) from None
        except TracetierError as error:
            raise of_error(error) from error
        return json_answer(self._encode({"decisions": decisions}), self._standing)
