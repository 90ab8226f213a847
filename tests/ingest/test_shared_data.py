"""The real outcome tables, against the figures that their own pages state."""

import time
from pathlib import Path

import pytest

from tracetier.ingest.run import ingest
from tracetier.table import read_table

PARETO3 = {
    "low": (3609, 7.910, 0.0000289),
    "mid": (3609, 9.239, 0.0005149),
    "high": (3609, 9.335, 0.0150967),
}
BFCL = {
    "low": (1022, 7.505, 0.0001826),
    "mid": (1022, 8.219, 0.0021352),
    "high": (1022, 8.806, 0.0108564),
}
ROUTELLM = {"low": (1319, 6.384, 0.0000816), "high": (1319, 8.567, 0.0037534)}


@pytest.mark.parametrize(
    ("name", "figures"),
    [("pareto3", PARETO3), ("bfcl_claude", BFCL), ("routellm2", ROUTELLM)],
)
def test_outcome_tables_have_the_rows_and_means_that_they_state(
    name: str, figures: dict[str, tuple[int, float, float]], shared: Path, tmp_path: Path
) -> None:
    """Every line a row, every task on every tier, cheap to dear."""
    summary = ingest(shared / "data" / name / "outcomes.jsonl.gz", tmp_path / "t", strict=True)

    assert [tier.name for tier in summary.tiers] == list(figures)
    for tier in summary.tiers:
        n_rows, quality, cost_usd = figures[tier.name]
        assert (tier.n_rows, tier.n_with_quality, tier.n_with_cost) == (n_rows,) * 3
        assert tier.mean_quality == pytest.approx(quality / 10, abs=5e-5)
        assert tier.mean_cost_usd == pytest.approx(cost_usd, abs=5e-8)
    assert summary.information == "full"
    assert summary.n_records == sum(n for n, _, _ in figures.values())


def test_logged_tables_have_a_propensity_on_each_row(shared: Path, tmp_path: Path) -> None:
    """One row per task, the smallest probability as the page states it."""
    log = shared / "data" / "bfcl_claude" / "logged.jsonl.gz"
    summary = ingest(log, tmp_path / "t")

    assert (summary.information, summary.n_rows, summary.n_with_propensity) == (
        "logged",
        1022,
        1022,
    )
    propensities = read_table(tmp_path / "t")["p_log"].to_pylist()
    assert min(propensities) == pytest.approx(0.0803, abs=5e-5)


def test_a_log_beside_its_full_table_is_a_duplicate(shared: Path, tmp_path: Path) -> None:
    """The folder as it is: its page, the log, and the table that the log is drawn from."""
    summary = ingest(shared / "data" / "bfcl_claude", tmp_path / "t")

    assert (summary.n_rows, summary.n_duplicates, summary.n_rejected) == (3066, 1022, 0)
    assert summary.issues == {"duplicate": 1022, "unknown_format": 1}


def test_the_reward_file_gives_three_rows_a_prompt(shared: Path, tmp_path: Path) -> None:
    """203 prompts, as counted by its page."""
    log = shared / "samples" / "router_tables" / "paretobandit_val.jsonl"
    summary = ingest(log, tmp_path / "t")

    assert (summary.n_rows, summary.n_tasks, summary.information) == (609, 203, "full")


def test_a_wide_table_is_not_taken_for_something_else(shared: Path) -> None:
    """The other router tables are in formats of their own, which are not known yet."""
    from tracetier.ingest.registry import formats_by_name
    from tracetier.ingest.source import read_head

    ours = {"canonical", "outcomes", "paretobandit", "mapped"}
    for path in (shared / "samples").rglob("*.*"):
        if path.is_file() and path.name != "paretobandit_val.jsonl":
            head = read_head(path)
            taken = {name for name in ours if formats_by_name()[name]().matches(head)}
            assert not taken, path


@pytest.mark.slow
def test_reading_keeps_up_with_the_decoder(shared: Path, tmp_path: Path) -> None:
    """A fifth of typed decoding alone, features aside: a floor, not the figure to be proud of."""
    import gzip

    import msgspec

    from tracetier.ingest.formats.outcomes import OutcomeRow, Outcomes
    from tracetier.ingest.registry import Context
    from tracetier.ingest.source import Source

    path = shared / "data" / "pareto3" / "outcomes.jsonl.gz"
    (tmp_path / "log").write_bytes(gzip.decompress(path.read_bytes()))
    lines = (tmp_path / "log").read_bytes().splitlines()
    decode = msgspec.json.Decoder(OutcomeRow).decode

    def seconds(work: object) -> float:
        times = []
        for _ in range(5):
            start = time.process_time()
            work()  # type: ignore[operator]
            times.append(time.process_time() - start)
        return min(times)

    alone = seconds(lambda: [decode(line) for line in lines])
    read = seconds(lambda: sum(1 for _ in Outcomes().read(Source(tmp_path / "log"), Context())))
    assert read < 5 * alone
