"""Proxies of quality, where no outcome is known: named signs of trouble, each with its weight.

``quality = 1 - sum(weight * trouble)``, not below 0. A proxy is a guess that looks like an outcome,
so it is used only where the user asks for it by name, and every value says that it is one.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import SequenceMatcher, get_close_matches
from math import inf
from typing import NamedTuple

from tracetier.errors import SettingsError
from tracetier.ingest.assemble.score_map import Quality
from tracetier.ingest.span import Span

PREFIX = "proxy:"
_SAME = 0.8
_MAX_CHARS = 2_000


class Signs(NamedTuple):
    """What is seen of one invocation afterwards.

    Attributes
    ----------
    span : Span
        It itself.
    failed : bool, optional
        Whether it ended in an error.
    tools : sequence of Span
        Tools that it ran.
    calls : sequence of Span
        Its own calls.
    text, next_text : str
        Its task, and what the user asked next in the same conversation.
    """

    span: Span
    failed: bool | None
    tools: Sequence[Span]
    calls: Sequence[Span]
    text: str
    next_text: str


def _error_status(signs: Signs) -> float | None:
    return None if signs.failed is None else float(signs.failed)


def _failed_tools(signs: Signs) -> float | None:
    known = [tool.outcome for tool in signs.tools if tool.outcome is not None]
    return known.count("error") / len(known) if known else None


def _retries(signs: Signs) -> float | None:
    """Share of failed tries among the calls, but for the last, which is the error status."""
    known = [call.outcome for call in signs.calls if call.outcome is not None][:-1]
    return known.count("error") / len(known) if known else None


def _interrupted(signs: Signs) -> float | None:
    outcome = signs.span.outcome
    return None if outcome is None else float(outcome == "cancelled")


def _rephrased(signs: Signs) -> float | None:
    one, other = (_words(text) for text in (signs.text, signs.next_text))
    if not one or not other:
        return None
    return float(SequenceMatcher(None, one, other, autojunk=False).ratio() >= _SAME)


def _tests(signs: Signs) -> float | None:
    """Whether the tests failed when they were run for the last time."""
    runs = [tool for tool in signs.tools if tool.is_test and _is_judged(tool)]
    if not runs:
        return None
    last = max(enumerate(runs), key=lambda run: (_ended(run[1]), run[0]))[1]
    return float(last.outcome == "error" or last.have_passed is False)


def _is_judged(tool: Span) -> bool:
    return tool.outcome in ("ok", "error") or tool.have_passed is not None


def _ended(tool: Span) -> float:
    time = tool.end or tool.start
    return -inf if time is None else time.timestamp()


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text[:_MAX_CHARS].lower())


RULES: Mapping[str, tuple[Callable[[Signs], float | None], float]] = {
    "error_status": (_error_status, 1.0),
    "failed_tools": (_failed_tools, 0.5),
    "retries": (_retries, 0.25),
    "tests": (_tests, 0.75),
    "interrupted": (_interrupted, 0.75),
    "rephrased": (_rephrased, 0.5),
}
"""Name → the trouble from 0 to 1 (``None`` where the log does not tell), and its usual weight."""


class Proxies:
    """Rules in use, each with its weight in (0, 1]."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.weights = dict(weights)

    def quality(self, signs: Signs) -> Quality | None:
        """Return a guess at quality, ``None`` where no rule finds anything to go by."""
        found = {name: RULES[name][0](signs) for name in self.weights}
        told = {name: trouble for name, trouble in found.items() if trouble is not None}
        if not told:
            return None
        loss = sum(self.weights[name] * trouble for name, trouble in told.items())
        return Quality(max(0.0, 1.0 - loss), "proxy", "+".join(told), None)


def read_proxies(spec: str) -> Proxies:
    """Read ``proxy:all``, or ``proxy:`` and names, each with or without ``=weight``.

    Raises
    ------
    SettingsError
        If a rule is unknown or its weight is not in (0, 1].

    Examples
    --------
    >>> read_proxies("proxy:error_status,failed_tools=0.2").weights
    {'error_status': 1.0, 'failed_tools': 0.2}
    """
    rules = spec.removeprefix(PREFIX).strip()
    if not spec.startswith(PREFIX) or not rules:
        raise SettingsError(
            f"--quality-from {spec!r} is not understood; write {PREFIX}all or {PREFIX}RULE,RULE "
            f"with rules of {', '.join(RULES)}"
        )
    if rules == "all":
        return Proxies({name: weight for name, (_, weight) in RULES.items()})
    return Proxies(dict(_read_rule(rule) for rule in rules.split(",")))


def _read_rule(rule: str) -> tuple[str, float]:
    name, has_weight, weight = (part.strip() for part in rule.partition("="))
    if name not in RULES:
        near = get_close_matches(name, RULES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(RULES)}"
        raise SettingsError(f"unknown proxy rule {name!r}; {hint}")
    if not has_weight:
        return name, RULES[name][1]
    try:
        found = float(weight)
    except ValueError:
        found = 0.0
    if not 0 < found <= 1:
        raise SettingsError(f"weight of proxy rule {name!r} is {weight!r}, must be in (0, 1]")
    return name, found
