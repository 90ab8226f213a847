"""What one source says: values by field, checked alike for the file, environment and flags."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

import msgspec

from tracetier.errors import SettingsError, TierError
from tracetier.settings.record import Settings
from tracetier.settings.specs import SPECS

_TYPES: dict[str, Any] = {
    field.name: field.type for field in msgspec.structs.fields(Settings)
}  # one Any: a type form has no static type before Python 3.14

Layer = dict[str, tuple[object, str]]
"""Field -> its value, and where it stands."""


def checked_value(field: str, value: object, where: str, *, is_text: bool = False) -> object:
    """Return a value of a field's type; ``is_text`` where it came as text.

    Raises
    ------
    SettingsError
        If it is of another type or out of range; ``where`` it stands is named.
    """
    try:
        return msgspec.convert(value, _TYPES[field], strict=not is_text)
    except (msgspec.ValidationError, TierError) as error:
        choices = f" ({SPECS[field].doc})" if field in SPECS else ""
        raise SettingsError(f"{where} is {value!r}: {error}{choices}") from error


def misplaced_key(name: str, known: tuple[str, ...]) -> str:
    """Say that a key stands in the wrong section, or is none at all."""
    spec = SPECS.get(name)
    if spec is not None:
        return f"{name!r} belongs under [{spec.section}]"
    return unknown_name("section or key", name, known)


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Say that a name is unknown, with the nearest one or all that are known.

    Examples
    --------
    >>> unknown_name("setting", "epsilom", ("epsilon", "alpha"))
    "unknown setting 'epsilom'; did you mean 'epsilon'?"
    """
    known = tuple(known)
    near = get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
    return f"unknown {kind} {name!r}{hint}"
