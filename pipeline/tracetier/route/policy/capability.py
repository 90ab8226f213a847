"""What a tier declares that it can do, against what a task needs.

A tier that says nothing of a limit is taken to have none. What is not known of a task is not
assumed, but its text alone already says how long the prompt is at least.
"""

from collections.abc import Sequence

from tracetier.features.text import estimate_tokens
from tracetier.records import Task
from tracetier.tiers import Tier

VISION_ATTR = "vision"
"""A task whose ``attrs`` hold this as true needs a tier that can see."""


def prompt_tokens(task: Task) -> int:
    """Return how many tokens the task brings: the larger of its prompt and its context.

    Where it tells neither, the estimate from its text that the features use too.

    Examples
    --------
    >>> prompt_tokens(Task(text="a" * 400)), prompt_tokens(Task(text="a", context_tokens=9000))
    (100, 9000)
    """
    known = max(task.prompt_tokens_est or 0, task.context_tokens or 0)
    return known or estimate_tokens(len(task.text.encode(errors="replace")))


def has_limits(tiers: Sequence[Tier]) -> bool:
    """Whether any tier declares a limit, so that tasks must be looked at."""
    return any(
        tier.context_window is not None or tier.tools is False or tier.vision is False
        for tier in tiers
    )


def why_not(tier: Tier, task: Task) -> str:
    """Return why a tier cannot do a task, ``""`` where nothing speaks against it.

    Examples
    --------
    >>> why_not(Tier(name="low", context_window=1000), Task(prompt_tokens_est=1500))
    'low holds 1,000 tokens, the task brings 1,500'
    """
    if tier.context_window is not None:
        n_tokens = prompt_tokens(task)
        if n_tokens > tier.context_window:
            return f"{tier.name} holds {tier.context_window:,} tokens, the task brings {n_tokens:,}"
    if tier.tools is False and (task.tools or task.n_tools):
        return f"{tier.name} takes no tools, the task offers some"
    if tier.vision is False and (task.attrs or {}).get(VISION_ATTR) is True:
        return f"{tier.name} cannot see, the task has images"
    return ""
