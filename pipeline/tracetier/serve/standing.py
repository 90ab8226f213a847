"""Of what the service has to do without, in words for callers: no address, no error text.

What exactly failed is the log's to tell.
"""

import time
from collections.abc import Callable

from tracetier.serve.service import Service, ServiceHealth

FRESH_S = 0.1
"""Seconds for which an answer counts as the present one."""

IN_STEP_S = 5.0
"""Seconds after which all who share a store that is back have told it what they held back."""

BEHIND_S = 1.0
"""Seconds without a word from the store, after which it may be away and nobody noticed yet."""

_WORDS = {
    "state": "the state store does not answer; decisions go on from what was known "
    "{age:.0f} s ago, and reports are refused until it does",
    "state-log": "the log of the state cannot be folded into its document, and grows",
    "decision-log": "decisions are not being written down",
}


class Standing:
    """The service's health, asked at most ten times a second, whoever wants to know.

    Parameters
    ----------
    service : Service
    clock : callable
        Seconds.
    told : callable
        Called with the health whenever what is missing has changed, as for a log.
    """

    def __init__(
        self,
        service: Service,
        *,
        clock: Callable[[], float] = time.monotonic,
        told: Callable[[ServiceHealth], None] = lambda health: None,
    ) -> None:
        self._service = service
        self._clock = clock
        self._told = told
        self._asked_s = self._failed_s = float("-inf")
        self._codes: tuple[str, ...] = ()
        self.health = service.health()
        self.is_closing = False
        self._words: list[str] = []

    @property
    def words(self) -> list[str]:
        """What is missing, a sentence each; empty where all is well."""
        if self._clock() - self._asked_s > FRESH_S:
            self.ask()
        return self._words

    @property
    def codes(self) -> tuple[str, ...]:
        """What is missing, a word each, as "state" or "decision-log"."""
        return self._codes if self.words else ()

    @property
    def is_in_step(self) -> bool:
        """Whether what others who share the state did is known here, but for the last moment."""
        self.ask()
        is_behind = self.health.state_age_s > BEHIND_S
        return not is_behind and self._clock() - self._failed_s > IN_STEP_S

    def ask(self) -> None:
        """Ask the service now."""
        self._asked_s = self._clock()
        self.health = health = self._service.health()
        codes = tuple(reason.partition(":")[0].replace(" ", "-") for reason in health.reasons)
        if "state" in codes:
            self._failed_s = self._asked_s
        self._words = [
            f"{code}: {_WORDS.get(code, 'a part does not answer').format(age=health.state_age_s)}"
            for code in codes
        ]
        if codes != self._codes:
            self._codes = codes
            self._told(health)
