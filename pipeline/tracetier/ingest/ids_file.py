"""What each file of a run names, kept beside the table so that the next run need not ask again."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tracetier.ingest.spread import FileIds
from tracetier.table import IDS_NAME
from tracetier.table.arrays import array_of, array_of_numbers


def write_ids(place: Path, every: Mapping[str, FileIds]) -> None:
    """Write the names of some files, by what the table calls the file.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    files, keys, lone = [], [], []
    for number, ids in enumerate(every.values()):
        for found, is_lone in ((ids.groups, False), (ids.lone, True)):
            files.append(np.full(len(found), number, np.int32))
            keys.append(found)
            lone.append(np.full(len(found), is_lone))
    table = pa.table(
        {
            "file": pa.DictionaryArray.from_arrays(
                array_of_numbers(np.concatenate([*files, np.zeros(0, np.int32)])),
                array_of(list(every), "string"),
            ),
            "key": array_of_numbers(np.concatenate([*keys, np.zeros(0, np.int64)])),
            "is_lone": array_of_numbers(np.concatenate([*lone, np.zeros(0, np.bool_)])),
        }
    )
    pq.write_table(table, place / IDS_NAME, compression="zstd", use_dictionary=["file"])


def read_ids(place: Path) -> dict[str, FileIds]:
    """Return the names of each file that has any; nothing where they were not kept, or are damaged.

    A file that names nothing is not among them, and is asked again.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(place / IDS_NAME).read()
        files = table["file"].cast(pa.string()).combine_chunks().dictionary_encode()
        keys, lone = table["key"].to_numpy(), table["is_lone"].to_numpy()
    except (OSError, pa.ArrowException, KeyError):
        return {}
    of_row = files.indices.to_numpy()  # written file by file
    starts = np.searchsorted(of_row, np.arange(len(files.dictionary) + 1))
    found = {}
    for i, name in enumerate(files.dictionary.to_pylist()):
        own = slice(starts[i], starts[i + 1])
        found[name] = FileIds(
            groups=np.sort(keys[own][~lone[own]]), lone=np.sort(keys[own][lone[own]])
        )
    return found
