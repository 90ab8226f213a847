"""Scenarios in a file: what they say, and what is told of a file that cannot be right."""

from pathlib import Path

import pytest

from tracetier.errors import SettingsError
from tracetier.evaluate.scenario import Scenario, parse_event
from tracetier.evaluate.scenario_file import read_scenario


def _read(folder: Path, text: str) -> Scenario:
    path = folder / "phases.toml"
    path.write_text(text, encoding="utf-8")
    return read_scenario(path)


def test_a_file_says_what_the_words_say(tmp_path: Path) -> None:
    """Every kind of phase, and what holds over all of them; noise is of 10."""
    found = _read(
        tmp_path,
        """
        delay = 20
        missing = 0.1
        noise = 0.5
        [[phase]]
        kind = "drop"
        tier = "mid"
        quality = 7.5
        start = 600
        end = 1200
        [[phase]]
        kind = "price"
        tier = "high"
        factor = 0.01
        start = 600
        [[phase]]
        kind = "add"
        tier = "new"
        start = 300
        [[phase]]
        kind = "remove"
        tier = "mid"
        start = 1500
        """,
    )
    words = ("drop:mid:7.5@600-1200", "price:high:0.01@600", "add:new@300", "remove:mid@1500")

    assert found == Scenario(
        events=tuple(map(parse_event, words)), delay=20, missing=0.1, noise=0.05
    )


def test_an_empty_file_is_a_calm_world(tmp_path: Path) -> None:
    """Nothing happens, nothing is late, lost or noisy."""
    assert _read(tmp_path, "") == Scenario()


PHASE = '[[phase]]\nkind = "drop"\ntier = "mid"\nquality = 7\nstart = 3\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("delay = ", "are no TOML: Invalid value", id="no TOML"),
        pytest.param("late = 3", "the file has late, .*known: delay, missing", id="key"),
        pytest.param("delay = 1.5", "delay is 1.5, must be a whole number", id="delay"),
        pytest.param("missing = 2", "missing is 2, must be a share", id="missing"),
        pytest.param('noise = "much"', "noise is 'much', must be a number", id="noise"),
        pytest.param("[phase]\nkind = 1", r"begin each with a line \[\[phase\]\]", id="table"),
        pytest.param("[[phase]]\nkind = 'fall'", "phase 1: kind is 'fall', .* drop", id="kind"),
        pytest.param(PHASE + "factor = 2", "phase 1 has factor, .*quality", id="value"),
        pytest.param(PHASE + "end = 2", "phase 1: .*ends at 2, before", id="end"),
        pytest.param(PHASE.replace("7", "70"), "phase 1: .* is no quality 0-10", id="range"),
        pytest.param(PHASE.replace("= 3", "= -3"), "start is -3, must be a decision", id="start"),
        pytest.param(PHASE + PHASE.replace("quality = 7", ""), "phase 2: a drop needs", id="none"),
        pytest.param(PHASE.replace('"mid"', "5"), "tier is 5, must be the name", id="tier"),
    ],
)
def test_what_no_scenario_has_is_told_with_file_and_phase(
    tmp_path: Path, text: str, message: str
) -> None:
    """In one line, with what was expected."""
    with pytest.raises(SettingsError, match=f"phases.toml.*{message}"):
        _read(tmp_path, text)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """By its path."""
    with pytest.raises(SettingsError, match=r"cannot be read from .*gone.toml: No such file"):
        read_scenario(tmp_path / "gone.toml")
