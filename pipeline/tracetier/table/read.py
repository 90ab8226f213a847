"""Opening a feature table: every claim it makes is checked before a row is handed out."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from tracetier.errors import TableError
from tracetier.records import SCHEMA_VERSION
from tracetier.table.columns import (
    ATTR_PREFIX,
    COLUMNS,
    FEATURES_KEY,
    TIERS_KEY,
    VERSION_KEY,
    X_PREFIX,
    arrow_schema,
    arrow_type,
)
from tracetier.tiers import order_by_cost

if TYPE_CHECKING:
    import pyarrow as pa

PathLike = str | os.PathLike[str]
INFO_NAME, ISSUES_NAME, SUMMARY_NAME = "_table.json", "issues.parquet", "summary.json"
IDS_NAME = "ids.parquet"
SUMMARY_KEY = "tracetier.summary"
PART_GLOB = "part-*.parquet"
_REQUIRED = ("trace_id", "task_id", "tier")


class PartInfo(Struct, frozen=True):
    """One Parquet file of a table."""

    name: str
    n_rows: int
    sha256: str


class TableInfo(Struct, frozen=True, kw_only=True):
    """What ``_table.json`` says of a table.

    ``tiers`` are ordered cheap to dear, empty where neither a declaration nor the costs tell;
    ``attrs`` gives the type of each ``attr_*`` column. Without ``has_text`` texts of tasks are
    withheld, and only their hashes and features are there.
    """

    schema_version: int
    tiers: tuple[str, ...] = ()
    n_rows: int = 0
    parts: tuple[PartInfo, ...] = ()
    attrs: dict[str, str] = {}
    feature_fingerprint: str | None = None
    has_text: bool = True


def is_table(path: PathLike) -> bool:
    """Whether a path is a directory that holds a feature table."""
    return (Path(path) / INFO_NAME).is_file()


def read_info(path: PathLike) -> TableInfo:
    """Return the facts that stand in a table's ``_table.json``.

    Raises
    ------
    TableError
        If there is no table, or its facts are damaged or of a future version.
    """
    place = Path(path) / INFO_NAME
    try:
        info = msgspec.json.decode(place.read_bytes(), type=TableInfo)
    except (FileNotFoundError, NotADirectoryError):
        raise TableError(
            f"{str(path)!r} is not a feature table (no {INFO_NAME} in it); "
            "make one with `tracetier ingest LOGS --out DIR`"
        ) from None
    except (msgspec.DecodeError, OSError) as error:
        raise TableError(
            f"{str(place)!r} cannot be read: {error}; ingest the logs again"
        ) from error
    _check_version(info.schema_version, path)
    return info


def part_paths(path: PathLike) -> tuple[Path, ...]:
    """Return the Parquet files of a table in order: of a directory, or the one file itself.

    Raises
    ------
    TableError
        If there is nothing, or the files are not those that ``_table.json`` names.
    """
    place = Path(path)
    if place.is_file():
        return (place,)
    found = tuple(sorted(place.glob(PART_GLOB)))
    if not found or is_table(place):
        named = {part.name for part in read_info(place).parts}
        odd = sorted(named.symmetric_difference(part.name for part in found))
        if odd:
            what = "is missing" if odd[0] in named else f"is not named in its {INFO_NAME}"
            raise TableError(
                f"table {str(place)!r}: {odd[0]} {what} ({len(odd)} such files); "
                "copy the whole directory again, or ingest the logs again"
            )
    return found


def read_table(path: PathLike) -> "pa.Table":
    """Read a whole feature table into memory.

    Parameters
    ----------
    path : path
        A directory written by `TableWriter`, a directory of its parts, or one of its files.

    Returns
    -------
    pa.Table
        All of `COLUMNS`, then the ``attr_*`` and ``x_*`` columns, in the order of `arrow_schema`.
        Columns that an older version did not know are null. The schema's metadata holds
        ``tracetier.schema_version`` and, where known, ``tracetier.tiers``.

    Raises
    ------
    TableError
        If there is no table, a file is missing or damaged, the version is a future one, or a
        column is of the wrong type, missing without need, or unknown.
    """
    import pyarrow as pa

    parts = [_read_part(part) for part in part_paths(path)]
    facts = _facts(path, parts)
    attrs, x_columns = _extra_columns(parts)
    schema = arrow_schema(
        attrs, x_columns, tiers=facts.tiers, feature_fingerprint=facts.feature_fingerprint
    )
    aligned = [align(part, schema) for part in parts]
    return pa.concat_tables(aligned) if aligned else schema.empty_table()


def read_tiers(path: PathLike) -> tuple[str, ...]:
    """Return the tiers of a table, cheap to dear.

    As the table states them; else those that occur, ordered by their mean cost.

    Raises
    ------
    TableError
        If there is no table.
    TierError
        If the table states no order and the cost of a tier is unknown.
    """
    if is_table(path) and (stated := read_info(path).tiers):
        return stated
    table = read_table(path)
    if (written := (table.schema.metadata or {}).get(TIERS_KEY)) is not None:
        return msgspec.json.decode(written, type=tuple[str, ...])
    means = (
        table.select(["tier", "y_cost_usd"]).group_by("tier").aggregate([("y_cost_usd", "mean")])
    )
    cost = dict(zip(means["tier"].to_pylist(), means["y_cost_usd_mean"].to_pylist(), strict=True))
    return order_by_cost(cost, {tier: mean for tier, mean in cost.items() if mean is not None})


def table_fingerprint(path: PathLike) -> str:
    """Return a SHA-256, in hex, of all the bytes of a table's parts, in their order.

    Raises
    ------
    TableError
        If there is no table, or a file of it is missing.
    """
    whole = hashlib.sha256()
    for part in part_paths(path):
        whole.update(bytes.fromhex(file_sha256(part)))
    return whole.hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_version(version: int, path: PathLike) -> None:
    if not 1 <= version <= SCHEMA_VERSION:
        raise TableError(
            f"table {str(path)!r} has schema version {version}, this program reads up to "
            f"{SCHEMA_VERSION}; use a newer tracetier, or ingest the logs again with this one"
        )


def _read_part(path: Path) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Opened by us: a part that vanishes must not be taken for a directory or a URI.
        with path.open("rb") as file:
            table = pq.ParquetFile(file).read()
    except (OSError, pa.ArrowException) as error:
        raise TableError(
            f"{str(path)!r} cannot be read as Parquet: {error}; ingest the logs again"
        ) from error
    written = (table.schema.metadata or {}).get(VERSION_KEY)
    if written is None or not written.isdigit():
        raise TableError(
            f"{str(path)!r} is Parquet but no feature table (no {VERSION_KEY.decode()} in its "
            "metadata); turn it into one with `tracetier ingest FILE --out DIR`"
        )
    _check_version(int(written), path)
    _check_columns(table, path)
    return table


def _check_columns(table: "pa.Table", path: Path) -> None:
    known = {spec.name for spec in COLUMNS}
    for name in table.column_names:
        if name not in known and not name.startswith((ATTR_PREFIX, X_PREFIX)):
            raise TableError(
                f"column {name!r} of {str(path)!r} is none of the table's; call it "
                f"{ATTR_PREFIX + name} if it is known before the decision, else leave it out"
            )
    if missing := [name for name in _REQUIRED if name not in table.column_names]:
        raise TableError(f"{str(path)!r} has no column {missing[0]!r}; ingest the logs again")
    for spec in COLUMNS:
        if spec.name in table.column_names:
            got, expected = table.schema.field(spec.name).type, arrow_type(spec.dtype)
            if not got.equals(expected):
                raise TableError(
                    f"column {spec.name!r} of {str(path)!r} is {got}, must be {expected}; "
                    "cast it, or ingest the logs again"
                )


def _facts(path: PathLike, parts: Sequence["pa.Table"]) -> TableInfo:
    """Return the facts of ``_table.json``, or where there is none, those in the first part."""
    if is_table(path):
        return read_info(path)
    metadata = (parts[0].schema.metadata or {}) if parts else {}
    fingerprint = metadata.get(FEATURES_KEY)
    return TableInfo(
        schema_version=SCHEMA_VERSION,
        tiers=msgspec.json.decode(metadata.get(TIERS_KEY, b"[]"), type=tuple[str, ...]),
        feature_fingerprint=fingerprint.decode() if fingerprint else None,
    )


def _extra_columns(parts: Sequence["pa.Table"]) -> tuple[dict[str, "pa.DataType"], list[str]]:
    """Return the types of the ``attr_*`` columns and the names of the ``x_*`` ones of all parts."""
    attrs: dict[str, pa.DataType] = {}
    x_columns: dict[str, None] = {}
    for part in parts:
        for field in part.schema:
            if field.name.startswith(X_PREFIX):
                x_columns[field.name] = None
            elif (
                field.name.startswith(ATTR_PREFIX)
                and attrs.setdefault(field.name, field.type) != field.type
            ):
                raise TableError(
                    f"column {field.name!r} is {attrs[field.name]} in one part and {field.type} in "
                    "another; ingest the logs again"
                )
    return attrs, list(x_columns)


def align(part: "pa.Table", schema: "pa.Schema") -> "pa.Table":
    """Return a table with the columns of a schema, null where it has no such column."""
    import pyarrow as pa

    known = dict(zip(part.column_names, part.columns, strict=True))
    columns = [
        _cast(known[field.name], field.type)
        if field.name in known
        else pa.nulls(len(part), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _cast(column: "pa.ChunkedArray", kind: "pa.DataType") -> "pa.ChunkedArray":
    """Return a column of a type; most are of it, and Arrow would import much to see that."""
    return column if column.type == kind else column.cast(kind)
