"""The lambda sweep: choices, switches, and outcomes of every policy."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.measures.frontier import (
    Matrix,
    choose_tiers,
    lam_grid,
    sweep,
    sweep_choices,
    switch_lams,
)


@st.composite
def predictions(draw: st.DrawFn) -> tuple[Matrix, Matrix]:
    """Draw quality and cost of up to 12 tasks on up to 4 tiers, in sixteenths, ties included."""
    n, k = draw(st.integers(1, 12)), draw(st.integers(1, 4))
    cells = st.lists(st.integers(0, 16), min_size=n * k, max_size=n * k)
    quality, cost = (np.array(draw(cells)).reshape(n, k) / 16 for _ in range(2))
    return quality, cost


@pytest.mark.parametrize(
    ("lam", "tier"),
    [
        # rewards 5, 7, 8 less lam times 0, .1, .6
        pytest.param(0.0, 2, id="quality alone"),
        pytest.param(1.9, 2, id="8 - 1.14 beats 7 - .19"),
        pytest.param(2.0, 1, id="6.8 both: the cheaper"),
        pytest.param(19.0, 1, id="7 - 1.9 beats 5"),
        pytest.param(20.0, 0, id="5 both: the cheapest"),
        pytest.param(np.inf, 0, id="cost alone"),
    ],
)
def test_the_tier_chosen_at_each_lambda(lam: float, tier: int) -> None:
    """One task with quality .5, .7, .8 and cost 0, .1, .6."""
    chosen = choose_tiers(np.array([[0.5, 0.7, 0.8]]), np.array([[0.0, 0.1, 0.6]]), lam)

    assert chosen.tolist() == [tier]


def test_equal_rewards_go_to_the_cheaper_not_to_the_first() -> None:
    """The order of tiers is by mean cost; on one task a later tier may be the cheaper."""
    chosen = choose_tiers(np.array([[0.5, 0.5]]), np.array([[0.4, 0.2]]), 0.0)

    assert chosen.tolist() == [1]


def test_switches_follow_the_upper_envelope() -> None:
    """10 (.8 - .7) / .5 = 2, 10 (.7 - .5) / .1 = 20; a tier below the line is jumped over."""
    quality = np.array([[0.5, 0.7, 0.8], [0.5, 0.5, 0.8], [0.9, 0.7, 0.8]])
    cost = np.array([[0.0, 0.1, 0.6], [0.1, 0.3, 0.6], [0.1, 0.3, 0.6]])

    np.testing.assert_allclose(
        switch_lams(quality, cost), [[2.0, 20.0], [6.0, np.inf], [np.inf, np.inf]]
    )


@given(predictions())
def test_the_choice_changes_at_the_switches_and_nowhere_else(
    given_predictions: tuple[Matrix, Matrix],
) -> None:
    """Just before a switch the old tier is taken, just after it a cheaper one."""
    quality, cost = given_predictions
    for row, lams in enumerate(switch_lams(quality, cost)):
        found = lams[np.isfinite(lams) & (lams > 0)]
        assert (np.diff(found) >= 0).all()
        q_row, c_row = quality[row : row + 1], cost[row : row + 1]
        for lam in np.unique(found):
            before = choose_tiers(q_row, c_row, lam * (1 - 1e-9))[0]
            after = choose_tiers(q_row, c_row, lam * (1 + 1e-9))[0]
            assert c_row[0, after] < c_row[0, before]
        ends = np.concatenate(([0.0], np.unique(found), [np.inf]))
        for low, high in pairwise(ends.tolist()):
            width = high - low if np.isfinite(high) else max(low, 1.0)
            inside = [
                choose_tiers(q_row, c_row, low + part * width)[0] for part in (0.01, 0.5, 0.99)
            ]
            assert len({c_row[0, tier] for tier in inside}) == 1


@given(predictions())
def test_a_larger_lambda_is_never_predicted_dearer_or_better(
    given_predictions: tuple[Matrix, Matrix],
) -> None:
    """Along the sweep predicted cost and predicted quality both fall."""
    quality, cost = given_predictions
    found = sweep(quality, cost, quality, cost)

    assert (np.diff(found.cost_usd) <= 1e-12).all()
    assert (np.diff(found.quality) <= 1e-12).all()
    np.testing.assert_allclose(found.share.sum(axis=1), 1.0)


@given(predictions())
def test_the_sweep_runs_from_quality_alone_to_cost_alone(
    given_predictions: tuple[Matrix, Matrix],
) -> None:
    """Its ends are the best predicted quality and the least predicted cost."""
    quality, cost = given_predictions
    found = sweep(quality, cost, quality, cost)

    assert found.quality[0] == pytest.approx(quality.max(axis=1).mean())
    assert found.cost_usd[-1] == pytest.approx(cost.min(axis=1).mean())


def test_a_sweep_counted_by_hand() -> None:
    """Task 1 moves at lambda 2 and 20, task 2 at 6: four policies."""
    q_hat = np.array([[0.5, 0.7, 0.8], [0.5, 0.5, 0.8]])
    c_hat = np.array([[0.0, 0.1, 0.6], [0.1, 0.3, 0.6]])
    quality = np.array([[0.0, 0.5, 1.0], [0.0, 0.0, 0.5]])
    cost = np.array([[1.0, 2.0, 8.0], [1.0, 2.0, 6.0]])
    found = sweep(q_hat, c_hat, quality, cost)

    assert found.lam == pytest.approx([0.0, 12**0.5, 120**0.5, 40.0])
    assert found.quality.tolist() == [0.75, 0.5, 0.25, 0.0]
    assert found.cost_usd.tolist() == [7.0, 4.0, 1.5, 1.0]
    assert found.share.tolist() == [[0, 0, 1], [0, 0.5, 0.5], [0.5, 0.5, 0], [1, 0, 0]]


def test_a_thinned_sweep_keeps_both_ends_and_spreads_evenly() -> None:
    """Nine tasks that switch at 1..9, five policies: every second one."""
    switch = np.arange(1.0, 9.0)
    q_hat = np.stack([np.zeros(8), switch / 10], axis=1)
    c_hat = np.tile([0.0, 1.0], (8, 1))
    found = sweep(q_hat, c_hat, q_hat, c_hat, n_points=5)

    assert found.cost_usd.tolist() == [1.0, 0.75, 0.5, 0.25, 0.0]
    assert lam_grid(q_hat, c_hat, 100).shape == (9,)


def test_one_tier_leaves_one_policy() -> None:
    """With nothing to choose there is one point."""
    one = np.full((3, 1), 0.5)
    found = sweep(one, one, one, one)

    assert found.lam.tolist() == [0.0]
    assert found.share.tolist() == [[1.0]]


def test_sweep_choices_are_those_of_each_lambda() -> None:
    """A column for each lambda, equal to choosing one by one."""
    rng = np.random.default_rng(0)
    q_hat, c_hat = rng.random((50, 3)), rng.random((50, 3))
    lams = lam_grid(q_hat, c_hat, 7)
    choices = sweep_choices(q_hat, c_hat, lams)

    assert choices.shape == (50, 7)
    for place, lam in enumerate(lams):
        assert choices[:, place].tolist() == choose_tiers(q_hat, c_hat, float(lam)).tolist()
