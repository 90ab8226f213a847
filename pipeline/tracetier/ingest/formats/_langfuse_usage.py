"""Langfuse's counts and costs: one object with free keys, whose parts overlap or not.

An integration may give ``{input, output, total}`` with details that are parts of these, or details
that were taken out of them. The total tells which; the parts are never added blindly.
"""

from collections.abc import Mapping

from tracetier.ingest.formats._amounts import Tokens, tokens_of, usd_of, with_cache
from tracetier.ingest.formats._langfuse_record import Record
from tracetier.ingest.formats._logged_input import as_object

_OUTPUT_WORDS = ("output", "completion", "reasoning", "candidates", "thoughts")
_WRITE_WORDS = ("creat", "write")
_PLAIN = frozenset({"input", "output", "total"})


def usage_of(record: Record) -> Tokens:
    """Return the counts of a call, unknown where all are 0.

    Raises
    ------
    Fault
        If a count cannot be one.
    """
    details = as_object(record.usage_details)
    found = _of_details(details) if details else _of_old_fields(record)
    return found if found.input or found.output else Tokens()


def cost_of(record: Record) -> float | None:
    """Return the cost of a call in USD; 0 is what is stored for an unknown price.

    Raises
    ------
    Fault
        If a cost cannot be one.
    """
    details = as_object(record.cost_details)
    if details and details.get("total") is None:
        parts = [usd_of(value, f"costDetails.{name}") for name, value in details.items()]
        return sum(part for part in parts if part is not None) or None
    return (
        usd_of(details.get("total"), "costDetails.total")
        or usd_of(record.total_cost, "totalCost")
        or usd_of(record.calculated_total_cost, "calculatedTotalCost")
        or None
    )


def _of_details(details: Mapping[str, object]) -> Tokens:
    if details.keys() <= _PLAIN:  # as most are
        return _of_plain(details)
    counts = {
        name: found
        for name, value in details.items()
        if (found := tokens_of(value, f"usageDetails.{name}")) is not None
    }
    total, n_output = counts.get("total"), counts.get("output")
    n_input = _input_of(counts.get("input"), n_output, total)
    if counts.keys() <= _PLAIN:
        return Tokens(n_input, n_output)
    parts = {name: n for name, n in counts.items() if name != "total"}
    extra = {name: n for name, n in parts.items() if name not in _PLAIN and n}
    if extra and total is not None and sum(parts.values()) == total:
        return _of_disjoint(parts, extra, total)
    reads = [n for name, n in extra.items() if _is_read(name)]
    writes = [n for name, n in extra.items() if _is_write(name)]
    return with_cache(
        n_input,
        n_output,
        total=total,
        cache_read=max(reads, default=None),  # two names of the same count
        cache_write=max(writes, default=None),
    )


def _of_plain(details: Mapping[str, object]) -> Tokens:
    n_output = tokens_of(details.get("output"), "usageDetails.output")
    total = tokens_of(details.get("total"), "usageDetails.total")
    n_input = tokens_of(details.get("input"), "usageDetails.input")
    return Tokens(_input_of(n_input, n_output, total), n_output)


def _input_of(n_input: int | None, n_output: int | None, total: int | None) -> int | None:
    """Return the input, which may only be told as what is left of the total."""
    if n_input is None and total is not None:
        return max(0, total - (n_output or 0))
    return n_input


def _of_disjoint(parts: Mapping[str, int], extra: Mapping[str, int], total: int) -> Tokens:
    """Every part stands apart: what is not output is input."""
    n_output = sum(n for name, n in parts.items() if name.startswith(_OUTPUT_WORDS))
    return Tokens(
        input=total - n_output,
        output=n_output,
        cache_read=sum(n for name, n in extra.items() if _is_read(name)),
        cache_write=sum(n for name, n in extra.items() if _is_write(name)),
    )


def _of_old_fields(record: Record) -> Tokens:
    usage = as_object(record.usage)
    groups = (
        ("usage", usage.get("input"), usage.get("output")),
        ("usage", usage.get("promptTokens"), usage.get("completionTokens")),
        ("Tokens", record.prompt_tokens, record.completion_tokens),
        ("Usage", record.input_usage, record.output_usage),
    )
    for place, n_input, n_output in groups:
        if n_input is not None or n_output is not None:
            return Tokens(
                tokens_of(n_input, f"{place}.input"), tokens_of(n_output, f"{place}.output")
            )
    return Tokens()


def _is_read(name: str) -> bool:
    return "cache" in name and not _is_write(name)


def _is_write(name: str) -> bool:
    return "cache" in name and any(word in name for word in _WRITE_WORDS)
