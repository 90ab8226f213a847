"""Plain counts amount to what Prometheus' own objects would have counted."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from tracetier.serve.tally import Spread, Tally

BOUNDS = (0.5, 1.0, 2.0)
COUNTS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9)))
VALUES = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from((0.0, 0.5, 0.75, 1.0, 2.0, 9.0)))
)


def _both(make: Any) -> tuple[Any, Any, CollectorRegistry, CollectorRegistry]:
    one, other = CollectorRegistry(), CollectorRegistry()
    return make(one), make(other), one, other


def _page(registry: CollectorRegistry) -> bytes:
    # When a series was made is all that may differ.
    return b"\n".join(
        sorted(line for line in generate_latest(registry).splitlines() if b"_created" not in line)
    )


@given(COUNTS, COUNTS)
def test_counts_are_those_of_a_counter(
    first: list[tuple[str, int]], second: list[tuple[str, int]]
) -> None:
    """Given twice, so that nothing is counted again and nothing is left out."""
    plain, theirs, one, other = _both(lambda r: Counter("n", "Some.", ("x",), registry=r))
    tally = Tally(plain)
    for part in (first, second):
        for label, amount in part:
            tally.add((label,), amount)
            theirs.labels(label).inc(amount)
        tally.give()

    assert _page(one) == _page(other)


@given(VALUES, VALUES)
def test_spreads_are_those_of_a_histogram(
    first: list[tuple[str, float]], second: list[tuple[str, float]]
) -> None:
    """Also values on a bound, and above the last."""
    plain, theirs, one, other = _both(
        lambda r: Histogram("s", "Some.", ("x",), registry=r, buckets=BOUNDS)
    )
    spread = Spread(plain, BOUNDS)
    for part in (first, second):
        for label, value in part:
            spread.add((label,), value)
            theirs.labels(label).observe(value)
        spread.give()

    assert _page(one) == _page(other)
