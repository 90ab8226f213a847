"""What a router keeps of its own: live caps, sessions, and the account of its goal.

It is told of this process's decisions when they are made, and of those of others as they come
through the log, so a cap holds over all who share a state, to within the moment that the log takes.
A session's last tier and its reports come through the log too; what a task itself told of failures
is known to the process that was told, and to those that begin from its document.
"""

from collections.abc import Sequence
from copy import deepcopy

from tracetier.heads.prior import Prediction
from tracetier.route.choice import Choice
from tracetier.route.control.contexts import prior_contexts
from tracetier.route.control.goal import Goal
from tracetier.route.control.pacer import Pacer
from tracetier.route.control.state import ControlState
from tracetier.route.escalation import Escalation, note_report
from tracetier.route.event import Decided
from tracetier.route.ledger import Pending
from tracetier.route.model import Model
from tracetier.route.policy.cap_book import CapBook, Owner
from tracetier.route.policy.caps import Debt
from tracetier.route.sessions import Sessions
from tracetier.route.state.document import StateDocument

SESSIONS_KEPT = 1_000
"""Sessions that a document keeps, the newest: those that a restart must not forget."""


class LiveAccounts:
    """A `Watch` of one router; guarded by its lock.

    Parameters
    ----------
    escalation : Escalation, optional
        What counts as a failure.
    remembers : bool
        Whether sessions are of interest.
    goal : Goal, optional
        What is to be held.
    """

    def __init__(
        self, *, escalation: Escalation | None, remembers: bool, goal: Goal | None
    ) -> None:
        self.caps: CapBook | None = None
        self.sessions = Sessions()
        self.pacer: Pacer | None = None
        self._goal = goal
        self._control: ControlState | None = None
        self._begun: ControlState | None = None
        self._escalation = escalation
        self._remembers = remembers
        self._cost_ref = 0.0
        self._tiers: list[str] | None = None
        self._made: tuple[str, Prediction, Choice] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether there are no caps, no goal, and no interest in sessions."""
        return self.caps is None and self._goal is None and not self._remembers

    @property
    def control(self) -> ControlState | None:
        """The account of the goal, to go on from."""
        return None if self.pacer is None else self.pacer.state

    def put_down(self, document: StateDocument) -> None:
        """Put the account of the goal and the newest sessions into a document."""
        if self.control is not None:
            document.control = self.control
        if self._remembers:
            document.sessions = self.sessions.newest(SESSIONS_KEPT)

    def begin(self, document: StateDocument) -> None:
        """Go on from a state: its debts and sessions, its account where the goal is the same.

        Where another document takes the place of this process's, what its log holds is told of
        again, and so is what is on its way: the account is then the document's too.
        """
        self._cost_ref = document.cost_ref_usd
        if self._tiers is None:
            self.sessions.take_over(document.sessions)
        elif self._tiers != document.tiers:
            self.sessions.move([_place(name, document.tiers) for name in self._tiers])
        self._tiers = list(document.tiers)
        self.caps = CapBook(document.caps, _copied(document.debts)) if document.caps else None
        control = document.control
        is_news = control is not self._begun and control is not self.control
        if control is not None and control.goal == self._goal and is_news:
            self._begun, self._control = control, deepcopy(control)
            if self.pacer is not None:
                self.pacer.state = self._control

    def pace(self, model: Model) -> None:
        """Begin to hold the goal, over a model's tiers."""
        if self._goal is None:
            return
        state = self.control or self._control or ControlState(goal=self._goal)
        # Of other tiers, or of another day.
        state.log_price, state.amount, state.seen = [], [], []
        self.pacer = Pacer(
            state,
            cost_ref_usd=model.cost_ref,
            contexts=prior_contexts(model.prior, model.cost_ref),
        )

    def making(self, decision_id: str, prediction: Prediction, choice: Choice) -> None:
        """Know more of the decision that is about to be told of than its event says."""
        self._made = (decision_id, prediction, choice)

    def decided(self, event: Decided) -> None:
        """Draw on the caps, remember the session's tier, and account for the expectation."""
        if self.caps is not None:
            self.caps.drawn(
                Owner(event.session_id, event.tenant),
                cost_usd=event.usd,
                explored=event.explored,
                time_s=event.time_s,
            )
        if self._remembers and event.session_id is not None:
            self.sessions.of(event.session_id).last = event.tier
        if self.pacer is not None:
            self._pace_decided(event, self.pacer)

    def undecided(self, event: Decided, *, is_lost: bool) -> None:
        """Give back what a decision drew; one that is lost was made, and counts as expected."""
        if self.caps is not None:
            self.caps.drawn(
                Owner(event.session_id, event.tenant),
                cost_usd=event.usd,
                explored=event.explored,
                time_s=event.time_s,
                times=-1.0,
            )
        if self.pacer is not None and is_lost:
            self.pacer.lost()
        elif self.pacer is not None:
            self.pacer.taken_back()

    def reported(
        self,
        decision: Pending,
        *,
        quality_10: float | None,
        cost_usd: float | None,
        time_s: float,
    ) -> None:
        """Set right what a report tells."""
        if self.caps is not None and cost_usd is not None:
            owner = Owner(decision.session_id, decision.tenant)
            self.caps.reported(owner, more_usd=cost_usd - decision.usd, time_s=time_s)
        if self._remembers and self._escalation is not None and quality_10 is not None:
            session = self.sessions.find(decision.session_id)
            if session is not None:
                note_report(session, decision.tier, quality_10, escalation=self._escalation)
        if self.pacer is not None:
            self._pace_reported(self.pacer, decision, quality_10, cost_usd)

    def given_up(self, decision: Pending, *, has_quality: bool) -> None:
        """Close the account of a decision whose report will not come."""
        if self.pacer is None:
            return
        assert self._goal is not None
        is_out = not has_quality
        if self._goal.quality_floor is None:
            is_out = decision.known_cost is None
        if is_out:
            self.pacer.lost()

    def _pace_decided(self, event: Decided, pacer: Pacer) -> None:
        made, self._made = self._made, None
        if made is not None and made[0] == event.decision_id:
            _, prediction, choice = made
            pacer.decided(prediction, event.tier, choice.quality, choice.cost)
            return
        ref = self._cost_ref or 1.0
        usd = [cost * ref for cost in event.cost]
        believed = list(event.cost)
        believed[-1] = event.dear_usd / ref
        believed[event.tier] = event.usd / ref
        prediction = Prediction(event.quality, usd, event.cost, event.bucket)
        pacer.decided(prediction, event.tier, event.quality, believed)

    def _pace_reported(
        self,
        pacer: Pacer,
        decision: Pending,
        quality_10: float | None,
        cost_usd: float | None,
    ) -> None:
        """Tell the pacer once per decision, when what its goal is about is known."""
        assert self._goal is not None
        if self._goal.quality_floor is not None:
            if quality_10 is not None:
                pacer.settled(quality=quality_10 / 10.0)
        elif cost_usd is not None:
            pacer.settled(
                cost_usd=cost_usd,
                tier=decision.tier,
                predicted_usd=decision.cost * (self._cost_ref or 1.0),
            )


def _place(name: str, names: Sequence[str]) -> int:
    return names.index(name) if name in names else -1


def _copied(debts: dict[str, dict[str, Debt]]) -> dict[str, dict[str, Debt]]:
    return {
        cap: {key: Debt(debt.amount, debt.time_s) for key, debt in by_key.items()}
        for cap, by_key in debts.items()
    }


def goal_of(
    *,
    budget_usd: float | None = None,
    budget_usd_per_day: float | None = None,
    saving: float | None = None,
    quality_floor: float | None = None,
    requests: int | None = None,
) -> Goal | None:
    """Return the goal that is asked for, ``None`` where none is; `SettingsError` for several."""
    given: Sequence[float | None] = (
        *(budget_usd, budget_usd_per_day, saving, quality_floor),
        requests,
    )
    if all(value is None for value in given):
        return None
    return Goal(
        budget_usd=budget_usd,
        budget_usd_per_day=budget_usd_per_day,
        saving=saving,
        quality_floor=quality_floor,
        requests=requests,
    )
