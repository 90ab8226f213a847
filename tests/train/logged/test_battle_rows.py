"""Battles in a feature table: they become pairs, and no tier's quality."""

from pathlib import Path

import numpy as np

from tracetier.records import Invocation
from tracetier.table import TableWriter, read_table
from tracetier.tiers import Tier, TierSet
from tracetier.train.rows import task_rows

TIERS = TierSet((Tier(name="low"), Tier(name="high")))


def battle(task: str, low: float) -> list[Invocation]:
    return [
        Invocation(
            trace_id=f"battle {task}",
            span_id=tier,
            task_id=task,
            task_text=task,
            tier=tier,
            y_quality=score,
            y_quality_source="preference",
            y_cost_usd=0.5,
        )
        for tier, score in (("high", 1.0 - low), ("low", low))
    ]


def test_a_preference_is_no_quality_and_a_graded_answer_stays_one(tmp_path: Path) -> None:
    """Two battles and one graded answer; costs count wherever they come from."""
    graded = Invocation(
        trace_id="g", task_id="c", task_text="c", tier="low", y_quality=0.25, p_log=0.5
    )
    with TableWriter(tmp_path / "table", tiers=TIERS.names) as writer:
        writer.write([*battle("a", 1.0), *battle("b", 0.5), graded])
    rows = task_rows(read_table(tmp_path / "table"), TIERS)

    assert rows.task_ids == ["a", "b", "c"]
    np.testing.assert_array_equal(
        rows.quality, [[np.nan, np.nan], [np.nan, np.nan], [0.25, np.nan]]
    )
    assert rows.pairs is not None
    assert rows.pairs.row.tolist() == [0, 1]
    assert rows.pairs.gain.tolist() == [1.0, 0.0]
    assert rows.known.tolist() == [[True, True], [True, True], [True, False]]
    np.testing.assert_array_equal(rows.cost_usd[:2], 0.5)
    assert rows.take(np.array([1])).pairs.row.tolist() == [0]  # type: ignore[union-attr]
