"""Token buckets: what is drawn, what flows back, and what is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.errors import SettingsError
from tracetier.route.policy import caps as module
from tracetier.route.policy.caps import Buckets, Cap, read_caps


def test_a_bucket_is_drawn_on_and_flows_back() -> None:
    """10 USD a day: after 6, a quarter of a day brings 2.5 back, and never more than was drawn."""
    buckets = Buckets(Cap(per="tenant", usd=10.0, every_s=86_400.0))
    buckets.draw("acme", 6.0, 0.0)

    assert buckets.left("acme", 0.0) == 4.0
    assert buckets.left("acme", 21_600.0) == 6.5
    assert buckets.left("acme", 10**7) == 10.0
    assert buckets.left("other", 0.0) == 10.0
    buckets.draw("acme", 1.0, 21_600.0)
    assert buckets.left("acme", 21_600.0) == 5.5


def test_a_bucket_without_a_time_never_flows_back() -> None:
    """And what was drawn too much is given back."""
    buckets = Buckets(Cap(per="session", usd=1.0))
    buckets.draw("s", 0.9, 0.0)
    assert buckets.left("s", 1e12) == pytest.approx(0.1)
    buckets.draw("s", -0.5, 1.0)
    assert buckets.left("s", 1.0) == pytest.approx(0.6)
    buckets.draw("s", -5.0, 1.0)
    assert buckets.left("s", 1.0) == 1.0


def test_an_older_time_does_not_let_it_flow_twice() -> None:
    """A report may carry the time of another clock."""
    buckets = Buckets(Cap(per="all", usd=10.0, every_s=10.0))
    buckets.draw("", 10.0, 100.0)
    buckets.draw("", 0.0, 50.0)
    buckets.draw("", 0.0, 101.0)

    assert buckets.left("", 101.0) == 1.0


def test_the_key_longest_unused_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded."""
    monkeypatch.setattr(module, "MAX_KEYS", 2)
    buckets = Buckets(Cap(per="session", calls=5))
    for key in ("a", "b", "a", "c"):
        buckets.draw(key, 1.0, 0.0)

    assert list(buckets.debts) == ["a", "c"]


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 5)), max_size=30))
def test_no_more_is_drawn_in_a_window_than_the_cap_and_what_flows_back(
    steps: list[tuple[float, float]],
) -> None:
    """Drawing only what is left: total <= cap + rate * time."""
    buckets, now, drawn = Buckets(Cap(per="all", usd=4.0, every_s=8.0)), 0.0, 0.0
    for wait, wanted in steps:
        now += wait
        if wanted <= buckets.left("", now):
            buckets.draw("", wanted, now)
            drawn += wanted

    assert drawn <= 4.0 + 0.5 * now + 1e-9


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"per": "session"}, "on one of usd, calls, explorations, given is none"),
        ({"per": "all", "usd": 1, "calls": 2}, "given is usd and calls; write one"),
        ({"per": "all", "usd": 0}, "cap usd is 0, must be finite and > 0"),
        ({"per": "all", "calls": 0}, "cap calls is 0, must be finite and >= 1"),
        ({"per": "all", "usd": 1, "every_s": 0}, "every_s is 0, must be > 0"),
        ({"per": "sesion", "usd": 1}, "Invalid enum value 'sesion'"),
        ({"usd": 1}, "missing required field `per`"),
        ({"per": "all", "used": 1}, "unknown key 'used'; did you mean 'usd'"),
        ({"per": "all", "x": 1}, "unknown key 'x'; known are per, usd"),
        ({"per": "all", "calls": 1.5}, "Expected `int | null`, got `float`"),
    ],
)
def test_a_wrong_cap_is_told(entry: dict[str, object], told: str) -> None:
    """With its place in the file."""
    with pytest.raises(SettingsError, match=told) as caught:
        read_caps([entry])

    assert str(caught.value).startswith("tracetier.toml: [[cap]] 1: ")


@pytest.mark.parametrize(
    ("cap", "told"),
    [
        (Cap(per="session", calls=200), "200 calls per session"),
        (Cap(per="all", usd=5.0, every_s=3600.0), "$5 in all and 1 h"),
        (Cap(per="session", explorations=3, every_s=90.0), "3 explorations per session and 90 s"),
    ],
)
def test_a_cap_is_told_in_words(cap: Cap, told: str) -> None:
    """As reasons call it."""
    assert cap.told == told
