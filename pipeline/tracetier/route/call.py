"""One call for a decision, as it waits for its turn with others."""

from collections.abc import Collection
from typing import Protocol

from tracetier.records import Task


class Call(Protocol):
    """What `Router.route` takes, as attributes."""

    @property
    def task(self) -> Task:
        """What is known before the decision."""
        ...

    @property
    def lam(self) -> float | None:
        """Lambda of this call; by default the router's."""
        ...

    @property
    def allowed(self) -> Collection[str] | None:
        """Tiers that may be taken; by default all."""
        ...

    @property
    def trace_id(self) -> str | None:
        """What the outcome of a trace will credit it by; by default the task's session."""
        ...
