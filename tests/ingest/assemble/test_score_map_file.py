"""The score map as people write it."""

from pathlib import Path

import pytest

from tracetier.errors import SettingsError
from tracetier.ingest.assemble.score_map import ScoreRule
from tracetier.ingest.assemble.score_map_file import read_score_map, toml_key

RULE = {"correct": ScoreRule(better="high", low=0, high=1)}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param('[correct]\nbetter = "high"\nlow = 0\nhigh = 1', id="TOML"),
        pytest.param('[scores.correct]\nbetter = "high"\nlow = 0\nhigh = 1', id="as in settings"),
        pytest.param('{"correct": {"better": "high", "low": 0, "high": 1}}', id="JSON"),
    ],
)
def test_a_file_gives_its_rules(tmp_path: Path, content: str) -> None:
    """In TOML or JSON, whatever the file is called."""
    path = tmp_path / "map"
    path.write_text(content)

    assert read_score_map(path).rules == RULE


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(
            "[a]\nbeter = 'high'", r"score 'a': unknown key 'beter'; did .* 'better'", id="key"
        ),
        pytest.param("[a]\nlow = 0", "score 'a': .*better", id="no direction"),
        pytest.param(
            "[a]\nbetter = '?'", "score 'a': Invalid enum value '\\?'", id="not filled in"
        ),
        pytest.param("a = 1", r"score 'a' is 1, must be a table: \[scores.a\]", id="no table"),
        pytest.param("[a", "neither TOML nor JSON", id="broken"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, content: str, words: str) -> None:
    """File, score and key."""
    path = tmp_path / "map.toml"
    path.write_text(content)

    with pytest.raises(SettingsError, match=words) as caught:
        read_score_map(path)
    assert "map.toml" in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """By its path."""
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        read_score_map(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("a_b-1", "a_b-1"),
        ("tone of voice", '"tone of voice"'),
        ('a"b', '"a\\"b"'),
        ("é", '"\\u00e9"'),
    ],
)
def test_a_name_is_written_as_toml_wants_it(name: str, key: str) -> None:
    """Bare where it may be."""
    assert toml_key(name) == key
