"""Rules of ``[[rule]]`` in ``tracetier.toml``: which tasks they are for, and what they ask.

A rule is checked in full when it is read: a condition or a tier that is misspelled is an error
with the close match, never a rule that silently holds for nothing.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from msgspec import Struct

from tracetier.errors import SettingsError, TierError
from tracetier.records import Task
from tracetier.route.policy.conditions import ATTR_PREFIX, CONDITIONS, Condition, read_condition
from tracetier.tiers import TierSet

EFFECTS: Final = ("pin", "floor", "ceiling", "deny", "explore")
"""What a rule may ask; at least one of them."""

_KNOWN: Final = ("name", *CONDITIONS, *EFFECTS)


class Rule(Struct, frozen=True, kw_only=True):
    """One rule, with its tiers as indices (cheap to dear).

    Attributes
    ----------
    name : str
        As reasons call it.
    conditions : tuple of Condition
        All must hold; none means every task.
    pin, floor, ceiling : int or None
        The one tier to take, the cheapest, and the dearest.
    deny : tuple of int
        Tiers never to take.
    explore : bool
        Whether a tier may be drawn at random, to learn.
    """

    name: str
    conditions: tuple[Condition, ...] = ()
    pin: int | None = None
    floor: int | None = None
    ceiling: int | None = None
    deny: tuple[int, ...] = ()
    explore: bool = True

    def matches(self, task: Task) -> bool:
        """Whether the rule is for this task."""
        return all(condition.holds(task) for condition in self.conditions)

    def told(self, names: Sequence[str]) -> tuple[str, str]:
        """Return in words which tasks it is for, and what it asks."""
        when = " and ".join(condition.told for condition in self.conditions)
        asks = [
            f"{effect} {names[tier]}"
            for effect in ("pin", "floor", "ceiling")
            if (tier := getattr(self, effect)) is not None
        ]
        if self.deny:
            asks.append("deny " + ", ".join(names[tier] for tier in self.deny))
        if not self.explore:
            asks.append("no exploration")
        return when or "every task", ", ".join(asks)


def read_rules(
    entries: Sequence[Mapping[str, object]], tiers: TierSet, *, where: str = "tracetier.toml"
) -> tuple[Rule, ...]:
    """Return the rules of a file, in its order.

    Parameters
    ----------
    entries : sequence of mapping
        The ``[[rule]]`` tables as they stand.
    tiers : TierSet
        The tiers that they may name.
    where : str
        Names the file in messages.

    Raises
    ------
    SettingsError
        For an unknown key, condition or tier, a value of the wrong kind, a rule that asks for
        nothing, or two rules of one name.

    Examples
    --------
    >>> from tracetier.tiers import DEFAULT_TIERS
    >>> (rule,) = read_rules([{"task_type": "security_*", "floor": "opus"}], DEFAULT_TIERS)
    >>> rule.name, rule.matches(Task(task_type="security_review")), rule.told(DEFAULT_TIERS.names)
    ('rule 1', True, ("task_type 'security_*'", 'floor opus'))
    """
    rules = [_rule(entry, n, tiers, where) for n, entry in enumerate(entries, start=1)]
    names = [rule.name for rule in rules]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SettingsError(
            f"{where}: two rules are called {twice!r}; reasons name rules, so "
            "their names must differ"
        )
    return tuple(rules)


def _rule(entry: Mapping[str, object], number: int, tiers: TierSet, where: str) -> Rule:
    name = entry.get("name", f"rule {number}")
    here = f"{where}: [[rule]] {number}"
    if not isinstance(name, str) or not name.strip():
        raise SettingsError(f"{here}: name is {name!r}, expected some words in quotes")
    if "name" in entry:
        here += f" ({name!r})"
    for key in entry:
        if key not in _KNOWN and not key.startswith(ATTR_PREFIX):
            raise SettingsError(f"{here}: {_unknown(key)}")
    if not any(effect in entry for effect in EFFECTS):
        raise SettingsError(f"{here} asks for nothing; give one of {', '.join(EFFECTS)}")
    return Rule(
        name=name,
        conditions=tuple(
            read_condition(key, value, here)
            for key, value in entry.items()
            if key in CONDITIONS or key.startswith(ATTR_PREFIX)
        ),
        pin=_tier(entry, "pin", tiers, here),
        floor=_tier(entry, "floor", tiers, here),
        ceiling=_tier(entry, "ceiling", tiers, here),
        deny=_denied(entry.get("deny", []), tiers, here),
        explore=_explore(entry.get("explore", True), here),
    )


def _unknown(key: str) -> str:
    near = get_close_matches(key, _KNOWN, n=1)
    if near:
        return f"unknown key {key!r}; did you mean {near[0]!r}?"
    return (
        f"unknown key {key!r}; conditions are {', '.join(CONDITIONS)} and attr_<your column>, "
        f"effects {', '.join(EFFECTS)}"
    )


def _tier(entry: Mapping[str, object], effect: str, tiers: TierSet, where: str) -> int | None:
    return _index(entry[effect], effect, tiers, where) if effect in entry else None


def _index(name: object, effect: str, tiers: TierSet, where: str) -> int:
    if not isinstance(name, str):
        raise SettingsError(f"{where}: {effect} is {name!r}, expected the name of one tier")
    try:
        return tiers.index(name)
    except TierError as error:
        raise SettingsError(f"{where}: {effect}: {error}") from error


def _denied(wanted: object, tiers: TierSet, where: str) -> tuple[int, ...]:
    names = wanted if isinstance(wanted, list) else [wanted]
    denied = tuple(sorted({_index(name, "deny", tiers, where) for name in names}))
    if len(denied) == len(tiers):
        raise SettingsError(f"{where} denies every tier, so its tasks could not be routed")
    return denied


def _explore(wanted: object, where: str) -> bool:
    if not isinstance(wanted, bool):
        raise SettingsError(f"{where}: explore is {wanted!r}, expected true or false")
    return wanted
