"""What a rule asks of a task: patterns of names, ranges of numbers, values of the user's own.

All conditions of a rule must hold, and of a list any entry will do. What a task does not tell
meets no condition, so a rule that must never be missed asks for nothing.
"""

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from fnmatch import translate
from typing import Final, NamedTuple

from tracetier.errors import SettingsError
from tracetier.records import Task
from tracetier.route.policy.capability import prompt_tokens

ATTR_PREFIX: Final = "attr_"

TEXTS: Final[dict[str, Callable[[Task], object]]] = {
    "task_type": lambda task: task.task_type,
    "agent_name": lambda task: task.agent_name,
    "tools": lambda task: task.tools,
    "level": lambda task: task.level,
    "last_tier": lambda task: task.last_tier,
}
"""Conditions on names: patterns, without regard to case. Of the tools offered, any may match."""

NUMBERS: Final[dict[str, Callable[[Task], object]]] = {
    "prompt_tokens": prompt_tokens,
    "context_tokens": lambda task: task.context_tokens,
    "n_tools": lambda task: len(task.tools) if task.tools is not None else task.n_tools,
    "turn_index": lambda task: task.turn_index,
    "n_prior_errors": lambda task: task.n_prior_errors,
    "n_prior_retries": lambda task: task.n_prior_retries,
    "latency_limit_s": lambda task: task.latency_limit_s,
}
"""Conditions on numbers: a number, or a range such as ``{above = 1000, below = 50000}``."""

CONDITIONS: Final = (*TEXTS, *NUMBERS)

_BOUNDS: Final = ("above", "below")

Accept = Callable[[object], bool]


class Condition(NamedTuple):
    """One condition: what of the task it looks at, how it reads, and its test of the value."""

    name: str
    told: str
    value_of: Callable[[Task], object]
    accepts: Accept

    def holds(self, task: Task) -> bool:
        """Whether the task meets it."""
        value = self.value_of(task)
        if value is None:
            return False
        if isinstance(value, list):
            return any(map(self.accepts, value))
        return self.accepts(value)


def read_condition(name: str, wanted: object, where: str) -> Condition:
    """Return one condition of a rule.

    Parameters
    ----------
    name : str
        One of `CONDITIONS`, or ``attr_`` and the name of a column of the user's own.
    wanted : object
        As in the file: a pattern, number, truth value, range, or a list of these.
    where : str
        Names the file and rule in messages.

    Raises
    ------
    SettingsError
        For an unknown name, or a value of another kind than the condition takes.

    Examples
    --------
    >>> condition = read_condition("prompt_tokens", {"above": 1000}, "here")
    >>> condition.told, condition.holds(Task(prompt_tokens_est=2000)), condition.holds(Task())
    ('prompt_tokens above 1000', True, False)
    """
    here = f"{where}: {name}"
    if name.startswith(ATTR_PREFIX):
        attr = name.removeprefix(ATTR_PREFIX)
        accepts, told = _any_of(wanted, here, kinds=(str, bool, int, float))
        return Condition(name, f"{name} {told}", lambda task: (task.attrs or {}).get(attr), accepts)
    if name in TEXTS:
        accepts, told = _any_of(wanted, here, kinds=(str,))
        return Condition(name, f"{name} {told}", TEXTS[name], accepts)
    accepts, told = _any_of(wanted, here, kinds=(int, float))
    return Condition(name, f"{name} {told}", NUMBERS[name], accepts)


def _any_of(wanted: object, where: str, *, kinds: tuple[type, ...]) -> tuple[Accept, str]:
    entries = wanted if isinstance(wanted, list) else [wanted]
    if not entries:
        raise SettingsError(f"{where} is an empty list, which no task meets; leave it out")
    pairs = [_one(entry, where, kinds) for entry in entries]
    told = " or ".join(text for _, text in pairs)
    if len(pairs) == 1:
        return pairs[0][0], told
    tests = [test for test, _ in pairs]
    return lambda value: any(test(value) for test in tests), told


def _one(entry: object, where: str, kinds: tuple[type, ...]) -> tuple[Accept, str]:
    if isinstance(entry, dict) and float in kinds:
        return _range(entry, where)
    # bool is a kind of int, and a rule on 1 must not meet True.
    if (isinstance(entry, bool) and bool not in kinds) or not isinstance(entry, kinds):
        raise SettingsError(f"{where} is {entry!r}, expected {_expected(kinds)}")
    if isinstance(entry, str):
        matches = re.compile(translate(entry), re.IGNORECASE).match
        return lambda value: isinstance(value, str) and matches(value) is not None, repr(entry)
    if isinstance(entry, bool):
        return lambda value: value is entry, str(entry).lower()
    return lambda value: not isinstance(value, bool) and value == entry, f"= {entry:g}"


def _expected(kinds: tuple[type, ...]) -> str:
    if kinds == (str,):
        return "a name or pattern in quotes, or a list of them"
    number = "a number, or a range such as {above = 1000, below = 50000}"
    return number if str not in kinds else f"a name or pattern in quotes, true, false, {number}"


def _range(bounds: Mapping[object, object], where: str) -> tuple[Accept, str]:
    for key, bound in bounds.items():
        if key not in _BOUNDS:
            near = get_close_matches(str(key), _BOUNDS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise SettingsError(f"{where} has {key!r}, a range has 'above' and 'below'{hint}")
        if isinstance(bound, bool) or not isinstance(bound, (int, float)):
            raise SettingsError(f"{where}: {key} is {bound!r}, expected a number")
    above, below = _bound(bounds, "above"), _bound(bounds, "below")
    if above is None and below is None:
        raise SettingsError(f"{where} is an empty range; give above, below or both")
    if above is not None and below is not None and above >= below:
        raise SettingsError(f"{where} is above {above:g} and below {below:g}: no number is both")

    def accepts(value: object) -> bool:
        return (
            isinstance(value, (int, float))
            and not isinstance(value, bool)
            and (above is None or value > above)
            and (below is None or value < below)
        )

    pairs = (("above", above), ("below", below))
    return accepts, " and ".join(f"{key} {bound:g}" for key, bound in pairs if bound is not None)


def _bound(bounds: Mapping[object, object], key: str) -> float | None:
    value = bounds.get(key)
    return float(value) if isinstance(value, (int, float)) else None
