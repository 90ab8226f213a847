"""The log's table and that of earlier traces, as one table to train on.

Rows are taken as they are, since features of texts that are withheld cannot be extracted again. A
decision that both tables tell of is taken from the log, where its feedback is newer.
"""

from pathlib import Path

from tracetier.errors import TableError
from tracetier.features.extract import X_COLUMNS
from tracetier.features.spec import fingerprint
from tracetier.table import TableWriter, read_info, read_table
from tracetier.tiers import TierSet


def join_tables(log: Path, earlier: Path, out: Path, tiers: TierSet) -> Path:
    """Write one table of both, and return where it is.

    Parameters
    ----------
    log, earlier : Path
        Feature tables.
    out : Path
        Where the new one goes; a table that is there is replaced.
    tiers : TierSet

    Raises
    ------
    TableError
        If one of them cannot be used beside the other.
    StorageError
        If the disk refuses.
    """
    _check_features(earlier)
    ours, theirs = read_table(log), read_table(earlier)
    told = set(ours["trace_id"].to_pylist())
    theirs = theirs.filter([trace not in told for trace in theirs["trace_id"].to_pylist()])
    writer = TableWriter(
        out, x_columns=X_COLUMNS, tiers=tiers.names, feature_fingerprint=fingerprint()
    )
    with writer:
        for table in (theirs, ours):
            writer.write_table(table)
    return out


def _check_features(table: Path) -> None:
    info = read_info(table)
    if not info.has_text and info.feature_fingerprint != fingerprint():
        raise TableError(
            f"table {str(table)!r} withholds texts, and their features were extracted by "
            f"{info.feature_fingerprint}, this version is {fingerprint()}; ingest its logs again"
        )
