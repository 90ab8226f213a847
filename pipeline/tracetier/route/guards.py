"""Everything that stands above the learner, around one decision.

    before:  caller's tiers -> rules, capabilities -> escalation -> caps  =  the allowed tiers
    learner: chooses among them
    after:   bolt -> no exploration -> stickiness -> abstain -> shadow    =  the tier returned

What comes before narrows the tiers and is fixed before the draw. What comes after maps tiers to
tiers and hands the probabilities on (`remap`), so the probability that is told is that of the tier
returned, given all layers. The rules bind whatever the learner or a layer says.
"""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct, structs

from tracetier.records import Task
from tracetier.route.choice import Choice
from tracetier.route.escalation import Escalation, floor_of
from tracetier.route.event import bounded_id
from tracetier.route.incumbent import Incumbent, abstain, shadow
from tracetier.route.policy.cap_book import CapBook, Owner
from tracetier.route.policy.policy import Policy, Terms
from tracetier.route.remap import confined, constant
from tracetier.route.sessions import Session, Sessions
from tracetier.route.stickiness import Stickiness, stick
from tracetier.tiers import TierSet


class GuardParams(Struct, frozen=True, kw_only=True):
    """What is asked for above the learner; each ``None`` is left out.

    Attributes
    ----------
    tenant_attr : str
        Attribute of a task that names its tenant.
    """

    policy: Policy | None = None
    escalation: Escalation | None = None
    stickiness: Stickiness | None = None
    incumbent: Incumbent | None = None
    tenant_attr: str = "tenant"


class Before(NamedTuple):
    """The terms of one decision.

    Attributes
    ----------
    allowed : sequence of int
        Tiers that may be taken, ascending, at least one.
    explore : bool
        Whether one may be drawn at random.
    last : int
        Tier of the session's previous decision, -1 where it is unknown.
    rules : tuple of str
        Rules that were for the task.
    reasons : tuple of str
        What each limit did.
    """

    allowed: Sequence[int]
    explore: bool = True
    last: int = -1
    rules: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


class After(NamedTuple):
    """The choice that stands, with what the layers after the learner did.

    ``shadow_of`` is the tier that would have been taken, -1 outside shadow mode.
    """

    choice: Choice
    reasons: tuple[str, ...] = ()
    abstained: bool = False
    shadow_of: int = -1


class Guards:
    """The layers around the learner; not thread-safe by itself.

    Parameters
    ----------
    params : GuardParams
    tiers : TierSet
    cost_ref : float
        USD that make a reward cost of 1.
    caps : CapBook, optional
        Asked here, drawn on by whoever keeps it.
    sessions : Sessions, optional
        Remembered here, told of reports by whoever keeps it.
    """

    def __init__(
        self,
        params: GuardParams,
        tiers: TierSet,
        *,
        cost_ref: float,
        caps: CapBook | None = None,
        sessions: Sessions | None = None,
    ) -> None:
        self.params = params
        self.caps = caps
        self.sessions = Sessions() if sessions is None else sessions
        self._names = tiers.names
        self._index = {name: index for index, name in enumerate(tiers.names)}
        self._cost_ref = cost_ref
        policy = params.policy
        self._policy = None if policy is None or policy.is_empty else policy
        layers = (self._policy, params.escalation, params.stickiness, params.incumbent)
        self.is_needed = any(layer is not None for layer in layers)

    def owner(self, task: Task) -> Owner:
        """Return whose caps a task is under."""
        tenant = task.attrs.get(self.params.tenant_attr) if task.attrs else None
        return Owner(
            bounded_id(task.session_id), None if tenant is None else bounded_id(str(tenant))
        )

    def before(
        self, task: Task, cost_usd: Sequence[float], allowed: Sequence[int], *, time_s: float
    ) -> Before:
        """Return the terms of a task.

        Parameters
        ----------
        task : Task
            What is known before the decision.
        cost_usd : sequence of float, length K
            Predicted cost per tier.
        allowed : sequence of int
            Tiers that the caller allows, ascending.
        time_s : float
            Seconds since 1970.

        Raises
        ------
        PolicyError
            If the rules leave no tier.
        CapError
            If a cap that refuses is reached.
        """
        terms = Terms(allowed) if self._policy is None else self._policy.terms(task, allowed)
        explore, reasons = terms.explore, terms.reasons
        owner = self.owner(task)
        last = self._last(task, owner.session)
        left = terms.allowed
        if self.params.escalation is not None:
            session = None if owner.session is None else self.sessions.of(owner.session)
            left, told = self._escalated(task, session, last, left)
            reasons += told
        if self.caps is not None:
            capped = self.caps.terms(owner, left, cost_usd, time_s=time_s)
            left, reasons = capped.allowed, reasons + capped.reasons
            explore = explore and capped.explore
        return Before(left, explore, last, terms.rules, reasons)

    def after(
        self, choice: Choice, task: Task, before: Before, *, lam: float, price: float = 0.0
    ) -> After:
        """Return the choice that stands.

        Parameters
        ----------
        choice : Choice
            The learner's.
        task : Task
        before : Before
            The terms that it was made on.
        lam, price : float
            Lambda of the decision, and what a goal adds to it.
        """
        told_reward = choice.reward
        if price > 0.0:  # leads are compared at the price that the learner chose at
            priced = [r - price * c for r, c in zip(choice.reward, choice.cost, strict=True)]
            choice = structs.replace(choice, reward=priced)
        allowed, names = before.allowed, self._names
        reasons: list[str] = []
        abstained, would, incumbent = False, -1, self.params.incumbent
        if len(allowed) < len(names) and _strays(choice, allowed):
            reasons.append(f"the learner left the allowed tiers; it is held to {names[allowed[0]]}")
            choice = confined(choice, allowed, allowed[0])
        if not before.explore and choice.propensities[choice.greedy] != 1.0:
            choice = constant(choice, choice.greedy)
        if self.params.stickiness is not None and before.last in allowed:
            choice, told = stick(
                choice,
                task,
                before.last,
                stickiness=self.params.stickiness,
                lam=lam + price,
                cost_ref=self._cost_ref,
                names=names,
            )
            reasons += [told] if told else []
        if incumbent is not None and incumbent.tier in allowed:
            choice, told = abstain(choice, incumbent, names)
            abstained = bool(told)
            reasons += [told] if told else []
        if incumbent is not None and incumbent.shadow:
            would = choice.tier
            choice, told = shadow(choice, incumbent, allowed, names)
            reasons.append(told)
        if price > 0.0:
            choice = structs.replace(choice, reward=told_reward)
        return After(choice, tuple(reasons), abstained, would)

    def _last(self, task: Task, session_id: str | None) -> int:
        """Return the tier of the session's previous decision: the task's word before memory."""
        told = -1 if task.last_tier is None else self._index.get(task.last_tier, -1)
        if told >= 0:
            return told
        session = self.sessions.find(session_id)
        return -1 if session is None else session.last

    def _escalated(
        self, task: Task, session: Session | None, last: int, allowed: Sequence[int]
    ) -> tuple[Sequence[int], tuple[str, ...]]:
        escalation, n_tiers = self.params.escalation, len(self._names)
        assert escalation is not None
        floor = floor_of(task, session, last, escalation=escalation, n_tiers=n_tiers)
        if floor <= allowed[0]:
            return allowed, ()
        kept = [tier for tier in allowed if tier >= floor] or allowed[-1:]
        return kept, (f"the session is stuck: no tier below {self._names[kept[0]]}",)


def _strays(choice: Choice, allowed: Sequence[int]) -> bool:
    """Whether a strategy gave a tier that is not allowed any say."""
    return (
        choice.tier not in allowed
        or choice.greedy not in allowed
        or any(p > 0.0 and tier not in allowed for tier, p in enumerate(choice.propensities))
    )
