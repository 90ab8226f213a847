"""The synthetic sample: the same bytes again, labelled, and made as its page says."""

import json
from pathlib import Path

import pytest

from tracetier.demo.sample import NAME, TIERS, synthetic_log, synthetic_records, write_sample


def test_the_sample_in_the_repository_is_made_again_bit_for_bit(root: Path) -> None:
    """So nobody edits it by hand, and it is small."""
    file = root / "data" / "sample" / NAME
    if not file.exists():
        pytest.skip("no checkout: data/ is not part of the source distribution")

    assert file.read_bytes() == synthetic_log()
    assert file.stat().st_size < 150_000


def test_every_record_and_the_file_say_that_they_are_synthetic() -> None:
    """A row that is copied elsewhere still says so."""
    assert "synthetic" in NAME
    for record in synthetic_records():
        assert record["y_quality_source"] == "synthetic"
        assert str(record["model"]).startswith("synthetic-")
        assert str(record["trace_id"]).startswith("synthetic-")


def test_the_cost_is_tokens_times_price() -> None:
    """To the sixth digit of a dollar."""
    prices = {tier.name: (tier.input_usd_per_mtok, tier.output_usd_per_mtok) for tier in TIERS}
    for record in map(json.loads, synthetic_log().splitlines()):
        price_in, price_out = prices[record["tier"]]
        usd = (record["y_input_tokens"] * price_in + record["y_output_tokens"] * price_out) / 1e6

        assert record["y_cost_usd"] == pytest.approx(usd, abs=1e-6)


def test_success_follows_the_stated_odds() -> None:
    """'explain', 5 files, haiku: difficulty -3.5 +/- .5 against skill 1, so .99 succeed.

    'design' on haiku: difficulty 3.7 to 5.3 +/- .5, so at most .10 and on average about .04.
    """
    records = list(synthetic_records(4_000, seed=1))

    def rate(kind: str) -> float:
        found = [
            float(str(record["y_quality"])) > 0.5
            for record in records
            if record["task_type"] == kind and record["tier"] == "haiku"
        ]
        return sum(found) / len(found)

    assert rate("explain") == pytest.approx(0.99, abs=0.01)
    assert rate("design") == pytest.approx(0.04, abs=0.02)


def test_the_seed_decides() -> None:
    """Same seed, same records; another seed, others."""
    first, again, other = (list(synthetic_records(5, seed=seed)) for seed in (1, 1, 2))

    assert first == again != other
    assert len(first) == 15


def test_the_file_is_written_with_its_folder(tmp_path: Path) -> None:
    """As the demo does where there is no checkout."""
    write_sample(tmp_path / "data" / "sample" / NAME)

    assert (tmp_path / "data" / "sample" / NAME).read_bytes() == synthetic_log()
