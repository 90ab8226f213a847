"""Alarms on outcomes and on inputs: what raises one, what does not, and how rarely by chance."""

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.heads.prior import PriorStats
from tracetier.route.channel import ChannelParams, Innovation
from tracetier.route.choice import Report
from tracetier.route.drift import (
    DriftAlarm,
    DriftState,
    deciles,
    moved_inputs,
    note_innovation,
    note_inputs,
    psi,
    start_drift,
    start_inputs,
)
from tracetier.route.residual import ResidualParams, ResidualStrategy, start_residual


def _watched(
    prior: PriorStats, outcomes: list[tuple[int, float]], *, tier: int = 1
) -> list[tuple[int, DriftAlarm]]:
    """Alarms, by report, of a router that learns from outcomes of one tier meanwhile."""
    strategy = ResidualStrategy(start_residual(prior, ResidualParams(channel=ChannelParams())))
    state, found = start_drift(3), []
    for i, (bucket, quality) in enumerate(outcomes):
        predicted = float(prior.quality_mean[bucket][tier])
        report = Report(bucket, tier, predicted, 0.2, 0.3, 10 * quality, 0.2)
        alarm = note_innovation(state, strategy.update(report))
        if alarm is not None:
            found.append((i, alarm))
    return found


def _outcomes(prior: PriorStats, n: int, shift: float, rng: Random) -> list[tuple[int, float]]:
    drawn = ((rng.randrange(2), rng.gauss(shift, 0.3)) for _ in range(n))
    return [(bucket, float(prior.quality_mean[bucket][1]) + noise) for bucket, noise in drawn]


def test_a_silent_drop_is_told_though_the_router_learns_meanwhile(prior: PriorStats) -> None:
    """Quality falls by .3 with a noise of .3: one alarm within 80 reports, of the right size."""
    rng = Random(1)
    outcomes = _outcomes(prior, 600, 0.0, rng) + _outcomes(prior, 300, -0.3, rng)

    found = _watched(prior, outcomes)

    assert [alarm.tier for _, alarm in found] == [1]
    ((at, alarm),) = found
    assert 600 <= at < 680
    assert alarm.change == pytest.approx(-0.25, abs=0.1)
    assert alarm.z < -4


def test_chance_alone_raises_next_to_no_alarm(prior: PriorStats) -> None:
    """20,000 reports of a tier that does what is predicted, at the predicted noise: at most 1."""
    assert len(_watched(prior, _outcomes(prior, 20_000, 0.0, Random(7)))) <= 1


def test_a_model_that_is_wrong_from_the_start_is_told() -> None:
    """Off by .5 with a noise of .3: .5 / (.3 sqrt(1/50 + 1/9)) is 4.6 after 50 reports."""
    state = start_drift(1)

    found = [note_innovation(state, Innovation(0, -0.5, 0.0, 0.09)) for _ in range(200)]

    assert [i for i, alarm in enumerate(found) if alarm] == [49]
    assert state.tiers[0].alarms == 1


def test_a_report_without_quality_tells_nothing() -> None:
    """And leaves the state as it was."""
    state = start_drift(2)

    assert note_innovation(state, None) is None
    assert state == start_drift(2)


def test_the_state_goes_through_json() -> None:
    """With windows half full."""
    state = start_drift(2)
    for i in range(70):
        note_innovation(state, Innovation(i % 2, 0.01 * i, 0.0, 0.09))

    assert msgspec.json.decode(msgspec.json.encode(state), type=DriftState) == state


def test_psi_by_hand() -> None:
    """(.9 - .5) ln(.9 / .5) + (.1 - .5) ln(.1 / .5), but for ten tasks as expected."""
    assert psi([0.5, 0.5], [90_000, 10_000]) == pytest.approx(0.8789, abs=0.002)
    assert psi([0.5, 0.5], [0.0, 0.0]) == 0.0


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1e4)), min_size=2, max_size=10))
def test_psi_is_never_negative(bins: list[tuple[float, float]]) -> None:
    """It is a sum of (q - p) log(q / p)."""
    assert psi([p for p, _ in bins], [n for _, n in bins]) >= 0.0


def test_inputs_that_move_are_told_and_those_that_stay_are_not() -> None:
    """Two features of 1,000 training tasks; the second shifts by one standard deviation."""
    rng = Random(5)
    train = [deciles([rng.gauss(0, 1) for _ in range(1_000)]) for _ in range(2)]
    edges, expected = [e for e, _ in train], [s for _, s in train]
    state = start_inputs(2)

    for _ in range(600):
        note_inputs(state, [rng.gauss(0, 1), rng.gauss(1, 1)], edges)

    assert moved_inputs(state, expected) == [1]


def test_few_tasks_raise_no_alarm() -> None:
    """However odd they are."""
    edges, expected = deciles([float(i) for i in range(100)])
    state = start_inputs(1)
    for _ in range(150):
        note_inputs(state, [1e9], [edges])

    assert moved_inputs(state, [expected]) == []


def test_unknown_values_and_repeated_ones_have_their_place() -> None:
    """Nine tenths zeros: their edges coincide, and shares tell it; NaN is left out."""
    edges, shares = deciles([0.0] * 90 + [1.0] * 10 + [float("nan")] * 50)
    state = start_inputs(1)
    for value in [0.0] * 90 + [1.0] * 10 + [float("nan")] * 50:
        note_inputs(state, [value], [edges])

    assert sum(shares) == pytest.approx(1.0)
    assert psi(shares, state.counts[0]) < 0.01
    assert deciles([float("nan")]) == ([0.0] * 9, [0.1] * 10)
