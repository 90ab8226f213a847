"""What a value may be."""

from math import inf, nan

import msgspec
import pytest

from tracetier.ingest.check import find_fault
from tracetier.records import Invocation

GOOD = Invocation(
    trace_id="t",
    task_id="k",
    y_quality=1.0,
    p_log=1.0,
    y_cost_usd=0.0,
    y_latency_s=0.0,
    n_tools=0,
    y_input_tokens=10,
    y_cache_read_tokens=6,
    y_cache_write_tokens=4,
)


def test_values_at_their_bounds_are_good() -> None:
    """Both ends of each range, and everything unknown."""
    assert find_fault(GOOD) is None
    assert find_fault(msgspec.structs.replace(GOOD, y_quality=0.0, p_log=1e-9)) is None
    assert find_fault(Invocation(trace_id="t", task_id="k")) is None


@pytest.mark.parametrize(
    ("name", "value", "reason", "told"),
    [
        ("trace_id", "", "missing", "trace_id is empty"),
        ("task_id", " ", "missing", "task_id is empty"),
        ("y_quality", 1.01, "out_of_range", "y_quality is 1.01, must be from 0 to 1"),
        ("y_quality", nan, "not_finite", "y_quality is nan"),
        ("p_log", 0.0, "out_of_range", "p_log is 0.0, must be above 0 and at most 1"),
        ("p_log", 1.5, "out_of_range", "p_log is 1.5"),
        ("y_cost_usd", -0.01, "out_of_range", "y_cost_usd is -0.01, must be a finite number >= 0"),
        ("y_cost_usd", nan, "not_finite", "y_cost_usd is nan"),
        ("y_cost_usd", inf, "not_finite", "y_cost_usd is inf"),
        ("y_latency_s", -1.0, "out_of_range", "y_latency_s"),
        ("latency_limit_s", inf, "not_finite", "latency_limit_s"),
        ("n_tools", -1, "out_of_range", "n_tools is -1, must be a count"),
        ("y_output_tokens", 10**30, "out_of_range", "y_output_tokens"),
        ("y_input_tokens", 9, "out_of_range", "10 cached tokens exceed y_input_tokens 9"),
    ],
)
def test_a_value_out_of_range_is_told(name: str, value: object, reason: str, told: str) -> None:
    """With the column, the reason and what was expected."""
    fault = find_fault(msgspec.structs.replace(GOOD, **{name: value}))

    assert fault is not None
    assert (fault.pointer, fault.reason) == (name, reason)
    assert told in str(fault)
