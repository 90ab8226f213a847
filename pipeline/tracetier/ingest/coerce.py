"""Foreign values → the types of our records, one rule per type for every format.

Typed JSON decoding does this in one step for well-formed lines. What comes from CSV, Parquet or the
user's own mapping, and every line that the typed decoder refuses, goes through here instead, and
each value that cannot be converted is a `Fault` that names its column.
"""

import json
import math
import re
import types
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec import Struct

from tracetier.ingest.issue import Fault, excerpt
from tracetier.records import AttrValue
from tracetier.table.columns import ATTR_PREFIX

Row = TypeVar("Row", bound=Struct)
_QUOTED = r"'[^'\\]*'|\"[^\"\\]*\""
_PYTHON_LIST = re.compile(rf"\[\s*(?:(?:{_QUOTED})\s*(?:,\s*)?)*\]")
_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no")
_EPOCH_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))  # a larger number counts ns, us, ms


def make_row(row_type: type[Row], values: Mapping[str, object]) -> Row:
    """Build a record from values of any type.

    ``None`` and, for anything but text, blank strings are unknown. Names that the type does not
    hold are left alone, but ``attr_*`` values are gathered where it has ``attrs``.

    Raises
    ------
    Fault
        For the first value that is missing or cannot be converted.

    Examples
    --------
    >>> from tracetier.records import Invocation
    >>> row = make_row(Invocation, {"trace_id": 7, "task_id": "a", "y_cost_usd": "0.5"})
    >>> row.trace_id, row.y_cost_usd, row.model
    ('7', 0.5, None)
    """
    found: dict[str, Any] = {}
    for name, convert, is_required in _plan(row_type):
        value = values.get(name)
        if value is None or (convert is not text and isinstance(value, str) and not value.strip()):
            if is_required:
                raise Fault("missing", f"{name} is missing, every record needs one", pointer=name)
            continue
        found[name] = _converted(convert, name, value)
    if "attrs" in row_type.__struct_fields__ and "attrs" not in found:
        found["attrs"] = _attrs(values)
    return row_type(**found)


def text(value: object) -> str:
    r"""Return a text; numbers become what they print as, and half surrogate pairs U+FFFD.

    Examples
    --------
    >>> text(5.0), text("a\ud800")
    ('5', 'a\ufffd')
    """
    if isinstance(value, str):
        return value if value.isascii() else _without_surrogates(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return str(value)
    raise _unfit(value, "a text")


def number(value: object) -> float:
    """Return a number; whether it is finite and in its range is for the caller to check."""
    if isinstance(value, int | float | Decimal | str) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return math.inf
        except ValueError:
            pass
    raise _unfit(value, "a number")


def count(value: object) -> int:
    """Return a whole number; ``"12.0"``, as data frames write it, is one."""
    found = value if isinstance(value, int) and not isinstance(value, bool) else number(value)
    if isinstance(found, float) and not found.is_integer():
        raise _unfit(value, "a whole number")
    return int(found)


def flag(value: object) -> bool:
    """Return a truth value, also from 0, 1, ``"True"`` and the like."""
    word = str(value).strip().lower().removesuffix(".0")
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise _unfit(value, "true or false")


def instant(value: object) -> datetime:
    """Return a time in UTC, from ISO 8601 or from a count since 1970.

    A time without zone is UTC. A count is of seconds, milli-, micro- or nanoseconds, by its size.

    Examples
    --------
    >>> instant("2025-01-06 09:03+01:00").isoformat(), instant("1736150580000").isoformat()
    ('2025-01-06T08:03:00+00:00', '2025-01-06T08:03:00+00:00')
    """
    try:
        found = _parsed(value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise _unfit(value, "a time in ISO 8601, or seconds since 1970") from None


def names(value: object) -> list[str]:
    """Return names: a list, JSON or Python text of one, or texts parted by ``;``.

    Tool definitions (``{"name": ...}`` or ``{"function": {"name": ...}}``) give their names.

    Examples
    --------
    >>> names("['bash', 'edit']"), names("bash; edit"), names([{"function": {"name": "bash"}}])
    (['bash', 'edit'], ['bash', 'edit'], ['bash'])
    """
    if isinstance(value, str):
        value = _list_from_text(value)
    if not isinstance(value, list | tuple):
        raise _unfit(value, "a list of names")
    return [_name(item) for item in value]


def attribute(value: object) -> AttrValue:
    """Return a value for one of the user's own columns: text, number or truth value."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int | float | Decimal) and math.isfinite(found := number(value)):
        return found
    raise _unfit(value, "a text, a finite number, true or false")


def _converted(convert: Callable[[Any], object], name: str, value: object) -> object:
    try:
        return convert(value)
    except Fault as fault:
        pointer = name + fault.pointer
        shown = excerpt(value) or "null"
        message = f"{name} is {shown}, must be {fault}"
        raise Fault(fault.reason, message, pointer=pointer, value=value) from None


def _attrs(values: Mapping[str, object]) -> dict[str, AttrValue] | None:
    found = {
        name.removeprefix(ATTR_PREFIX): _converted(attribute, name, value)
        for name, value in values.items()
        if name.startswith(ATTR_PREFIX) and value is not None and value != ""
    }
    return found or None  # type: ignore[return-value]


def _unfit(value: object, expected: str) -> Fault:
    return Fault("bad_value", expected, value=value)


def _without_surrogates(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def _parsed(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value.strip())
        except ValueError:
            value = float(value)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        since = float(value)
        scale = next((unit for least, unit in _EPOCH_UNITS if abs(since) >= least), 1.0)
        return datetime.fromtimestamp(since / scale, UTC)
    raise ValueError


def _list_from_text(value: str) -> object:
    value = value.strip()
    if not value.startswith("["):
        return [item.strip() for item in value.split(";") if item.strip()]
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        is_python = _PYTHON_LIST.fullmatch(value)
        return [item[1:-1] for item in re.findall(_QUOTED, value)] if is_python else value


def _name(item: object) -> str:
    if isinstance(item, Mapping):
        inner = item.get("function")
        item = item.get("name") or (inner.get("name") if isinstance(inner, Mapping) else None)
    if isinstance(item, str) and item:
        return text(item)
    raise _unfit(item, "a list of names")


def _level(value: object) -> object:
    levels = ("call", "agent_run", "task")
    if value in levels:
        return value
    raise _unfit(value, f"one of {', '.join(levels)}")


def _nested(kind: Any) -> Callable[[object], object]:
    def convert(value: object) -> object:
        try:
            return msgspec.convert(value, kind, strict=False)
        except msgspec.ValidationError as error:
            said, _, pointer = str(error).partition(" - at `$")
            raise Fault("bad_value", f"well-formed ({said})", pointer=pointer.rstrip("`")) from None

    return convert


_CONVERTERS: dict[Any, Callable[[Any], object]] = {
    str: text,
    float: number,
    int: count,
    bool: flag,
    datetime: instant,
    list[str]: names,
}


@cache
def _plan(row_type: type[Struct]) -> tuple[tuple[str, Callable[[Any], object], bool], ...]:
    """Return name, converter and whether it must be there, for each field of a record."""
    return tuple(
        (field.name, _converter(field.type), field.required)
        for field in msgspec.structs.fields(row_type)
    )


def _converter(kind: Any) -> Callable[[Any], object]:
    if get_origin(kind) in (types.UnionType,):
        kind = next(arm for arm in get_args(kind) if arm is not type(None))
    if get_origin(kind) is Literal:
        return _level
    return _CONVERTERS.get(kind) or _nested(kind)
