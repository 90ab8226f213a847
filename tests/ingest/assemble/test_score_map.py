"""What scores say of quality: only what the map or the format defines."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.errors import SettingsError
from tracetier.ingest.assemble.score_map import Quality, ScoreMap, ScoreRule
from tracetier.ingest.span import Score

HIGH = ScoreRule(better="high", low=0, high=1)


def _time(day: int) -> datetime:
    return datetime(2026, 1, day, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rule", "fields", "expected"),
    [
        pytest.param({"better": "high", "low": 1, "high": 5}, {"value": 4}, 0.75, id="one to five"),
        pytest.param({"better": "low", "low": 0, "high": 1}, {"value": 0.2}, 0.8, id="low is good"),
        pytest.param({"better": "high"}, {"value": 3, "low": 0, "high": 4}, 0.75, id="log's scale"),
        pytest.param(
            {"better": "high", "low": 0, "high": 10},
            {"value": 5, "low": 0, "high": 5},
            0.5,
            id="the map's scale before the log's",
        ),
        pytest.param({"better": "high"}, {"value": True}, 1.0, id="a verdict needs no scale"),
        pytest.param({"better": "low"}, {"value": True}, 0.0, id="a bad verdict"),
        pytest.param(
            {"better": "high", "low": 0, "high": 10}, {"value": True}, 1.0, id="true is the best"
        ),
        pytest.param({"better": "high"}, {"value": "No"}, 0.0, id="a verdict in words"),
        pytest.param({"better": "high", "low": 0, "high": 10}, {"value": "7.5"}, 0.75, id="text"),
        pytest.param({"better": "high", "labels": {"P": 0.5}}, {"value": "P"}, 0.5, id="a label"),
        pytest.param({"better": "high"}, {"value": 1}, "no_range", id="no scale"),
        pytest.param({"better": "high", "low": 0, "high": 1}, {"value": 7}, "out_of_range", id="7"),
        pytest.param(
            {"better": "high", "low": 0, "high": 1},
            {"value": float("nan")},
            "out_of_range",
            id="nan",
        ),
        pytest.param(
            {"better": "high", "low": 0, "high": 1}, {"value": "good"}, "not_a_number", id="a word"
        ),
    ],
)
def test_a_mapped_score(
    rule: dict[str, Any], fields: dict[str, Any], expected: float | str
) -> None:
    """Its place on its scale, from the bad end."""
    scores = ScoreMap({"s": ScoreRule(**rule)})

    assert scores.quality_of(Score(name="s", **fields)) == pytest.approx(expected)


def test_only_what_the_format_defines_needs_no_map() -> None:
    """A benchmark's reward does; a name that sounds good does not."""
    scores = ScoreMap({})

    assert scores.quality_of(Score(name="reward", value=1, low=0, high=1, better="high")) == 1.0
    assert scores.quality_of(Score(name="correctness", value=1, low=0, high=1)) == "unmapped"
    assert scores.choose([Score(name="correctness", value=1.0)]) is None


def test_opposite_scores_are_never_averaged() -> None:
    """One trace of Langfuse: the first in the map that is there stands alone."""
    scores = ScoreMap(
        {"correctness": HIGH, "hallucination": ScoreRule(better="low", low=0, high=1)}
    )
    trace = [
        Score(name="hallucination", value=1, source="judge"),
        Score(name="toxicity", value=0),
        Score(name="correctness", value=0.25, source="judge"),
    ]

    assert scores.choose(trace) == Quality(0.25, "judge", "correctness", None)
    assert scores.choose(trace[:2]) == Quality(0.0, "judge", "hallucination", None)


def test_with_weights_all_that_are_there_are_averaged() -> None:
    """(3 * 1 + 1 * 0.5) / 4, given when the last was; one that is missing does not count."""
    scores = ScoreMap(
        {
            "a": ScoreRule(better="high", low=0, high=1, weight=3),
            "b": ScoreRule(better="high", low=0, high=1, weight=1),
            "c": ScoreRule(better="high", low=0, high=1, weight=96),
        }
    )
    given = [
        Score(name="b", value=0.5, source="human", time=_time(2)),
        Score(name="a", value=1, source="judge", time=_time(1)),
    ]

    assert scores.choose(given) == Quality(0.875, "judge+human", "a+b", _time(2))


def test_of_one_name_and_source_the_newest_counts() -> None:
    """Whatever their order; among equals the later in the log."""
    scores = ScoreMap({"s": HIGH})
    old, new = (Score(name="s", value=v, time=_time(v + 1)) for v in (0, 1))
    untimed = [Score(name="s", value=0.25), Score(name="s", value=0.5)]

    assert (
        scores.choose([new, old]) == scores.choose([old, new]) == Quality(1, "given", "s", _time(2))
    )
    assert scores.choose(untimed) == Quality(0.5, "given", "s", None)


def test_people_go_before_judges() -> None:
    """Of one name, even where the judge came later."""
    scores = ScoreMap({"s": HIGH})
    judge = Score(name="s", value=1, source="judge", time=_time(9))
    human = Score(name="s", value=0, source="human", time=_time(1))

    assert scores.choose([human, judge]) == Quality(0.0, "human", "s", _time(1))


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        pytest.param(
            {"a": ScoreRule(better="high", weight=1), "b": HIGH}, "'b' has no weight", id="some"
        ),
        pytest.param({"a": ScoreRule(better="high", weight=0)}, "must be > 0", id="weight of 0"),
        pytest.param(
            {"a": ScoreRule(better="high", low=5, high=1)}, 'better = "low"', id="upside down"
        ),
    ],
)
def test_a_map_that_makes_no_sense_is_refused(rules: dict[str, ScoreRule], words: str) -> None:
    """With the mend."""
    with pytest.raises(SettingsError, match=words):
        ScoreMap(rules)


_ANY = st.builds(
    Score,
    name=st.sampled_from(["a", "b", "other"]),
    value=st.floats() | st.booleans() | st.text(max_size=5),
    source=st.sampled_from([None, "human", "judge"]),
    low=st.none() | st.floats(),
    high=st.none() | st.floats(),
    better=st.sampled_from([None, "high", "low"]),
    time=st.none() | st.datetimes(timezones=st.just(UTC)) | st.datetimes(),
)


@given(scores=st.lists(_ANY, max_size=6))
def test_quality_is_from_0_to_1_whatever_the_log_holds(scores: list[Score]) -> None:
    """Or unknown; nothing raises."""
    found = ScoreMap({"a": HIGH, "b": ScoreRule(better="low", labels={"x": 0.5})}).choose(scores)

    assert found is None or 0 <= found.value <= 1
