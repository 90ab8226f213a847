"""POST /v1/route and /v1/route/batch."""

import asyncio

import msgspec

from tracetier.errors import TracetierError
from tracetier.serve.hot.answer import Answer, json_answer
from tracetier.serve.problems import UNREADABLE, of_error, of_invalid
from tracetier.serve.schema import BatchRequest, RouteRequest
from tracetier.serve.service import Service
from tracetier.serve.standing import Standing

_AT_A_TIME = 16
"""Tasks of a batch between two looks at what else waits, a few milliseconds."""


class RouteRoutes:
    """Decides at once, on the event loop: a decision takes less than handing it to a thread."""

    def __init__(self, service: Service, standing: Standing) -> None:
        self._service = service
        self._standing = standing
        self._one = msgspec.json.Decoder(RouteRequest)
        self._many = msgspec.json.Decoder(BatchRequest)
        self._encode = msgspec.json.Encoder().encode

    async def one(self, body: bytes) -> Answer:
        """Answer with the decision for a task."""
        try:
            asked = self._one.decode(body)
            decision = self._service.route(
                asked.task, lam=asked.lam, allowed=asked.allowed, trace_id=asked.trace_id
            )
        except UNREADABLE as error:
            raise of_invalid(error) from None
        except TracetierError as error:
            raise of_error(error) from error
        return json_answer(self._encode(decision), self._standing)

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
