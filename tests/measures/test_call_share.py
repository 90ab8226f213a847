"""Lambdas spread by the share of calls that go to one tier."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tracetier.measures.call_share import call_share_lams
from tracetier.measures.frontier import sweep_choices


def test_shares_are_spread_evenly_from_none_to_all() -> None:
    """100 tasks whose gain from the dear tier grows: eleven shares, a tenth apart."""
    gain = np.linspace(0.01, 0.5, 100)
    q_hat, c_hat = np.stack([0.4 + 0.0 * gain, 0.4 + gain], axis=1), np.tile([0.1, 1.0], (100, 1))

    lams = call_share_lams(q_hat, c_hat, 1, n_shares=11)

    share = sweep_choices(q_hat, c_hat, lams).mean(axis=0)
    assert np.allclose(share, np.linspace(1.0, 0.0, 11))
    assert (np.diff(lams) > 0).all()


@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.integers(2, 30))
def test_the_ends_are_the_least_and_the_most_that_the_tier_can_get(
    seed: int, n_tiers: int, n_shares: int
) -> None:
    """Of any predictions, and never more lambdas than were asked for."""
    rng = np.random.default_rng(seed)
    q_hat = rng.random((20, n_tiers))
    c_hat = np.sort(rng.random((20, n_tiers)), axis=1)

    lams = call_share_lams(q_hat, c_hat, n_tiers - 1, n_shares=n_shares)

    share = (sweep_choices(q_hat, c_hat, lams) == n_tiers - 1).mean(axis=0)
    assert len(lams) <= n_shares
    # Costs ascend by tier, so at lambda 0 the dear tier has its most, and at infinity none.
    assert share[0] == (q_hat.argmax(axis=1) == n_tiers - 1).mean()
    assert share[-1] == 0.0


def test_one_policy_is_one_point() -> None:
    """Where the cheap tier is the best by every prediction, lambda changes nothing."""
    lams = call_share_lams(np.array([[0.9, 0.2]]), np.array([[0.1, 1.0]]), 1)

    assert lams.tolist() == [0.0]
