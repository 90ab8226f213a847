"""What can be learned from a table, worked out on rows that can be counted by hand."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tracetier.ingest.learnable import MIN_ROWS, TypeSummary, findings
from tracetier.ingest.run import ingest
from tracetier.tiers import Tier, TierSet

Write = Callable[..., Path]
Outcome = Callable[..., dict[str, Any]]


def _type(name: str, low: int, high: int) -> TypeSummary:
    rows = {"low": low, "high": high}
    return TypeSummary(name=name, rows=rows, with_quality=rows)


def _told(types: list[TypeSummary], **fields: Any) -> str:
    n_rows = sum(one.n_rows for one in types)
    given: dict[str, Any] = {
        "n_rows": n_rows,
        "n_with_cost": n_rows,
        "n_with_propensity": n_rows,
        "is_full": False,
        "unmapped": {},
    }
    return "\n".join(findings(types, **(given | fields)))


def test_a_task_type_is_compared_where_two_tiers_have_enough_outcomes() -> None:
    """One row less, and it is not."""
    assert _type("qa", MIN_ROWS, MIN_ROWS).is_compared
    assert not _type("qa", MIN_ROWS - 1, 10 * MIN_ROWS).is_compared


def test_the_share_of_rows_that_can_be_compared_is_told() -> None:
    """60 of 80 rows are of the type that both tiers met."""
    told = _told([_type("qa", 40, 20), _type("code", 20, 0)])

    assert "compared on 1 of 2 task types, 75% of the rows" in told
    assert "every row has an outcome" in told


def test_what_is_missing_comes_with_the_way_to_supply_it() -> None:
    """Outcomes, prices, propensities, tiers."""
    blank = TypeSummary(name="qa", rows={"low": 5}, with_quality={"low": 0})
    told = _told([blank], n_with_cost=2, n_with_propensity=0, unmapped={"model-z": 3})

    assert "--scores FILE" in told
    assert "--quality-from proxy:all" in told
    assert "cost is unknown for 3 of 5 rows" in told
    assert "only tier 'low' was ever used" in told
    assert "observational" in told
    assert "model-z (3)" in told


def test_the_account_of_a_run_holds_types_models_sources_and_formats(
    write_lines: Write, outcome: Outcome, tmp_path: Path
) -> None:
    """Three rows; one of a model that no declared tier has is left out and named."""
    lines = [
        outcome(1),
        outcome(2, quality=None, task_type=None),
        outcome(3, tier="high", model="model-l", success=True),
        outcome(4, tier=None, model="model-z"),
    ]
    tiers = TierSet((Tier(name="low"), Tier(name="high")))
    summary = ingest(write_lines(lines), tmp_path / "t", tiers=tiers)
    plain = summary.to_dict()

    assert list(plain["types"]) == [
        {"name": "qa", "rows": {"high": 1, "low": 1}, "with_quality": {"high": 1, "low": 1}},
        {"name": "(none told)", "rows": {"low": 1}, "with_quality": {"low": 0}},
    ]
    assert [(one["name"], one["tier"], one["n_rows"]) for one in plain["models"]] == [
        ("model-s", "low", 2),
        ("model-l", "high", 1),
    ]
    assert plain["quality_sources"] == {"given": 1, "reference": 1}
    assert plain["unmapped_models"] == {"model-z": 1}
    assert [one["n_with_tokens"] for one in plain["tiers"]] == [2, 1]
    (found,) = plain["formats"]
    assert (found["name"], found["n_files"], found["n_rows"], found["n_rejected"]) == (
        "outcomes",
        1,
        3,
        1,
    )


def test_the_account_is_in_the_footer_of_the_table(
    write_lines: Write, outcome: Outcome, tmp_path: Path
) -> None:
    """So that a part that is copied alone still says what can be learned of it."""
    summary = ingest(write_lines([outcome(1)]), tmp_path / "t")
    footer = pq.read_metadata(tmp_path / "t" / "part-00000.parquet").metadata
    told = json.loads(footer[b"tracetier.summary"])

    assert told["findings"] == list(summary.findings)
    assert (told["n_rows"], told["quality_sources"]) == (1, {"given": 1})
    assert not {"out", "files"} & told.keys()
