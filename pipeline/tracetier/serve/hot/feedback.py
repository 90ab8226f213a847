"""POST /v1/feedback: one report, many, or the outcome of a trace."""

import asyncio
import time
from collections.abc import Sequence

import msgspec

from tracetier.errors import FeedbackError, TracetierError
from tracetier.records import Feedback
from tracetier.route.outcome import Receipt, check_outcome
from tracetier.route.state.replica import FLUSH_S
from tracetier.serve.hot.answer import Answer, json_answer
from tracetier.serve.hot.commit import GroupCommit
from tracetier.serve.problems import (
    UNREADABLE,
    ProblemError,
    not_stored,
    of_error,
    of_invalid,
    unknown_decision,
)
from tracetier.serve.schema import FeedbackAnswer, FeedbackRequest, ReceiptView
from tracetier.serve.service import Service
from tracetier.serve.standing import Standing

_ELSEWHERE_S = 3.0 * FLUSH_S
"""Time within which a decision of another process is known here."""


class FeedbackRoute:
    """Answers once the reports are stored."""

    def __init__(self, service: Service, standing: Standing, commit: GroupCommit) -> None:
        self._service = service
        self._standing = standing
        self._commit = commit
        self._decoder = msgspec.json.Decoder(FeedbackRequest)
        self._encode = msgspec.json.Encoder().encode

    async def report(self, body: bytes) -> Answer:
        """Learn from what was reported, and answer with the receipts."""
        try:
            asked = self._decoder.decode(body)
            views = await self._learned(asked)
        except UNREADABLE as error:
            raise of_invalid(error) from None
        except TracetierError as error:
            self._standing.ask()
            raise of_error(error) from error
        return json_answer(self._encode(FeedbackAnswer(receipts=views)), self._standing)

    async def _learned(self, asked: FeedbackRequest) -> list[ReceiptView]:
        named = [asked.decision_id is not None, asked.reports is not None]
        if sum(named) + (asked.trace_id is not None) != 1:
            raise ProblemError(
                "invalid-value",
                422,
                "give one of decision_id, reports and trace_id",
                field="decision_id",
                mend="one report: decision_id with quality or cost_usd; many: reports; the "
                "outcome of a whole trace: trace_id with quality",
            )
        if asked.trace_id is not None:
            return [await self._trace(asked, asked.trace_id)]
        if asked.reports is None:
            assert asked.decision_id is not None
            given = Feedback(
                decision_id=asked.decision_id, quality=asked.quality, cost_usd=asked.cost_usd
            )
            reports: Sequence[Feedback] = [given]
        elif asked.quality is not None or asked.cost_usd is not None:
            raise ProblemError(
                "invalid-value",
                422,
                "quality and cost_usd stand beside reports",
                field="reports",
                mend="put quality and cost_usd into each of the reports",
            )
        else:
            reports = asked.reports
        for report in reports:
            check_outcome(report)
        await self._await_known(reports)
        try:
            receipts = await self._commit.give(reports)
        except FeedbackError:  # given up between the look and the log
            await self._await_known(reports)
            raise
        return [_view(r, report.decision_id) for r, report in zip(receipts, reports, strict=True)]

    async def _await_known(self, reports: Sequence[Feedback]) -> None:
        """See that all are known before they join a group, so that they do not hold it up."""
        router, ids = self._service.router, [report.decision_id for report in reports]
        if router.first_unknown(ids) is None:
            return
        await asyncio.sleep(_ELSEWHERE_S)
        if router.first_unknown(ids) is None:
            return
        # Who reads may be in step while all who write wait. So write as well, be it nothing.
        begun_s = time.monotonic()
        await self._commit.call(lambda: router.feedback_many(()))
        if time.monotonic() - begun_s > FLUSH_S:
            await asyncio.sleep(_ELSEWHERE_S)
        unknown = router.first_unknown(ids)
        if unknown is None:
            return
        if not self._standing.is_in_step:
            # Another worker may have taken it, and not been able to say so yet.
            raise not_stored()
        raise unknown_decision(unknown)

    async def _trace(self, asked: FeedbackRequest, trace_id: str) -> ReceiptView:
        if asked.quality is None or asked.cost_usd is not None:
            raise ProblemError(
                "invalid-value",
                422,
                "the outcome of a trace is a quality, and no cost",
                field="quality",
                mend="give quality, 0-10; report costs by decision_id",
            )
        quality = asked.quality
        receipt = await self._commit.call(
            lambda: self._service.feedback_trace(trace_id, quality=quality, credit=asked.credit)
        )
        return ReceiptView(
            trace_id=trace_id, new=list(receipt.new), credited=list(receipt.credited)
        )


def _view(receipt: Receipt, decision_id: str) -> ReceiptView:
    return ReceiptView(decision_id=decision_id, new=list(receipt.new))
