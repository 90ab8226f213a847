"""What happens on the way, read from words and applied to outcomes by hand."""

import numpy as np
import pytest

from tracetier.errors import SettingsError
from tracetier.evaluate.scenario import Event, Scenario, Timeline, parse_event, timeline

TIERS = ("low", "mid", "high")
QUALITY = np.tile([0.5, 0.8, 1.0], (4, 1))
COST_USD = np.tile([1.0, 2.0, 10.0], (4, 1))


def _timeline(*events: str) -> Timeline:
    scenario = Scenario(events=tuple(map(parse_event, events)))
    return timeline(scenario, QUALITY, COST_USD, TIERS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "drop:mid:0.75@600-1200",
            Event(kind="drop", tier="mid", start=600, end=1200, value=0.75),
        ),
        ("drop:mid:7.5@600", Event(kind="drop", tier="mid", start=600, value=0.75)),
        ("price:gpt-5/mini:0.01@5", Event(kind="price", tier="gpt-5/mini", start=5, value=0.01)),
        (" add:high@300 ", Event(kind="add", tier="high", start=300)),
        ("remove:mid@0", Event(kind="remove", tier="mid", start=0)),
    ],
)
def test_an_event_is_read_from_words(text: str, expected: Event) -> None:
    """Quality is read on either scale."""
    assert parse_event(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("drop:mid", "'drop:mid' is not understood; write drop:TIER:QUALITY@START"),
        ("fall:mid:1@3", "'fall:mid:1@3' is not understood"),
        ("drop:mid@3", "'drop:mid@3' is not understood"),
        ("drop:mid:12@3", "1.2 is no quality 0-10"),
        ("price:mid:nan@3", "nan is no quality 0-10 or factor"),
        ("drop:mid:5@30-20", "ends at 20, before it starts at 30"),
        ("add:mid:5@30", "add takes no value, leave out :5"),
        ("add:mid@30-40", "leave out -40"),
    ],
)
def test_what_is_not_an_event_is_told(text: str, message: str) -> None:
    """With the form it should have."""
    with pytest.raises(SettingsError, match=message):
        parse_event(text)


def test_a_drop_scales_the_quality_to_its_mean_while_it_lasts() -> None:
    """From .8 to .4, over the two middle tasks, and nothing else changes."""
    found = _timeline("drop:mid:0.4@1-3")

    assert found.quality[:, 1].tolist() == pytest.approx([0.8, 0.4, 0.4, 0.8])
    assert found.quality[:, [0, 2]].tolist() == QUALITY[:, [0, 2]].tolist()
    assert QUALITY[1, 1] == 0.8


def test_a_price_multiplies_costs_and_tiers_come_and_go() -> None:
    """high costs a tenth from task 2 on, low comes at 1, mid goes at 3."""
    quality, cost_usd, is_there = _timeline("price:high:0.1@2", "add:low@1", "remove:mid@3")

    assert cost_usd[:, 2].tolist() == [10.0, 10.0, 1.0, 1.0]
    assert is_there[:, 0].tolist() == [False, True, True, True]
    assert is_there[:, 1].tolist() == [True, True, True, False]
    assert quality.tolist() == QUALITY.tolist()


def test_a_quality_is_never_above_the_scale() -> None:
    """A raise of mid to .9 of 1 where some tasks are at 1 already."""
    uneven = np.array([[0.5, 0.6, 1.0], [0.5, 1.0, 1.0]])
    scenario = Scenario(events=(parse_event("drop:mid:0.9@0"),))

    found = timeline(scenario, uneven, COST_USD[:2], TIERS)

    assert found.quality[:, 1].tolist() == pytest.approx([0.675, 1.0])


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (["drop:top:5@3"], "about tier 'top'; the artifact has low, mid, high"),
        (["remove:low@2", "remove:mid@2", "remove:high@2"], "a time without any tier"),
    ],
)
def test_a_phase_that_cannot_be_is_told(events: list[str], message: str) -> None:
    """Before anything is played."""
    with pytest.raises(SettingsError, match=message):
        _timeline(*events)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"delay": -1}, "delay is -1"),
        ({"missing": 1.5}, "missing is 1.5"),
        ({"noise": -0.1}, "noise is -0.1"),
    ],
)
def test_settings_out_of_range_are_named(given: dict[str, float], message: str) -> None:
    """Each with its value."""
    with pytest.raises(SettingsError, match=message):
        Scenario(**given)  # type: ignore[arg-type]


def test_phases_begin_where_anything_changes() -> None:
    """Starts and ends, those within the stream only."""
    events = tuple(map(parse_event, ("drop:mid:5@600-1200", "add:high@300")))

    assert Scenario(events=events).starts(1_000) == [0, 300, 600]
    assert Scenario().starts(10) == [0]
