"""Tokens by tier, summed over a table."""

from pathlib import Path

import msgspec

from tracetier.records import Invocation
from tracetier.route.token_mix import token_mixes as read_mixes
from tracetier.table import TableWriter, read_table
from tracetier.train.token_mix import token_mixes


def test_rows_whose_tokens_and_cost_are_known_are_summed(tmp_path: Path) -> None:
    """Two of three rows of low; mid cost nothing; of high no tokens are known."""
    fields: list[dict[str, object]] = [
        {"y_input_tokens": 100, "y_output_tokens": 10, "y_cost_usd": 0.5},
        {
            "y_input_tokens": 50,
            "y_output_tokens": 5,
            "y_cost_usd": 0.25,
            "y_cache_read_tokens": 40,
            "y_cache_write_tokens": 8,
        },
        {"y_input_tokens": 7, "y_output_tokens": 7},
        {"tier": "mid", "y_input_tokens": 5, "y_output_tokens": 5, "y_cost_usd": 0.0},
        {"tier": "high", "y_cost_usd": 2.0},
    ]
    row = Invocation(trace_id="r", task_id="t", tier="low", y_quality=1.0)
    rows = [msgspec.structs.replace(row, span_id=str(i), **each) for i, each in enumerate(fields)]
    with TableWriter(tmp_path / "table", tiers=("low", "mid", "high")) as writer:
        writer.write(rows)

    found = token_mixes(read_table(tmp_path / "table"), ("low", "mid", "high"))

    low = {"input": 150, "output": 15, "cache_read": 40, "cache_write": 8, "cost_usd": 0.75}
    assert found == {"low": low}
    # The router reads the same.
    assert read_mixes({"tiers": {"low": {"tokens": low}}})["low"].cache_read == 40
