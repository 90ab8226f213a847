"""What a router tells of itself: what it knows, what is open, and how it stands."""

from collections.abc import Iterable
from contextlib import suppress

from msgspec import Struct, structs

from tracetier.errors import StateError, TracetierError
from tracetier.route.alarm import Alarm, input_alarm, is_news
from tracetier.route.checked import checked_lam
from tracetier.route.savings import Sums
from tracetier.route.snapshot import Snapshot
from tracetier.route.state.health import Health
from tracetier.route.tier_changes import TierChanges


class OpenDecision(Struct, frozen=True, kw_only=True):
    """What a state holds of a decision whose outcome is not complete.

    ``time_s`` is in seconds since 1970.
    """

    tier: str
    bucket: str
    lam: float
    propensity: float
    time_s: float
    session_id: str | None = None


class Views(TierChanges):
    """The part of a router that is looked at; nothing of it changes what is decided or learned."""

    def q(
        self, bucket: str | None = None, *, lam: float | None = None
    ) -> dict[str, dict[str, float]]:
        """Return Q per bucket and tier, in units of reward, at the buckets' mean predictions.

        Raises
        ------
        StateError
            For a bucket that the artifact does not know.
        """
        buckets = self._model.prior.buckets
        if bucket is not None and bucket not in buckets:
            raise StateError(
                f"bucket {bucket!r} is not known; the artifact has {', '.join(buckets)}"
            )
        table: dict[str, dict[str, float]] = {}
        for cell in self.snapshot(lam=lam).cells:
            if bucket is None or cell.bucket == bucket:
                table.setdefault(cell.bucket, {})[cell.tier] = cell.q
        return table

    def snapshot(self, *, lam: float | None = None) -> Snapshot:
        """Return what is known of every bucket and tier, with the counts."""
        lam = self.lam if lam is None else checked_lam(lam)
        if not self._is_closed:
            with suppress(TracetierError):  # then of what is known here; `health` tells
                self._replica.flush()
        with self._replica.lock:
            return self._replica.learner.snapshot(lam)._replace(alarms=self.alarms())

    def q_sd(self, *, lam: float | None = None) -> dict[str, dict[str, float]]:
        """Return the standard deviation of Q per bucket and tier, in units of reward.

        It is 0 throughout where the strategy keeps none.
        """
        lam = self.lam if lam is None else checked_lam(lam)
        with self._replica.lock:
            return self._replica.learner.q_sd(lam)

    def ledger(self, *, since: str = "") -> dict[str, dict[str, Sums]]:
        """Return what was spent and saved, by day (UTC) and tier, over all who share the state.

        Parameters
        ----------
        since : str
            The first day, as "2026-11-24"; by default all that are kept.
        """
        with self._replica.lock:
            return self._replica.learner.ledger(since)

    def first_unknown(self, decision_ids: Iterable[str]) -> str | None:
        """Return the first id that no open or lately settled decision has, as far as known here.

        A decision that another process took is known here a moment later.
        """
        with self._replica.lock:
            is_known = self._replica.learner.is_known
            return next((each for each in decision_ids if not is_known(each)), None)

    def open_decision(self, decision_id: str) -> OpenDecision | None:
        """Return a decision whose outcome is not complete, whichever process took it."""
        with self._replica.lock:
            found = self._replica.learner.find(decision_id)
            if found is None:
                return None
            model = self._model
            return OpenDecision(
                tier=model.names[found.tier],
                bucket=model.prior.buckets[found.bucket],
                lam=found.lam,
                propensity=found.propensity,
                time_s=found.time_s,
                session_id=found.session_id,
            )

    def health(self) -> Health:
        """Return how the store stands, and what moved in the last day; routing goes on anyway."""
        now_s = self._clock()
        news = tuple(str(alarm) for alarm in self.alarms() if is_news(alarm, now_s))
        return structs.replace(self._replica.health(), alarms=news)

    def alarms(self) -> list[Alarm]:
        """Return what is no longer as it was learned: inputs that moved, then tiers, newest first.

        Alarms on tiers are part of the state and stay told, the newest 20; those on inputs are of
        the tasks that this process saw lately, and hold now.
        """
        inputs = [] if self._inputs is None else map(input_alarm, self._inputs.moved())
        with self._replica.lock:
            return [*inputs, *self._replica.learner.alarms]
