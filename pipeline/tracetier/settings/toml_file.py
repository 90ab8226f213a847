"""``tracetier.toml``: every section and table of it as values of settings, a typo told."""

import tomllib
from pathlib import Path
from typing import Final

import msgspec

from tracetier.errors import SettingsError, TierError
from tracetier.settings.layer import Layer, checked_value, misplaced_key, unknown_name
from tracetier.settings.specs import SETTINGS
from tracetier.tiers import Tier, TierSet

_TABLES: Final = {"rule": "rules", "cap": "caps", "upstream": "upstreams"}
"""Tables in double brackets, and the field that holds them as they stand."""

_WHOLE_SECTIONS: Final = ("scores", "gateway")
"""Sections that are kept as they stand."""

_SECTIONS = tuple(dict.fromkeys(spec.section for spec in SETTINGS))


def read_settings_file(path: Path) -> Layer:
    """Return what the file says.

    Raises
    ------
    SettingsError
        If it cannot be read, is not TOML, or a name or value in it is wrong.
    """
    content, layer = _read_toml(path), Layer()
    for name, section in content.items():
        if name == "tier":
            layer["tiers"] = (_tiers(section, str(path)), str(path))
            layer["tier_upstreams"] = (_tier_upstreams(section), str(path))
        elif name in _WHOLE_SECTIONS:
            layer[name] = (_section(section, name, str(path)), f"{path} [{name}]")
        elif name in _TABLES:
            layer[_TABLES[name]] = (tuple(_tables(section, name, str(path))), str(path))
        elif name in _SECTIONS:
            layer |= _from_section(section, name, str(path))
        else:
            known = ("tier", *_WHOLE_SECTIONS, *_TABLES, *_SECTIONS)
            raise SettingsError(f"{path}: {misplaced_key(name, known)}")
    return layer


def _read_toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            f"settings file {str(path)!r} cannot be read: {error.strerror}; give an existing "
            "TOML file"
        ) from error
    except ValueError as error:  # not UTF-8, or not TOML: the text names line and column
        raise SettingsError(f"{path} is not a TOML file: {error}") from error


def _section(section: object, name: str, path: str) -> dict[str, object]:
    if not isinstance(section, dict):
        raise SettingsError(
            f"{path}: {name!r} is {section!r}, expected a section: write [{name}] on a line of its "
            "own and its settings below"
        )
    return section


def _from_section(content: object, name: str, path: str) -> Layer:
    section = _section(content, name, path)
    known = tuple(spec.field for spec in SETTINGS if spec.section == name)
    for key in section:
        if key not in known:
            raise SettingsError(f"{path}: [{name}] {misplaced_key(key, known)}")
    return {
        key: (checked_value(key, value, f"{path}: [{name}] {key}"), f"{path} [{name}]")
        for key, value in section.items()
    }


def _tables(entries: object, name: str, where: str) -> list[dict[str, object]]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        order = ", cheap to dear" if name == "tier" else ""
        raise SettingsError(
            f"{where}: {name!r} is no list of tables; write one [[{name}]] per {name}, in double "
            f"brackets{order}"
        )
    return entries


def _tiers(entries: object, where: str) -> tuple[Tier, ...]:
    tables = _tables(entries, "tier", where)
    tiers = tuple(_tier(entry, f"{where}: [[tier]] {i + 1}") for i, entry in enumerate(tables))
    try:
        return TierSet(tiers).tiers if tiers else ()
    except TierError as error:
        raise SettingsError(f"{where}: {error}") from error


def _tier_upstreams(entries: object) -> dict[str, object]:
    """Where the models of a tier are served is no matter of the tier, but stands with it."""
    tables = entries if isinstance(entries, list) else []
    return {str(each.get("name")): each["upstream"] for each in tables if "upstream" in each}


def _tier(entry: dict[str, object], where: str) -> Tier:
    known = (*Tier.__struct_fields__, "upstream")
    for key in entry:
        if key not in known:
            raise SettingsError(f"{where}: {unknown_name('key', key, known)}")
    try:
        own = {name: value for name, value in entry.items() if name != "upstream"}
        return msgspec.convert(own, Tier)
    except (msgspec.ValidationError, TierError) as error:
        raise SettingsError(f"{where} ({entry.get('name', 'no name')!r}): {error}") from error
