"""Where a request goes: the tier that is chosen for it, and where to go if that fails.

The next tier is decided anew, among itself alone, so that it has a decision of its own: what comes
of the answer is then learned of the tier that gave it, and of no other.
"""

import logging
from collections.abc import Sequence

from msgspec import Struct

from tracetier.errors import CapError, PolicyError, TierError, TracetierError
from tracetier.records import Decision
from tracetier.route.policy.capability import VISION_ATTR
from tracetier.serve.gateway.config import Api, GatewayConfig, Place
from tracetier.serve.gateway.model_name import Asked
from tracetier.serve.gateway.request import RequestError
from tracetier.serve.gateway.task import Live
from tracetier.serve.logs import error_facts, tell
from tracetier.serve.service import Service
from tracetier.tiers import Tier

SOURCE = "gateway"


class Step(Struct, frozen=True):
    """Where to send a request, by which decision; by none where there was no routing."""

    place: Place
    decision: Decision | None = None


class Plan:
    """The steps of one request, each decided when it is needed.

    Attributes
    ----------
    failure : str, optional
        Why the request goes on without a decision.
    """

    def __init__(
        self, service: Service, config: GatewayConfig, api: Api, asked: Asked, live: Live
    ) -> None:
        self._service = service
        self._places = config.places[api]
        self._fallback = config.habits.fallback_tier
        self._lam = asked.lam
        self._live = live
        self.failure: str | None = None
        self._left = _reachable(service, config, api, asked, live)

    def first(self) -> Step:
        """Return where to send the request.

        Raises
        ------
        RequestError
            If the rules or caps leave no tier for it.
        """
        try:
            decision = self._decide(self._left)
        except PolicyError as error:
            raise RequestError(400, str(error), code="no_tier_left") from error
        except CapError as error:
            raise RequestError(429, str(error), code="cap_reached") from error
        except Exception as error:  # noqa: BLE001 - the request must go through, whatever failed
            self.failure = type(error).__name__
            tell("routing failed", level=logging.ERROR, **error_facts(error))  # type: ignore[arg-type]
            return Step(self._take(self._left_in_trouble()))
        return Step(self._take(decision.tier), decision)

    def next(self) -> Step | None:
        """Return where to try next, the dearer tiers first; ``None`` where nothing is left."""
        while self._left:
            tier = next((t for t in self._left if self._rank(t) > self._at), self._left[-1])
            place = self._take(tier)
            if self.failure is not None:
                return Step(place)
            try:
                return Step(place, self._decide([tier]))
            except (PolicyError, CapError):
                continue  # a tier that may not be taken is none to fall back on
            except TracetierError as error:
                self.failure = type(error).__name__
                return Step(place)
        return None

    def _decide(self, tiers: Sequence[str]) -> Decision:
        live = self._live
        return self._service.route(
            live.task, lam=self._lam, allowed=tiers, trace_id=live.trace, source=SOURCE
        )

    def _left_in_trouble(self) -> str:
        return self._fallback if self._fallback in self._left else self._left[-1]

    def _rank(self, tier: str) -> int:
        return self._service.router.tiers.index(tier)

    def _take(self, tier: str) -> Place:
        self._left = [each for each in self._left if each != tier]
        self._at = self._rank(tier)
        return self._places[tier]


def _reachable(
    service: Service, config: GatewayConfig, api: Api, asked: Asked, live: Live
) -> list[str]:
    """Return the tiers that could answer, cheap to dear.

    Raises
    ------
    RequestError
        If there is none, with what to mend.
    """
    tiers = service.router.tiers
    try:
        named = asked.tiers(tiers)
    except TierError as error:
        raise RequestError(400, str(error), param="model") from error
    places = config.places[api]
    found = [name for name in named if name in places]
    if not found:
        raise RequestError(
            400,
            f"no tier of {', '.join(named)} is served by an upstream that speaks {api}'s protocol; "
            f'give a [[tier]] an upstream with api = "{api}", or use the other protocol',
            param="model",
            code="no_tier_left",
        )
    able = [name for name in found if _can(config.tier(name), live)]
    return able or found  # what none is said to hold, the upstream may know better


def _can(tier: Tier | None, live: Live) -> bool:
    """Whether a tier can take a request, as far as its declaration tells.

    The router looks at the task alone, and a task's context is not known before its first answer.
    """
    if tier is None:
        return True
    fits = tier.context_window is None or live.n_tokens <= tier.context_window
    sees = tier.vision is not False or not (live.task.attrs or {}).get(VISION_ATTR)
    return fits and sees and (tier.tools is not False or not live.task.tools)
