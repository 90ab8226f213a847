"""Battles: two rows of one trace, and nothing taken for the quality of an answer."""

from pathlib import Path
from typing import Any

import pytest

from tracetier.ingest.formats.battles import Battles
from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source, read_head


def _read(path: Path, text: str) -> list[Any]:
    path.write_text(text)
    return list(Battles().read(Source(path), Context()))


@pytest.mark.parametrize(
    ("winner", "scores"),
    [
        ("a", (1.0, 0.0)),
        ("model_b", (0.0, 1.0)),
        ("tie (bothbad)", (0.5, 0.5)),
        ("TIE", (0.5, 0.5)),
        ("small", (1.0, 0.0)),
    ],
)
def test_the_winner_is_a_side_a_tie_or_a_name(
    winner: str, scores: tuple[float, float], tmp_path: Path
) -> None:
    """As arenas write it, or by the model."""
    rows = _read(
        tmp_path / "b.jsonl",
        f'{{"text": "Hi.", "model_a": "small", "model_b": "large", "winner": "{winner}"}}\n',
    )

    assert tuple(row.y_quality for row in rows) == scores
    assert {row.y_quality_source for row in rows} == {"preference"}
    assert rows[0].trace_id == rows[1].trace_id
    assert (rows[0].span_id, rows[1].span_id) == ("a", "b")


def test_tiers_may_stand_in_place_of_models(tmp_path: Path) -> None:
    """And a task id in place of its text."""
    rows = _read(tmp_path / "b.csv", "task_id,tier_a,tier_b,winner\nt1,low,high,b\n")

    assert [(row.task_id, row.tier, row.model, row.y_quality) for row in rows] == [
        ("t1", "low", None, 0.0),
        ("t1", "high", None, 1.0),
    ]


def test_the_name_of_both_sides_is_no_winner(tmp_path: Path) -> None:
    """A model against itself, won by that model: an issue, since either may be meant."""
    (found,) = _read(tmp_path / "b.csv", "text,model_a,model_b,winner\nHi.,m,m,m\n")

    assert isinstance(found, Issue)
    assert (found.reason, found.pointer) == ("bad_value", "winner")


def test_without_a_winner_it_is_another_format(tmp_path: Path) -> None:
    """The columns tell."""
    (tmp_path / "a.csv").write_text("text,model_a,model_b,winner\nx,m,n,a\n")
    (tmp_path / "b.csv").write_text("text,model_a,model_b,score\nx,m,n,1\n")

    assert Battles().matches(read_head(tmp_path / "a.csv")) == 1.0
    assert Battles().matches(read_head(tmp_path / "b.csv")) == 0.0
