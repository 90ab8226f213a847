"""Rules and capabilities brought together: which tiers a task may go to, and why.

Two kinds of limits. **Hard** ones are never broken: a tier that a rule denies, that cannot do the
task, or that the caller leaves out. Among what is left, **soft** ones narrow: the first pin in the
order of the file, else the highest floor, then the lowest ceiling. A soft limit that would leave
nothing gives way to the nearest tier, and the decision says so; hard ones that leave nothing are
an error that names them.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tracetier.errors import PolicyError
from tracetier.records import Task
from tracetier.route.policy.capability import has_limits, why_not
from tracetier.route.policy.rules import Rule, read_rules
from tracetier.tiers import TierSet


class Terms(NamedTuple):
    """On which terms a task may be routed.

    Attributes
    ----------
    allowed : list of int
        Tiers that may be taken, ascending, at least one.
    explore : bool
        Whether one may be drawn at random.
    rules : tuple of str
        Names of the rules that were for this task.
    reasons : tuple of str
        What each limit did, in words.
    """

    allowed: Sequence[int]
    explore: bool = True
    rules: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


class Policy:
    """The rules of a file over a set of tiers.

    Parameters
    ----------
    rules : sequence of Rule
        In the order of the file.
    tiers : TierSet
        Their declarations hold what each can do.

    Examples
    --------
    >>> from tracetier.tiers import DEFAULT_TIERS
    >>> rules = read_rules([{"tools": "bash", "deny": "haiku", "explore": False}], DEFAULT_TIERS)
    >>> Policy(rules, DEFAULT_TIERS).terms(Task(tools=["bash"]), [0, 1, 2]).allowed
    [1, 2]
    """

    def __init__(self, rules: Sequence[Rule], tiers: TierSet) -> None:
        self.rules = tuple(rules)
        self.tiers = tiers
        self._limited = has_limits(tiers.tiers)

    @property
    def is_empty(self) -> bool:
        """Whether no task can ever be limited, so that there is nothing to ask."""
        return not self.rules and not self._limited

    def terms(self, task: Task, allowed: Sequence[int]) -> Terms:
        """Return the terms of one task.

        Parameters
        ----------
        task : Task
            What is known before the decision.
        allowed : sequence of int
            Tiers that the caller allows, ascending; a hard limit like those of rules.

        Raises
        ------
        PolicyError
            If no tier is left; every limit is named.
        """
        matched = [rule for rule in self.rules if rule.matches(task)]
        if not matched and not self._limited:
            return Terms(allowed)
        reasons: list[str] = []
        able = self._able(task, allowed, reasons) if self._limited else allowed
        left = self._not_denied(matched, able, reasons)
        if not left:
            raise self._nothing_left(allowed, reasons)
        return Terms(
            allowed=self._narrowed(matched, left, reasons),
            explore=_may_explore(matched, reasons),
            rules=tuple(rule.name for rule in matched),
            reasons=tuple(reasons),
        )

    def _able(self, task: Task, allowed: Sequence[int], reasons: list[str]) -> list[int]:
        able = []
        for tier in allowed:
            why = why_not(self.tiers.tiers[tier], task)
            if why:
                reasons.append(why)
            else:
                able.append(tier)
        return able

    def _not_denied(
        self, matched: Sequence[Rule], allowed: Sequence[int], reasons: list[str]
    ) -> list[int]:
        left = list(allowed)
        for rule in matched:
            if rule.deny:
                reasons.append(f"{rule.name}: {self._listed(rule.deny)} denied")
                left = [tier for tier in left if tier not in rule.deny]
        return left

    def _narrowed(
        self, matched: Sequence[Rule], left: list[int], reasons: list[str]
    ) -> Sequence[int]:
        names, pinned = self.tiers.names, None
        for rule in matched:
            if rule.pin is None:
                continue
            told = f"{rule.name}: {names[rule.pin]} pinned"
            if rule.pin not in left:
                reasons.append(f"{told}, but it is ruled out, so the pin gives way")
            elif pinned is None:
                pinned = rule.pin
                reasons.append(told)
            elif pinned != rule.pin:
                reasons.append(f"{told}, but an earlier rule pinned {names[pinned]}")
        if pinned is not None:
            return [pinned]
        return self._below(matched, self._above(matched, left, reasons), reasons)

    def _above(self, matched: Sequence[Rule], left: list[int], reasons: list[str]) -> list[int]:
        floors = [(rule.floor, rule.name) for rule in matched if rule.floor is not None]
        if not floors:
            return left
        floor, name = max(floors, key=lambda pair: pair[0])
        told = f"{name}: no tier below {self.tiers.names[floor]}"
        kept = [tier for tier in left if tier >= floor]
        if kept:
            reasons.append(told)
            return kept
        reasons.append(f"{told}, but none is left there, so the dearest that is")
        return left[-1:]

    def _below(self, matched: Sequence[Rule], left: list[int], reasons: list[str]) -> list[int]:
        ceilings = [(rule.ceiling, rule.name) for rule in matched if rule.ceiling is not None]
        if not ceilings:
            return left
        ceiling, name = min(ceilings, key=lambda pair: pair[0])
        told = f"{name}: no tier above {self.tiers.names[ceiling]}"
        kept = [tier for tier in left if tier <= ceiling]
        if kept:
            reasons.append(told)
            return kept
        reasons.append(f"{told}, but none is left there, so the cheapest that is")
        return left[:1]

    def _nothing_left(self, allowed: Sequence[int], reasons: Sequence[str]) -> PolicyError:
        only = "" if len(allowed) == len(self.tiers) else f"only {self._listed(allowed)} allowed; "
        return PolicyError(
            f"no tier is left for this task: {only}{'; '.join(reasons)}; change a rule, or the "
            "limits that [[tier]] declares, in tracetier.toml (`tracetier policy` shows them)"
        )

    def _listed(self, tiers: Sequence[int]) -> str:
        return ", ".join(self.tiers.names[tier] for tier in tiers)


def read_policy(
    entries: Sequence[Mapping[str, object]], tiers: TierSet, *, where: str = "tracetier.toml"
) -> Policy:
    """Return the policy of a file's ``[[rule]]`` tables; see `read_rules` for its errors."""
    return Policy(read_rules(entries, tiers, where=where), tiers)


def _may_explore(matched: Sequence[Rule], reasons: list[str]) -> bool:
    against = [rule.name for rule in matched if not rule.explore]
    if against:
        reasons.append(f"{against[0]}: no exploration")
    return not against
