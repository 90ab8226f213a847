"""What a tier can do, against what a task needs."""

import pytest

from tracetier.errors import TierError
from tracetier.records import Task
from tracetier.route.policy.capability import has_limits, prompt_tokens, why_not
from tracetier.tiers import Tier

SMALL = Tier(name="small", context_window=1000, tools=False, vision=False)


@pytest.mark.parametrize(
    ("task", "told"),
    [
        (Task(prompt_tokens_est=1000), ""),
        (Task(prompt_tokens_est=1001), "small holds 1,000 tokens, the task brings 1,001"),
        (Task(prompt_tokens_est=5, context_tokens=2000), "small holds 1,000 tokens, the task bri"),
        (Task(text="word " * 2000), "small holds 1,000 tokens"),
        (Task(tools=["bash"]), "small takes no tools, the task offers some"),
        (Task(n_tools=1), "small takes no tools"),
        (Task(tools=[], n_tools=0), ""),
        (Task(attrs={"vision": True}), "small cannot see, the task has images"),
        (Task(attrs={"vision": False}), ""),
    ],
)
def test_what_speaks_against_a_tier_is_said(task: Task, told: str) -> None:
    """And nothing where nothing does."""
    assert why_not(SMALL, task).startswith(told)
    assert bool(why_not(SMALL, task)) is bool(told)


def test_a_tier_that_declares_nothing_can_do_everything() -> None:
    """True is no limit either."""
    task = Task(tools=["a"], prompt_tokens_est=10**9, attrs={"vision": True})

    assert why_not(Tier(name="any"), task) == ""
    assert not has_limits([Tier(name="any", tools=True, vision=True)])
    assert has_limits([Tier(name="any"), SMALL])


def test_tokens_are_told_or_estimated_from_the_text() -> None:
    """A lone surrogate cannot be encoded, and is counted all the same."""
    assert prompt_tokens(Task(prompt_tokens_est=7)) == 7
    assert prompt_tokens(Task(text="ab\ud800")) == 1
    assert prompt_tokens(Task()) == 0


def test_a_context_window_below_one_token_is_refused() -> None:
    """Leave it out where it is not known."""
    with pytest.raises(TierError, match=r"context_window is 0, must be >= 1 token; leave it out"):
        Tier(name="x", context_window=0)
