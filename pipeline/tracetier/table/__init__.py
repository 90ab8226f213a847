"""The feature table: Parquet parts in a directory, one row per invocation.

``columns`` says what its columns are, ``write`` makes a table, ``read`` audits and opens one. Arrow
is imported only where a table is really read or written: who asks for the columns stays light.
"""

from tracetier.table.columns import (
    ATTR_PREFIX,
    COLUMNS,
    X_PREFIX,
    ColumnSpec,
    arrow_schema,
    attr_type,
    column_names,
)
from tracetier.table.read import (
    IDS_NAME,
    ISSUES_NAME,
    SUMMARY_NAME,
    PartInfo,
    TableInfo,
    is_table,
    part_paths,
    read_info,
    read_table,
    read_tiers,
    table_fingerprint,
)
from tracetier.table.write import TableWriter

__all__ = [
    "ATTR_PREFIX",
    "COLUMNS",
    "IDS_NAME",
    "ISSUES_NAME",
    "SUMMARY_NAME",
    "X_PREFIX",
    "ColumnSpec",
    "PartInfo",
    "TableInfo",
    "TableWriter",
    "arrow_schema",
    "attr_type",
    "column_names",
    "is_table",
    "part_paths",
    "read_info",
    "read_table",
    "read_tiers",
    "table_fingerprint",
]
