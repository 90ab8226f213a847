"""The user's own map, checked before any file is opened."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.errors import LeakageError, SettingsError
from tracetier.ingest.issue import Fault
from tracetier.ingest.mapping import columns_of, look_up, read_mapping

BASE: dict[str, Any] = {"task_text": "input", "model": "model"}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a", {"b": [1, 2, {"c": 3}]}),
        ("a.b.0", 1),
        ("a.b.-1.c", 3),
        ("a.b.7", None),
        ("a.b.x", None),
        ("a.x", None),
        ("d.e.f", 4),
        ("d.e", None),
        ("g.h", 6),
        ("n", None),
        ("n.x", None),
    ],
)
def test_a_path_leads_through_objects_lists_and_dotted_keys(path: str, found: object) -> None:
    """Keys with dots are the rule in telemetry."""
    record = {"a": {"b": [1, 2, {"c": 3}]}, "d.e.f": 4, "g": {"x": 5}, "g.h": 6, "n": None}

    assert look_up(record, tuple(path.split("."))) == found


@given(
    record=st.recursive(
        st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    path=st.lists(st.text() | st.integers(-3, 3), max_size=4),
)
def test_no_record_and_no_path_is_an_error(record: object, path: list[str | int]) -> None:
    """What is not there is unknown."""
    look_up(record, tuple(path))


def test_toml_and_json_give_the_same_map(tmp_path: Path) -> None:
    """By the suffix of the file."""
    content = BASE | {"y_quality": {"path": "score.value", "range": [1, 5]}}
    (tmp_path / "m.json").write_text(json.dumps(content))
    (tmp_path / "m.toml").write_text(
        'task_text = "input"\nmodel = "model"\ny_quality = {path = "score.value", range = [1, 5]}\n'
    )

    assert read_mapping(tmp_path / "m.toml") == read_mapping(str(tmp_path / "m.json"))
    assert read_mapping(tmp_path / "m.toml") == read_mapping(content)


def test_values_are_scaled_into_our_units() -> None:
    """Stars from 1 to 5, a score whose best is 0, cents, and a constant."""
    mapping = read_mapping(
        BASE
        | {
            "y_quality": {"path": "stars", "range": [1, 5]},
            "y_cost_usd": {"path": "cents", "scale": 0.01},
            "task_type": {"const": "support"},
        }
    )
    found = columns_of(mapping, {"stars": "4", "cents": 25, "input": "hi"})

    assert found["y_quality"] == pytest.approx(0.75)
    assert found["y_cost_usd"] == pytest.approx(0.25)
    assert (found["task_type"], found["task_text"], found["model"]) == ("support", "hi", None)
    bad_is_one = read_mapping(BASE | {"y_quality": {"path": "toxic", "range": [1, 0]}})
    assert columns_of(bad_is_one, {"toxic": 0.25})["y_quality"] == pytest.approx(0.75)
    assert columns_of(bad_is_one, {"toxic": True})["y_quality"] == 0.0


def test_a_value_that_cannot_be_scaled_is_a_fault() -> None:
    """It is one record's fault, not the map's."""
    mapping = read_mapping(BASE | {"y_quality": {"path": "stars", "range": [1, 5]}})

    with pytest.raises(Fault, match="y_quality must be a number") as caught:
        columns_of(mapping, {"stars": "many"})
    assert caught.value.pointer == "y_quality"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"task_txt": "a"}, "unknown column 'task_txt'; did you mean 'task_text'"),
        ({"attr_": "a"}, "unknown column 'attr_'"),
        ({"source_file": "a"}, "unknown column 'source_file'"),
        ({"x_words": "a"}, "unknown column 'x_words'"),
        (BASE | {"tier": {"pth": "a"}}, "tier has an unknown option 'pth'; did you mean 'path'"),
        (BASE | {"tier": {}}, "tier needs either path or const"),
        (BASE | {"tier": {"path": "a", "const": "b"}}, "tier needs either path or const"),
        (BASE | {"tier": "a..b"}, "tier has the path 'a..b', with an empty step"),
        (BASE | {"tier": 5}, "tier is 5"),
        (BASE | {"y_quality": {"path": "a", "range": [1, 1]}}, "two different finite"),
        (BASE | {"y_quality": {"path": "a", "range": [0, float("nan")]}}, "two different finite"),
        (BASE | {"y_cost_usd": {"path": "a", "scale": 0}}, "must be finite and not 0"),
        (BASE | {"y_quality": {"path": "a", "range": [0, 1], "scale": 2}}, "both range and scale"),
        (BASE | {"y_cost_usd": {"path": "a", "range": [0, 1]}}, "only y_quality can have"),
        (BASE | {"task_type": {"path": "a", "scale": 2}}, "has a scale, but is no number"),
        ({"task_text": "a"}, "neither model nor tier"),
        ({"model": "a"}, "neither task_id nor task_text"),
    ],
)
def test_a_slip_in_the_map_is_told(content: dict[str, Any], told: str) -> None:
    """Typos with their close match, contradictions by name."""
    with pytest.raises(SettingsError, match=told.replace(".", r"\.")):
        read_mapping(content)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("gone.toml", None, "cannot be read: No such file"),
        ("m.toml", "= 1", "is not TOML"),
        ("m.json", "{", "is not JSON"),
        ("m.json", "[1]", "holds a list, expected column = path"),
    ],
)
def test_a_file_that_is_no_map_is_told(
    tmp_path: Path, name: str, content: str | None, told: str
) -> None:
    """With its path."""
    if content is not None:
        (tmp_path / name).write_text(content)

    with pytest.raises(SettingsError, match=f"{name}.*{told}"):
        read_mapping(tmp_path / name)


@pytest.mark.parametrize(
    ("column", "path"),
    [
        ("prompt_tokens_est", "usage.prompt_tokens"),
        ("attr_hard", "difficulty"),
        ("attr_a", "gen_ai.usage.output_tokens"),
        ("attr_b", ["gen_ai.usage.output_tokens"]),
        ("task_type", "best_arm"),
        ("attr_c", "scores.reward.0"),
        ("attr_d", "y_quality"),
        ("attr_e", "Success"),
    ],
)
def test_an_outcome_as_a_feature_is_refused(column: str, path: object) -> None:
    """By its name, wherever it stands in the record."""
    with pytest.raises(LeakageError, match=f"{column} is known before the decision"):
        read_mapping(BASE | {column: path})


def test_an_outcome_s_name_can_be_vouched_for() -> None:
    """The user says that it is known before: their word, not our silence."""
    mapping = read_mapping(BASE | {"attr_label": {"path": "label", "known_before": True}})

    assert mapping.cells["attr_label"].value({"label": "x"}) == "x"


@pytest.mark.parametrize(
    "content",
    [
        {"attr_points": "points", "y_quality": "points"},
        {"attr_m": "model"},
        {"last_tier": ["a", "tier"], "tier": "a.tier"},
        {"attr_p": {"path": "points", "known_before": True}, "y_quality": "points"},
    ],
)
def test_one_place_cannot_be_both_before_and_after(content: dict[str, Any]) -> None:
    """Nor both a feature and the action, even when vouched for."""
    with pytest.raises(LeakageError, match="which is not; keep only one of them"):
        read_mapping(BASE | content)
