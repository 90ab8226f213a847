"""What a router decided and heard is what the table of its log says."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.decision_log.conftest import make_decision

from tracetier.decision_log.writer import LogRules, LogWriter
from tracetier.features.extract import X_COLUMNS
from tracetier.ingest.run import ingest
from tracetier.records import Feedback, Task
from tracetier.table import read_table
from tracetier.tiers import Tier, TierSet

TIERS = TierSet((Tier(name="low"), Tier(name="high")))
KEY = b"0123456789abcdef"

_texts = st.text(min_size=1, max_size=60).filter(lambda text: text.strip() != "")
_tasks = st.builds(
    Task,
    text=_texts,
    task_type=st.none() | st.sampled_from(["edit", "test"]),
    tools=st.none() | st.lists(st.sampled_from(["bash", "edit.file"]), unique=True, min_size=1),
    turn_index=st.none() | st.integers(0, 9),
    last_failed=st.none() | st.booleans(),
)
_decided = st.tuples(
    _tasks,
    st.sampled_from(["low", "high"]),
    st.floats(0.01, 1.0),
    st.none() | st.floats(0, 10).map(lambda quality: round(quality, 3)),
    st.none() | st.floats(1e-6, 100).map(lambda cost: round(cost, 9)),
)


@pytest.mark.parametrize("stores", [True, False])
@settings(max_examples=20)
@given(decided=st.lists(_decided, min_size=1, max_size=6))
@pytest.mark.slow
def test_a_log_becomes_the_table_of_what_was_decided(
    stores: bool, decided: list[tuple[Task, str, float, float | None, float | None]]
) -> None:
    """Tier, propensity, cost, features as of the text, and quality from a later part."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder / "log", decided, stores=stores)
        ingest(folder / "log", folder / "table", tiers=TIERS)
        rows = {row["trace_id"]: row for row in read_table(folder / "table").to_pylist()}
        _write(folder / "plain", decided, stores=True)
        ingest(folder / "plain", folder / "as_text", tiers=TIERS)
        as_text = {row["trace_id"]: row for row in read_table(folder / "as_text").to_pylist()}

    assert len(rows) == len(decided)
    for i, (task, tier, propensity, quality, cost_usd) in enumerate(decided):
        row = rows[f"d{i}"]
        assert (row["tier"], row["p_log"], row["task_type"]) == (tier, propensity, task.task_type)
        assert row["y_quality"] == (None if quality is None else pytest.approx(quality / 10))
        assert row["y_cost_usd"] == cost_usd
        assert row["task_text"] == (task.text if stores else "")
        assert {x: row[x] for x in X_COLUMNS} == {x: as_text[f"d{i}"][x] for x in X_COLUMNS}


def _write(
    folder: Path,
    decided: list[tuple[Task, str, float, float | None, float | None]],
    *,
    stores: bool,
) -> None:
    """Write the decisions and costs into one part, the qualities into the next."""
    log = LogWriter(folder, LogRules(store_text=stores, hash_key=KEY, part_bytes=1, flush_s=3600))
    for i, (task, tier, propensity, _, cost_usd) in enumerate(decided):
        log.decided(task, make_decision(f"d{i}", tier=tier, propensity=propensity), "api")
        if cost_usd is not None:
            log.reported(Feedback(decision_id=f"d{i}", cost_usd=cost_usd), "api")
    log.flush()
    for i, (*_, quality, _) in enumerate(decided):
        if quality is not None:
            log.reported(Feedback(decision_id=f"d{i}", quality=quality), "api")
    log.close()
