"""The tokens that each tier's calls were made of, summed over a feature table."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_KINDS = {
    "input": "y_input_tokens",
    "output": "y_output_tokens",
    "cache_read": "y_cache_read_tokens",
    "cache_write": "y_cache_write_tokens",
}


def token_mixes(table: pa.Table, names: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Sum tokens and cost of each tier over the rows whose input, output and cost are known.

    Parameters
    ----------
    table : pyarrow.Table
        As read by ``read_table``; a count of cached tokens that is missing is 0.
    names : tuple of str
        Tiers.

    Returns
    -------
    dict of str to dict
        By tier, as `tracetier.route.token_mix.TokenMix` holds it; tiers of which no row tells
        tokens and a cost above 0 are left out.
    """
    tokens = {kind: _floats(table[column]) for kind, column in _KINDS.items()}
    cost_usd = _floats(table["y_cost_usd"])
    known = ~np.isnan(tokens["input"] + tokens["output"] + cost_usd)
    row_tier = np.array(table["tier"].to_pylist(), dtype=object)
    found: dict[str, dict[str, float]] = {}
    for name in names:
        here = known & (row_tier == name)
        paid = float(cost_usd[here].sum())
        if paid > 0.0:
            sums = {kind: int(np.nansum(values[here])) for kind, values in tokens.items()}
            if sums["input"] + sums["output"] > 0:
                found[name] = {**sums, "cost_usd": paid}
    return found


def _floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
