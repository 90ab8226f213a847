"""Values that JSON can hold."""

from collections.abc import Mapping
from math import isfinite
from typing import Any


def json_ready(value: Any) -> Any:  # Any: the shape of JSON
    """Replace nan and infinity, which JSON does not know, by null.

    Examples
    --------
    >>> json_ready({"low": float("nan"), "levels": (0.5, float("inf"))})
    {'low': None, 'levels': [0.5, None]}
    """
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: json_ready(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_ready(item) for item in value]
    return value
