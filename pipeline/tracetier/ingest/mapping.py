"""The user's own map: our column ← path in their record.

A map is checked before any file is opened. A column that does not exist is told with its nearest
match, and an outcome that is mapped onto a column known before the decision is refused: it would
make every figure that follows too good to be true.
"""

import json
import math
import os
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tracetier.errors import LeakageError, SettingsError
from tracetier.ingest.coerce import number
from tracetier.ingest.issue import Fault
from tracetier.table.columns import ATTR_PREFIX, COLUMNS, column_names

Step = str | int
_MAPPABLE = tuple(name for name in column_names() if not name.startswith("source_"))
_BEFORE = frozenset(column_names("before"))
_LATE = frozenset(column_names("action", "after"))
_NUMERIC = frozenset(spec.name for spec in COLUMNS if spec.dtype in ("float64", "int64"))
_OUTCOMES = frozenset(
    {
        *("accuracy", "correct", "is_correct", "quality", "reward", "score", "success", "verdict"),
        *("evaluation_result", "judge", "label", "usage", "prompt_tokens", "input_tokens"),
        *("completion_tokens", "output_tokens", "total_tokens", "cost", "cost_usd", "total_cost"),
        *("spend", "duration", "duration_ms", "latency", "latency_s", "best_arm", "best_reward"),
        *("worst_reward", "reward_spread", "near_best", "difficulty", "oracle_model_to_route_to"),
        *("expected_output", "ground_truth", "target"),
    }
)
"""Names that hold an outcome, or are computed from one, in the logs that we know."""


class Cell(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the values of one column come from.

    Parameters
    ----------
    path : str or list, optional
        Keys and list positions, parted by dots; a list where a key itself holds a dot that is
        ambiguous.
    const : optional
        The same value for every record.
    range : pair of float, optional
        The values of the record that are worst and best; they become 0 and 1.
    scale : float, optional
        Factor to our unit, such as 0.01 for cents.
    known_before : bool
        States that the value really is known before the decision, although its name is that of an
        outcome.
    """

    path: str | list[Step] | None = None
    const: str | float | bool | list[str] | None = None
    range: tuple[float, float] | None = None
    scale: float | None = None
    known_before: bool = False

    @property
    def steps(self) -> tuple[Step, ...]:
        """The path, taken apart."""
        if self.path is None:
            return ()
        return tuple(self.path.split(".") if isinstance(self.path, str) else self.path)

    @property
    def dotted(self) -> str:
        """The path as one text, for comparison and messages."""
        return ".".join(map(str, self.steps))

    def value(self, record: object) -> object:
        """Return the value in our unit, ``None`` where the record has none.

        Raises
        ------
        Fault
            If a value that is to be scaled is no number.
        """
        found = self.const if self.path is None else look_up(record, self.steps)
        if found is None or (self.range is None and self.scale is None):
            return found
        raw = float(found) if isinstance(found, bool) else number(found)
        if self.range is not None:
            worst, best = self.range
            return (raw - worst) / (best - worst)
        return raw * (1.0 if self.scale is None else self.scale)


class ColumnMap(Struct, frozen=True):
    """A checked map from columns of the table, ``attr_*`` included, to places in a record."""

    cells: dict[str, Cell]


def read_mapping(source: str | os.PathLike[str] | Mapping[str, object]) -> ColumnMap:
    """Read and check a map.

    Parameters
    ----------
    source : path or mapping
        A TOML or JSON file (by its suffix), or its content: for each column a dotted path, or the
        fields of a `Cell`.

    Raises
    ------
    SettingsError
        If the file cannot be read, a column or option is unknown, or the map is too thin.
    LeakageError
        If a column that is known before the decision is given an outcome.

    Examples
    --------
    >>> mapping = read_mapping({"task_text": "input.0.content", "model": "response.model"})
    >>> mapping.cells["task_text"].value({"input": [{"content": "Add 2 and 2"}]})
    'Add 2 and 2'
    >>> read_mapping({"task_txt": "input"})
    Traceback (most recent call last):
    tracetier.errors.SettingsError: the map has an unknown column 'task_txt'; did you mean ...
    """
    content: object = source
    where = "the map"
    if isinstance(source, str | os.PathLike):
        where, content = f"map {str(source)!r}", _read_file(Path(source))
    if not isinstance(content, Mapping):
        raise SettingsError(f"{where} holds a {type(content).__name__}, expected column = path")
    cells = {name: _cell(name, given, where) for name, given in content.items()}
    _check_enough(cells, where)
    _check_leaks(cells, where)
    return ColumnMap(cells)


def look_up(record: object, steps: tuple[Step, ...]) -> object:
    """Return what stands at a path, ``None`` where nothing does.

    Keys that hold dots themselves (``gen_ai.request.model``) are found as well as nested ones.

    Examples
    --------
    >>> look_up({"usage.tokens": {"in": [5, 6]}}, ("usage", "tokens", "in", "-1"))
    6
    """
    if not steps:
        return record
    if isinstance(record, Mapping):
        for n in range(1, len(steps) + 1):
            key = ".".join(map(str, steps[:n]))
            if key in record and (found := look_up(record[key], steps[n:])) is not None:
                return found
    elif isinstance(record, list) and _is_position(steps[0]):
        place = int(steps[0])
        if -len(record) <= place < len(record):
            return look_up(record[place], steps[1:])
    return None


def _is_position(step: Step) -> bool:
    return isinstance(step, int) or step.removeprefix("-").isdecimal()


def _read_file(path: Path) -> object:
    try:
        content = path.read_text(encoding="utf-8")
        return json.loads(content) if path.suffix == ".json" else tomllib.loads(content)
    except OSError as error:
        raise SettingsError(
            f"map {str(path)!r} cannot be read: {error.strerror}; give an existing TOML or JSON "
            "file"
        ) from error
    except ValueError as error:  # not UTF-8, or neither TOML nor JSON: the text names the place
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise SettingsError(f"map {str(path)!r} is not {kind}: {error}") from error


def _cell(name: str, given: object, where: str) -> Cell:
    if name not in _MAPPABLE and not (name.startswith(ATTR_PREFIX) and name != ATTR_PREFIX):
        near = get_close_matches(name, _MAPPABLE, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise SettingsError(
            f"{where} has an unknown column {name!r}; {hint}Known are attr_* and "
            f"{', '.join(_MAPPABLE)}"
        )
    if isinstance(given, str | list):
        given = {"path": given}
    if isinstance(given, Mapping):
        for option in given:
            if option not in Cell.__struct_fields__:
                near = get_close_matches(str(option), Cell.__struct_fields__, n=1)
                hint = f"did you mean {near[0]!r}?" if near else _options()
                raise SettingsError(f"{where}: {name} has an unknown option {option!r}; {hint}")
    try:
        cell = msgspec.convert(given, Cell)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{where}: {name} is {given!r}: {error}; {_options()}") from error
    _check_cell(name, cell, where)
    return cell


def _options() -> str:
    return 'write "a.path", or {path = "a.path"} with range, scale or known_before, or {const = 1}'


def _check_cell(name: str, cell: Cell, where: str) -> None:
    fault = None
    if (cell.path is None) == (cell.const is None):
        fault = "needs either path or const"
    elif cell.path is not None and not all(step != "" for step in cell.steps):
        fault = f"has the path {cell.path!r}, with an empty step"
    elif cell.range is not None and cell.scale is not None:
        fault = "has both range and scale"
    elif cell.range is not None and not 0 < abs(cell.range[1] - cell.range[0]) < math.inf:
        fault = f"has the range {list(cell.range)}, must be two different finite numbers"
    elif cell.scale is not None and not 0 < abs(cell.scale) < math.inf:
        fault = f"has the scale {cell.scale}, must be finite and not 0"
    elif cell.range is not None and name != "y_quality":
        fault = "has a range, which only y_quality can have"
    elif cell.scale is not None and name not in _NUMERIC:
        fault = "has a scale, but is no number"
    if fault:
        raise SettingsError(f"{where}: {name} {fault}; {_options()}")


def _check_enough(cells: Mapping[str, Cell], where: str) -> None:
    if not {"model", "tier"} & set(cells):
        raise SettingsError(f"{where} has neither model nor tier; map at least one of them")
    if not {"task_id", "task_text"} & set(cells):
        raise SettingsError(f"{where} has neither task_id nor task_text; map at least one of them")


def _check_leaks(cells: Mapping[str, Cell], where: str) -> None:
    late = {cell.dotted: name for name, cell in cells.items() if name in _LATE and cell.steps}
    for name, cell in _before(cells):
        path = cell.dotted
        if path in late:
            raise LeakageError(
                f"{where}: {path!r} is mapped to {name}, known before the decision, and to "
                f"{late[path]}, which is not; keep only one of them"
            )
        keys = [key for key in path.split(".") if not _is_position(key)]
        told = keys[-1].lower() if keys else ""
        if not cell.known_before and (told in _OUTCOMES or told.startswith("y_")):
            raise LeakageError(
                f"{where}: {name} is known before the decision, but {path!r} has the name of an "
                f"outcome; map it to a y_* column, or state known_before = true beside the path"
            )


def _before(cells: Mapping[str, Cell]) -> Iterator[tuple[str, Cell]]:
    for name, cell in cells.items():
        if cell.path is not None and (name in _BEFORE or name.startswith(ATTR_PREFIX)):
            yield name, cell


def columns_of(mapping: ColumnMap, record: object) -> dict[str, Any]:
    """Return our columns of one record, as raw values.

    Raises
    ------
    Fault
        If a value that is to be scaled is no number.
    """
    found: dict[str, Any] = {}
    for name, cell in mapping.cells.items():
        try:
            found[name] = cell.value(record)
        except Fault as fault:
            raise Fault(
                fault.reason, f"{name} must be {fault}", pointer=name, value=fault.value
            ) from None
    return found
