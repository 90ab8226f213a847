"""What the file name of a tau-bench result tells: the agent's model and the domain."""

import re
from typing import NamedTuple

_DOMAINS = r"(?P<domain>airline|retail|telecom|banking|mock)"
_PATTERNS = (
    re.compile(
        r"(?:^|[._])(?:tool-calling|act|react|few-shot)-(?P<model>.+?)-\d+(?:\.\d+)?_range_"
    ),
    re.compile(rf"^(?P<model>.+?)[-_](?:new[-_])?{_DOMAINS}\b"),
)
_DOMAIN = re.compile(rf"\b{_DOMAINS} agent policy", re.IGNORECASE)
_POLICY_CHARS = 2_000


class Named(NamedTuple):
    """The model and the domain, ``None`` where the name does not tell."""

    model: str | None
    domain: str | None


def named_by(file_name: str) -> Named:
    """Return what a file name tells.

    Examples
    --------
    >>> named_by("gpt-4o-airline.json")
    Named(model='gpt-4o', domain='airline')
    >>> named_by("tool-calling-gpt-4o-0.0_range_0--1_user-gpt-4o-llm_0520.json").model
    'gpt-4o'
    """
    for pattern in _PATTERNS:
        if found := pattern.search(file_name):
            return Named(found["model"], found.groupdict().get("domain"))
    return Named(None, None)


def domain_of(policy: str) -> str | None:
    """Return the domain that a policy is for, by its title.

    Examples
    --------
    >>> domain_of("# Airline Agent Policy")
    'airline'
    """
    found = _DOMAIN.search(policy[:_POLICY_CHARS])
    return found["domain"].lower() if found is not None else None
