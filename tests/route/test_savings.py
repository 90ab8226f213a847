"""The session ledger: sums that are right, bounded, and add up in any order."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.route import savings
from tracetier.route.savings import REST, Entry, SavingsBook, Sums

DAY_S = 86_400.0


def _entry(day: int = 0, **changes: object) -> Entry:
    given_: dict[str, object] = {
        "time_s": day * DAY_S,
        "usd": 0.02,
        "dear_usd": 0.10,
        "dear_quality": 9.0,
    }
    return Entry(**(given_ | changes))  # type: ignore[arg-type]


def test_a_decision_counts_as_predicted_until_its_cost_is_known() -> None:
    """Predicted .02, was .05; the dear tier would have cost .10."""
    book = SavingsBook()
    book.decided(_entry(), "low")
    assert book.total() == Sums(decisions=1, spend_usd=0.02, dear_usd=0.10)

    book.reported(_entry(), "low", is_dear=False, cost_usd=0.05)
    total = book.total()
    assert total.spend_usd == pytest.approx(0.05)
    assert (total.n_cost, total.reported_usd, total.dear_usd) == (1, 0.05, 0.10)
    assert total.saved_usd == pytest.approx(0.05)
    assert total.saved_share == pytest.approx(0.5)


def test_quality_is_compared_on_the_reported_decisions_only() -> None:
    """Two decisions, one report: 7 against the 9 believed of the dear tier there."""
    book = SavingsBook()
    book.decided(_entry(), "low")
    book.decided(_entry(dear_quality=2.0), "low")
    assert book.total().mean_quality is None
    book.reported(_entry(), "low", is_dear=False, quality_10=7.0)

    assert (book.total().mean_quality, book.total().mean_dear_quality) == (7.0, 9.0)


def test_the_dear_tier_counts_with_its_own_outcome_on_both_sides() -> None:
    """Then nothing is saved, and nothing lost."""
    entry, book = _entry(usd=0.1), SavingsBook()
    book.decided(entry, "high")
    book.reported(entry, "high", is_dear=True, cost_usd=0.3, quality_10=4.0)

    assert book.total().saved_usd == pytest.approx(0.0)
    assert book.total().mean_quality == book.total().mean_dear_quality == 4.0


def test_it_is_told_apart_by_tier_day_tenant_and_session() -> None:
    """A decision without a tenant is in the totals all the same."""
    book = SavingsBook()
    book.decided(_entry(1, session_id="s"), "low")
    book.decided(_entry(0, tenant="acme", session_id="s"), "high")

    assert {name: sums.decisions for name, sums in book.by_tier().items()} == {"low": 1, "high": 1}
    assert list(book.by_day()) == ["1970-01-01", "1970-01-02"]
    assert (book.tenants["acme"].decisions, book.sessions["s"].decisions) == (1, 2)
    assert book.total().decisions == 2


def test_what_no_longer_fits_is_summed_up_and_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sessions and two days are kept; the rest share a row."""
    monkeypatch.setattr(savings, "MAX_SESSIONS", 2)
    monkeypatch.setattr(savings, "MAX_DAYS", 2)
    book = SavingsBook()
    for day in range(5):
        book.decided(_entry(day=day, session_id=f"s{day}"), "low")

    assert len(book.sessions) <= 3
    assert len(book.days) <= 3
    assert sum(sums.decisions for sums in book.sessions.values()) == 5
    assert book.total().decisions == 5
    assert {REST, "s4"} <= set(book.sessions)


def test_a_tier_is_renamed_with_its_sums() -> None:
    """They join those of the new name."""
    book = SavingsBook()
    book.decided(_entry(), "old")
    book.decided(_entry(), "new")
    book.renamed("old", "new")

    assert {name: sums.decisions for name, sums in book.by_tier().items()} == {"new": 2}


tiers = st.sampled_from(["low", "high"])
entries = st.builds(
    _entry,
    day=st.integers(0, 3),
    usd=st.integers(0, 8),
    dear_usd=st.integers(0, 8),
    session_id=st.none() | st.sampled_from(["a", "b"]),
    tenant=st.none() | st.sampled_from(["t", "u"]),
)


lists = st.lists(st.tuples(entries, tiers), max_size=8)


@given(lists, lists)
def test_merging_commutes_and_equals_one_ledger(
    one: list[tuple[Entry, str]], two: list[tuple[Entry, str]]
) -> None:
    """Whole numbers of USD, so that no rounding hides a difference."""

    def book(entries: list[tuple[Entry, str]]) -> SavingsBook:
        made = SavingsBook()
        for entry, tier in entries:
            made.decided(entry, tier)
            made.reported(entry, tier, is_dear=False, cost_usd=3.0, quality_10=5.0)
        return made

    ab, ba = book(one), book(two)
    ab.merge(book(two))
    ba.merge(book(one))

    assert ab == ba == book(one + two)
    assert msgspec.json.decode(msgspec.json.encode(ab), type=SavingsBook) == ab
