"""What is reported to a router: outcomes of decisions and of traces, alone or many together."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

from msgspec import structs

from tracetier.errors import FeedbackError
from tracetier.records import Feedback
from tracetier.route.decider import Decider
from tracetier.route.event import Reported, TraceReported, bounded_id
from tracetier.route.outcome import Receipt, check_outcome, checked_quality


class Reporting(Decider):
    """The reports that a router takes."""

    def feedback(
        self,
        decision_id: str | Feedback,
        *,
        quality: float | None = None,
        cost_usd: float | None = None,
        rewards: Mapping[str, float] | None = None,
    ) -> Receipt:
        """Learn from the outcome of a decision, or from a part of it, once it is stored.

        Quality and cost may come apart and in any order; each is learned from once.

        Parameters
        ----------
        decision_id : str or Feedback
            The id that `route` gave; or the whole report.
        quality : float, optional
            0-10. Either outcome may be missing, not both; a missing one teaches nothing.
        cost_usd : float, optional
            USD, >= 0.
        rewards : mapping of str to float, optional
            In place of a quality: values by the names of the router's map of rewards.

        Returns
        -------
        Receipt
            What was new; false where everything had come before. A second report is counted.

        Raises
        ------
        FeedbackError
            For an unknown or expired decision, or a value out of range.
        StorageError
            If the report could not be stored. Then it is not learned from, and can be given
            again; it is not learned from twice, even if the store had taken it.
        """
        unused: tuple[str, ...] = ()
        if rewards is not None:
            quality, unused = self._joined_rewards(decision_id, quality, cost_usd, rewards)
        event = check_outcome(decision_id, quality, cost_usd, self._clock())
        receipt = self._learn([event])[0]
        return structs.replace(receipt, unused=unused) if unused else receipt

    def feedback_many(self, reports: Iterable[Feedback]) -> list[Receipt]:
        """Learn from several reports, stored together; if one is wrong, none is learned."""
        time_s = self._clock()
        return self._learn([check_outcome(report, time_s=time_s) for report in reports])

    def feedback_trace(
        self,
        trace_id: str,
        *,
        quality: float,
        credit: Literal["equal", "unreported"] = "equal",
    ) -> Receipt:
        """Credit the terminal outcome of a trace to its decisions.

        Parameters
        ----------
        trace_id : str
            As given to `route`; by default that was the task's session.
        quality : float
            0-10.
        credit : {"equal", "unreported"}
            To every decision of the trace whose quality is still out, the same quality; or only
            to those of them that had no report of their own at all, not even of a cost.

        Returns
        -------
        Receipt
            ``credited`` names the decisions; none where the trace is not known, or had all been
            credited before.

        Raises
        ------
        FeedbackError
            For a quality out of range, or an unknown way to credit.
        StorageError
            If it could not be stored; then nothing is learned, and it can be given again.
        """
        if credit not in ("equal", "unreported"):
            raise FeedbackError(f"credit is {credit!r}, must be 'equal' or 'unreported'")
        event = TraceReported(
            bounded_id(trace_id) or "",
            checked_quality(trace_id, quality),
            credit == "unreported",
            self._clock(),
        )
        self._check_open()
        receipt = self._replica.report([event], durable=not self._batch.depth)[0]
        return receipt or Receipt()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Force to the disk once, at the end of the block, what this thread reports within.

        Each report is learned from, and given to the store, at once; a crash of the machine
        within the block may lose those of the block.
        """
        self._batch.depth += 1
        try:
            yield
        finally:
            self._batch.depth -= 1
            if not self._batch.depth:
                self._replica.flush()

    def _joined_rewards(
        self,
        decision_id: str | Feedback,
        quality: float | None,
        cost_usd: float | None,
        rewards: Mapping[str, float],
    ) -> tuple[float | None, tuple[str, ...]]:
        """Return the quality that the rewards amount to, and the names that say nothing."""
        if quality is not None or isinstance(decision_id, Feedback):
            raise FeedbackError(
                f"feedback for {decision_id!r} has rewards and a quality; give one of them"
            )
        joined = self._rewards.join(decision_id, rewards)
        if joined.quality_10 is None and cost_usd is None:
            raise FeedbackError(
                f"feedback for {decision_id!r} has the rewards {', '.join(rewards) or 'none'}, "
                f"known are {', '.join(self._rewards.rules) or 'none'}; give one that is known, "
                "or say what it means: Router(rewards={name: RewardRule(better=...)})"
            )
        return joined.quality_10, joined.unused

    def _learn(self, events: Sequence[Reported]) -> list[Receipt]:
        if self._is_closed:
            self._check_open()
        return self._replica.learn(events, durable=not self._batch.depth)
