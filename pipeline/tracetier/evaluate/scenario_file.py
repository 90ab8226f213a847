"""A scenario in a TOML file, to be kept and run again.

    delay = 20                  # decisions between one and its report
    missing = 0.1               # share of reports that never come
    noise = 0.5                 # deviation added to reported quality, of 10

    [[phase]]                   # any number of them, in decisions counted from 0
    kind = "drop"               # the tier's mean quality silently becomes 7.5 of 10
    tier = "mid"
    quality = 7.5
    start = 600
    end = 1200                  # without it, to the end

    [[phase]]
    kind = "price"              # its costs are multiplied by .01
    tier = "high"
    factor = 0.01
    start = 600

    [[phase]]
    kind = "add"                # not there before; or "remove": gone from then on
    tier = "new"
    start = 300

Every phase is read as the words of ``--phase`` are, so both allow the same.
"""

import tomllib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path

from tracetier.errors import SettingsError
from tracetier.evaluate.scenario import Event, Scenario, parse_event

_VALUES = {"drop": "quality", "price": "factor", "add": None, "remove": None}
_NUMBERS = ("delay", "missing", "noise")


def read_scenario(path: str | PathLike[str]) -> Scenario:
    """Return the scenario that a file describes.

    Raises
    ------
    SettingsError
        If the file cannot be read, is no TOML, or says what no scenario has; with the phase.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"phases cannot be read from {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"phases in {path} are no TOML: {error}") from error
    try:
        return _scenario(content)
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from error


def _scenario(content: Mapping[str, object]) -> Scenario:
    _only(content, (*_NUMBERS, "phase"), "the file")
    phases = content.get("phase", [])
    if not isinstance(phases, list) or not all(isinstance(each, dict) for each in phases):
        raise SettingsError("phase is no list of tables; begin each with a line [[phase]]")
    delay = content.get("delay", 0)
    if type(delay) is not int:
        raise SettingsError(f"delay is {delay!r}, must be a whole number of decisions")
    return Scenario(
        events=tuple(_event(each, place) for place, each in enumerate(phases, start=1)),
        delay=delay,
        missing=_number(content, "missing", "the file"),
        noise=_number(content, "noise", "the file") / 10.0,
    )


def _event(table: Mapping[str, object], place: int) -> Event:
    where, kind, tier = f"phase {place}", table.get("kind"), table.get("tier")
    if not isinstance(kind, str) or kind not in _VALUES:
        raise SettingsError(f"{where}: kind is {kind!r}, must be one of {', '.join(_VALUES)}")
    value = _VALUES[kind]
    _only(table, ("kind", "tier", "start", "end", *([value] if value else ())), where)
    if not isinstance(tier, str) or not tier or set(tier) & set(":@"):
        raise SettingsError(f"{where}: tier is {tier!r}, must be the name of a tier")
    text = f"{kind}:{tier}"
    if value is not None:
        if value not in table:
            raise SettingsError(f"{where}: a {kind} needs {value}")
        text += f":{_number(table, value, where)!r}"
    text += f"@{_decision(table, 'start', where)}"
    if "end" in table:
        text += f"-{_decision(table, 'end', where)}"
    try:
        return parse_event(text)
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}") from error


def _only(table: Mapping[str, object], known: tuple[str, ...], where: str) -> None:
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise SettingsError(
            f"{where} has {', '.join(unknown)}, which is not understood; known: {', '.join(known)}"
        )


def _number(table: Mapping[str, object], name: str, where: str) -> float:
    value = table.get(name, 0.0)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SettingsError(f"{where}: {name} is {value!r}, must be a number")
    return float(value)


def _decision(table: Mapping[str, object], name: str, where: str) -> int:
    value = table.get(name)
    if type(value) is not int or value < 0:
        raise SettingsError(f"{where}: {name} is {value!r}, must be a decision, counted from 0")
    return value
