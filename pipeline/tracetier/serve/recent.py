"""The last decisions of this process with what became known of them, for look-ups and displays."""

import threading
from collections import OrderedDict
from itertools import islice

from msgspec import Struct

from tracetier.records import Decision, Feedback


class DecisionView(Struct, kw_only=True):
    """A decision, where it came from, and its reports so far.

    ``source`` is "api", "gateway", "hook" or "mcp"; ``quality`` is 0-10.
    """

    decision: Decision
    source: str
    task_type: str | None = None
    agent_name: str | None = None
    quality: float | None = None
    cost_usd: float | None = None


class Recent:
    """A bounded memory of decisions, the oldest forgotten first; safe between threads.

    Parameters
    ----------
    most : int
        Decisions kept.
    """

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._views: OrderedDict[str, DecisionView] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._views)

    def add(self, view: DecisionView) -> None:
        """Keep one more decision."""
        with self._lock:
            self._views[view.decision.decision_id] = view
            if len(self._views) > self._most:
                self._views.popitem(last=False)

    def report(self, report: Feedback) -> DecisionView | None:
        """Note a report with its decision, and return it, ``None`` where it is not kept here."""
        with self._lock:
            view = self._views.get(report.decision_id)
            if view is not None:
                if report.quality is not None:
                    view.quality = report.quality
                if report.cost_usd is not None:
                    view.cost_usd = report.cost_usd
            return view

    def get(self, decision_id: str) -> DecisionView | None:
        """Return a decision, ``None`` where it is not kept here."""
        with self._lock:
            return self._views.get(decision_id)

    def last(self, n: int) -> list[DecisionView]:
        """Return the last ``n`` decisions, the newest first."""
        with self._lock:
            return list(islice(reversed(self._views.values()), max(0, n)))
