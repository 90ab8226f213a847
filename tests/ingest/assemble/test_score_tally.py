"""What was in the logs, and the lines that would map it."""

import tomllib

import pytest

from tracetier.errors import SettingsError
from tracetier.ingest.assemble.score_map import ScoreMap, ScoreRule
from tracetier.ingest.assemble.score_map_file import score_map
from tracetier.ingest.assemble.score_tally import ScoreSummary, ScoreTally, merged
from tracetier.ingest.span import Score


def _summaries(*scores: tuple[str, float | bool | str]) -> tuple[ScoreSummary, ...]:
    tally = ScoreTally(ScoreMap({"good": ScoreRule(better="high", low=0, high=1)}))
    tally.add(Score(name=name, value=value) for name, value in scores)
    return tally.summaries()


def test_scores_are_counted_by_name_and_by_why_they_say_nothing() -> None:
    """The most frequent name first."""
    other, good = _summaries(
        ("good", 1.0), ("other", 3.0), ("good", 7.0), ("other", -1.0), ("other", "fine")
    )

    assert (good.n, good.n_used, good.unused) == (2, 1, {"out_of_range": 1})
    assert (other.n, other.n_used, other.unused) == (3, 0, {"unmapped": 3})
    assert (other.low, other.high, other.labels) == (-1.0, 3.0, ("fine",))
    assert not good.is_complete


def test_the_lines_to_add_are_a_map_once_they_are_completed() -> None:
    """Pasted as they are they are refused, since nobody but the user knows what is good."""
    (summary,) = _summaries(
        ("tone of voice", 1.0), ("tone of voice", 5.0), ("tone of voice", "n/a")
    )
    lines = summary.to_map()
    content = tomllib.loads(lines)["scores"]

    with pytest.raises(SettingsError, match="'tone of voice'"):
        score_map(content, "tracetier.toml")
    completed = tomllib.loads(lines.replace('"?"', '"low"'))["scores"]
    rules = score_map(completed, "tracetier.toml").rules
    assert rules["tone of voice"] == ScoreRule(better="low", low=1, high=5, labels={"n/a": 0.0})


def test_summaries_of_files_add_up() -> None:
    """In whatever order the files were read."""
    one = _summaries(("good", 1.0), ("other", 3.0))
    two = _summaries(("other", -1.0), ("other", "x"))
    both = _summaries(("good", 1.0), ("other", 3.0), ("other", -1.0), ("other", "x"))

    assert merged([*one, *two]) == merged([*two, *one]) == both
