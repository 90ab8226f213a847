"""All caps together: which tiers still fit, and what happens when none does."""

import pytest

from tracetier.errors import CapError
from tracetier.route.policy.cap_book import CapBook, Owner
from tracetier.route.policy.caps import Cap

COST = [0.01, 0.1, 1.0]
ANNA = Owner("anna", "acme")


def test_a_dear_tier_that_does_not_fit_is_left_out() -> None:
    """$1.50 for the session: one call of the dear tier, then what is below .50."""
    book = CapBook([Cap(per="session", usd=1.5)])
    assert book.terms(ANNA, [0, 1, 2], COST, time_s=0.0).allowed == [0, 1, 2]
    book.drawn(ANNA, cost_usd=1.0, explored=False, time_s=0.0)

    terms = book.terms(ANNA, [0, 1, 2], COST, time_s=0.0)

    assert terms.allowed == [0, 1]
    assert terms.reasons == ("cap of $1.5 per session: $0.5 left, dearer tiers do not fit",)
    assert book.terms(Owner("bob", "acme"), [2], COST, time_s=0.0).allowed == [2]


def test_at_the_cap_the_cheapest_allowed_tier_is_left_and_nothing_is_explored() -> None:
    """Also where the rules leave out the cheapest of all."""
    book = CapBook([Cap(per="tenant", calls=1)])
    book.drawn(ANNA, cost_usd=1.0, explored=False, time_s=0.0)

    terms = book.terms(ANNA, [1, 2], COST, time_s=0.0)

    assert (terms.allowed, terms.explore) == ([1], False)
    assert terms.reasons == ("cap of 1 call per tenant is reached: the cheapest tier",)


def test_a_cap_that_refuses_says_what_is_left_and_when_more_comes() -> None:
    """An error, not a tier."""
    book = CapBook([Cap(per="tenant", usd=0.5, every_s=86_400.0, at_cap="refuse")])
    book.drawn(ANNA, cost_usd=0.495, explored=False, time_s=0.0)

    told = r"\$0.5 per tenant and 24 h of tenant 'acme' is reached \(\$0.005 .*again in 864 s\)"
    with pytest.raises(CapError, match=told):
        book.terms(ANNA, [0, 1, 2], COST, time_s=0.0)
    assert book.terms(ANNA, [0], COST, time_s=86_400.0).allowed == [0]


def test_explorations_are_capped_and_count_against_the_calls_too() -> None:
    """Two drawn at random: no third, and of three calls one is left."""
    book = CapBook([Cap(per="session", explorations=2), Cap(per="session", calls=3)])
    book.drawn(ANNA, cost_usd=0.1, explored=True, time_s=0.0)
    assert book.terms(ANNA, [0, 1], COST, time_s=0.0).explore
    book.drawn(ANNA, cost_usd=0.1, explored=True, time_s=0.0)

    terms = book.terms(ANNA, [0, 1], COST, time_s=0.0)
    assert (terms.allowed, terms.explore) == ([0, 1], False)
    assert terms.reasons == ("cap of 2 explorations per session is reached: no exploration",)

    book.drawn(ANNA, cost_usd=0.1, explored=False, time_s=0.0)
    assert book.terms(ANNA, [0, 1], COST, time_s=0.0).allowed == [0]


def test_a_decision_is_given_back_whole() -> None:
    """Its dollars, its call and its exploration."""
    caps = [Cap(per="all", usd=1.0), Cap(per="all", calls=1), Cap(per="all", explorations=1)]
    book = CapBook(caps)
    for times in (1.0, -1.0):
        book.drawn(ANNA, cost_usd=0.8, explored=True, time_s=0.0, times=times)

    assert [each.left("", 0.0) for each in book.buckets] == [1.0, 1.0, 1.0]


def test_a_report_sets_the_drawn_cost_right() -> None:
    """Predicted .1, was .4: then .1 of .5 is left."""
    book = CapBook([Cap(per="all", usd=0.5)])
    book.drawn(ANNA, cost_usd=0.1, explored=False, time_s=0.0)
    book.reported(ANNA, more_usd=0.3, time_s=1.0)

    assert book.terms(ANNA, [0, 1, 2], COST, time_s=1.0).allowed == [0, 1]


def test_a_task_without_a_session_is_under_no_session_cap() -> None:
    """But under that of its tenant, and of all."""
    book = CapBook([Cap(per="session", calls=1), Cap(per="all", calls=1)])
    nobody = Owner(None, None)
    assert book.terms(nobody, [0, 1], COST, time_s=0.0).allowed == [0, 1]
    book.drawn(nobody, cost_usd=0.1, explored=False, time_s=0.0)

    assert book.terms(nobody, [0, 1], COST, time_s=0.0).reasons == (
        "cap of 1 call in all is reached: the cheapest tier",
    )


def test_what_is_owed_can_be_gone_on_from() -> None:
    """By the words of the cap; a cap that was changed begins anew."""
    caps = [Cap(per="session", calls=2), Cap(per="tenant", usd=5.0)]
    first = CapBook(caps)
    first.drawn(ANNA, cost_usd=4.95, explored=False, time_s=0.0)

    kept, fresh = CapBook([caps[1], Cap(per="session", calls=3)], first.debts).buckets

    assert kept.left("acme", 0.0) == pytest.approx(0.05)
    assert fresh.left("anna", 0.0) == 3.0
