"""The ingest summary as it is printed."""

from datetime import UTC, datetime
from io import StringIO

import msgspec
from rich.console import Console

from tracetier.cli.ingest_view import render
from tracetier.ingest.assemble.score_tally import ScoreSummary
from tracetier.ingest.learnable import TypeSummary
from tracetier.ingest.summary import FileSummary, IngestSummary, TierSummary

SUMMARY = IngestSummary(
    out="data/table",
    files=(
        FileSummary(
            path="logs/a.jsonl",
            format="outcomes",
            n_bytes=2_500_000,
            n_read=1_200,
            n_rows=1_200,
            n_rejected=2,
            n_duplicates=1,
            ignored_columns=("notes",),
        ),
    ),
    tiers=(
        TierSummary(
            name="low",
            n_rows=700,
            n_with_quality=350,
            n_with_cost=700,
            mean_quality=0.75,
            mean_cost_usd=0.000123,
        ),
        TierSummary(
            name="high",
            n_rows=500,
            n_with_quality=0,
            n_with_cost=0,
            mean_quality=None,
            mean_cost_usd=None,
        ),
    ),
    tier_order="declared",
    task_types={"qa": 1_000, "code": 200},
    n_tasks=900,
    n_tasks_on_all_tiers=300,
    information="mixed",
    n_with_propensity=0,
    first_timestamp=datetime(2025, 1, 6, 8, 0, tzinfo=UTC),
    last_timestamp=datetime(2025, 2, 6, 9, 30, tzinfo=UTC),
    issues={"not_json": 2, "duplicate": 1},
    first_issues=("logs/a.jsonl:7: line is not JSON",),
)


def _printed(summary: IngestSummary) -> str:
    console = Console(file=StringIO(), width=110)
    console.print(render(summary))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_the_counts_are_shown_to_add_up() -> None:
    """Records = read + rejected + duplicates, in the first lines."""
    shown = _printed(SUMMARY)

    assert "1,200 rows of 900 tasks → data/table" in shown
    assert "1,203 records = 1,200 read + 2 rejected + 1 duplicates" in shown


def test_each_tier_shows_quality_on_the_scale_of_people_and_what_is_unknown() -> None:
    """0.75 is 7.500; half of the rows have one; the other tier has none."""
    lines = [line.split() for line in _printed(SUMMARY).splitlines()]

    assert ["low", "700", "50.0%", "7.500", "all", "0.000123", "0.0%"] in lines
    assert ["high", "500", "0.0%", "unknown", "0.0%", "unknown", "0.0%"] in lines


def test_findings_models_without_a_tier_and_where_tiers_met_are_shown() -> None:
    """With the lines that would give those models one."""
    types = (
        TypeSummary(name="qa", rows={"low": 60, "high": 40}, with_quality={"low": 30, "high": 20}),
        TypeSummary(name="code", rows={"low": 5}, with_quality={"low": 0}),
    )
    shown = _printed(
        msgspec.structs.replace(
            SUMMARY,
            types=types,
            unmapped_models={"model-z": 3},
            findings=("tiers can be compared on 1 of 2 task types, 95% of the rows",),
        )
    )
    lines = [" ".join(line.split()) for line in shown.splitlines()]

    assert "qa 30 of 60 20 of 40 yes" in lines
    assert "code 0 of 5 - no" in lines
    assert 'models = ["model-z"]' in lines
    assert "· tiers can be compared on 1 of 2 task types, 95% of the rows" in lines


def test_long_paths_are_told_by_their_ends() -> None:
    """And the folder that all are in stands once, above."""
    file = SUMMARY.files[0]
    files = tuple(
        msgspec.structs.replace(file, path=f"/data/logs/{'x' * 60}/{name}.jsonl") for name in "ab"
    )
    shown = _printed(msgspec.structs.replace(SUMMARY, files=files))

    assert f"in /data/logs/{'x' * 60}:" in shown
    assert "\n a.jsonl  " in shown


def test_what_limits_the_learning_is_said() -> None:
    """Overlap, propensity, columns left out, issues and where to find them all."""
    shown = _printed(SUMMARY)

    assert "mixed: 300 of 900 tasks ran on every tier, with no propensity" in shown
    assert "qa 1,000, code 200" in shown
    assert "2025-01-06 08:00 to 2025-02-06 09:30 UTC" in shown
    assert "not read    notes" in shown
    assert "logs/a.jsonl:7: line is not JSON" in shown
    assert "data/table/issues.parquet" in shown


def test_an_unknown_order_tells_the_mend() -> None:
    """Training needs it."""
    shown = _printed(msgspec.structs.replace(SUMMARY, tier_order="unknown"))

    assert "declare them as [[tier]] in tracetier.toml" in shown


def test_many_files_and_types_are_cut_short_with_their_number() -> None:
    """A folder of a thousand logs must fit a screen."""
    many = msgspec.structs.replace(
        SUMMARY,
        files=SUMMARY.files * 1_000,
        task_types={f"type{i}": 1 for i in range(50)},
        information="full",
        issues={},
    )
    shown = _printed(many)

    assert "and 992 more files" in shown
    assert "type7 1 and 42 more" in shown
    assert "full information: every task ran on every tier" in shown
    assert "issues.parquet" not in shown
    assert len(shown.splitlines()) < 40


def test_markup_in_names_is_shown_as_it_is() -> None:
    """A file may be called ``[red]``."""
    file = msgspec.structs.replace(SUMMARY.files[0], path="logs/[red]a.jsonl")
    odd = msgspec.structs.replace(SUMMARY, files=(file,), task_types={"[bold]x": 1})

    assert "logs/[red]a.jsonl" in _printed(odd)
    assert "[bold]x 1" in _printed(odd)


def test_nested_logs_tell_what_gave_no_row_and_which_scores_were_not_used() -> None:
    """With the lines for ``tracetier.toml``; what counted is not repeated."""
    file = msgspec.structs.replace(SUMMARY.files[0], n_no_step=7)
    scores = (
        ScoreSummary(
            name="tone of voice",
            n=12,
            n_used=0,
            unused={"unmapped": 12},
            low=1.0,
            high=5.0,
            labels=(),
        ),
        ScoreSummary(name="correct", n=3, n_used=3, unused={}, low=0.0, high=1.0, labels=()),
    )
    shown = _printed(
        msgspec.structs.replace(
            SUMMARY,
            files=(file,),
            notes={"retold_calls": 4},
            scores=scores,
            n_outcomes_unused=9,
        )
    )

    assert "1,210 records = 1,200 read + 7 without a step + 2 rejected + 1 duplicates" in shown
    assert "records of a model call that another record tells too, counted once" in shown
    assert "outcomes of --scores about what is not in the logs" in shown
    assert "tone of voice (unmapped)" in shown
    assert '[scores."tone of voice"]' in shown
    assert "high = 5  # greatest seen" in shown
    assert "[scores.correct]" not in shown
