"""Alarms on outcomes: what raises one, what does not, and how rarely by chance."""

from random import Random

import msgspec
import pytest

from tracetier.heads.prior import PriorStats
from tracetier.route.channel import ChannelParams, Innovation
from tracetier.route.choice import Report
from tracetier.route.drift import (
    DriftAlarm,
    DriftState,
    carried_drift,
    merged_drift,
    note_innovation,
    reset_drift,
    start_drift,
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
    """10,000 reports of a tier that does what is predicted, at the predicted noise: at most 1."""
    assert len(_watched(prior, _outcomes(prior, 10_000, 0.0, Random(7)))) <= 1


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


def _alarmed(*tiers: int) -> DriftState:
    """Three tiers; those named fell by .5 at the time of their number, after 100 calm reports."""
    state = start_drift(3)
    for tier in tiers:
        for i in range(200):
            error = 0.0 if i < 100 else -0.5
            note_innovation(state, Innovation(tier, error, 0.0, 0.01), float(tier))
            if state.tiers[tier].alarms:
                break
    return state


def test_alarms_are_kept_with_their_time_and_no_more_than_twenty() -> None:
    """The newest stay."""
    state = start_drift(1)
    for i in range(30):  # each level is new, so each is an alarm of its own
        for _ in range(50):
            note_innovation(state, Innovation(0, float(i % 2), 0.0, 0.001), float(i))

    assert len(state.raised) == 20
    assert state.raised[-1].time_s >= 28.0
    assert state.tiers[0].alarms > 20


def test_alarms_follow_their_tier_to_other_columns() -> None:
    """A tier joins in front: the first is the second now, and what was usual goes along."""
    old = _alarmed(0, 2)

    same = carried_drift(old, [-1, 0, 1], is_same_model=True)
    other = carried_drift(old, [-1, 0, 1], is_same_model=False)

    assert [alarm.tier for alarm in same.raised] == [alarm.tier for alarm in other.raised] == [1]
    assert same.tiers[1] == old.tiers[0]
    assert other.tiers[1] == start_drift(1).tiers[0]


def test_the_sum_of_two_commutes_and_knows_the_alarms_of_both() -> None:
    """What is usual is the mean by reports: (20 x .1 + 60 x .5) / 80 is .4."""
    one, other = _alarmed(1), _alarmed(0, 2)
    one.tiers[0].reference, one.tiers[0].n_reference = 0.1, 20.0
    other.tiers[0].reference, other.tiers[0].n_reference = 0.5, 60.0

    both = merged_drift(one, other)

    assert both == merged_drift(other, one)
    assert [alarm.tier for alarm in both.raised] == [0, 1, 2]
    assert both.tiers[0].reference == pytest.approx(0.4)


def test_a_reset_forgets_what_was_usual_and_not_that_it_was_told() -> None:
    """Of the tier alone that is named."""
    state = _alarmed(0, 1)
    kept = msgspec.json.decode(msgspec.json.encode(state.tiers[1]), type=type(state.tiers[1]))

    reset_drift(state, 0)

    assert state.tiers[0].n_reference == start_drift(1).tiers[0].n_reference
    assert (state.tiers[0].alarms, len(state.raised)) == (1, 2)
    assert state.tiers[1] == kept
