"""``tracetier predict``: what the artifact expects of every task, as a Parquet file.

The artifact's own model predicts every task, also those it was trained on; `evaluate` is the
command that judges. Memory holds one part of the table at a time, and the ids of the tasks.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracetier.cli.params import ArtifactPath, JsonFlag, LamOption, TablePath, lam_of
from tracetier.errors import InputError, StorageError, TableError
from tracetier.records import Task
from tracetier.settings import load_settings

if TYPE_CHECKING:
    import pyarrow as pa

    from tracetier.artifact import Artifact
    from tracetier.cli.terminal import Tell

_BATCH_ROWS = 2_000
_ATTR = "attr_"
_NOT_COLUMNS = ("text", "attrs", "session_id")  # fields of a task that are built, or no feature


def predict(
    artifact: ArtifactPath,
    table: TablePath,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Parquet file to write.")],
    lam: LamOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Predict quality and cost of each tier, for a whole table.

    Writes one row per task: task_id, q_TIER (0 to 1) and c_TIER (USD) for each tier, and the tier
    with the largest 10 q - lambda c. Also tasks of the training table are predicted by the final
    model, which has seen them; for an honest judgement use evaluate.
    """
    from tracetier.artifact import load_artifact
    from tracetier.cli.terminal import progress, show, show_json

    settings = load_settings(overrides={"lam": lam})
    loaded = load_artifact(artifact)
    used_lam = lam_of(settings)
    used_lam = loaded.lam if used_lam is None else used_lam
    with progress() as tell:
        counts = _write(out, loaded, table, used_lam, tell)
    n_tasks = sum(counts.values())
    if as_json:
        show_json(
            {
                "out": str(out),
                "artifact_id": loaded.artifact_id,
                "lam": used_lam,
                "n_tasks": n_tasks,
                "tiers": counts,
            }
        )
    else:
        shares = ", ".join(f"{name} {n:,}" for name, n in counts.items())
        show(f"{n_tasks:,} tasks → {out}\nat lambda {used_lam:g}: {shares}")


def _write(
    out: Path, artifact: "Artifact", table: Path, lam: float, tell: "Tell"
) -> dict[str, int]:
    """Write the predictions as a whole or not at all; return the tasks per tier."""
    import pyarrow.parquet as pq

    if out.is_dir():
        raise InputError(f"--out {str(out)!r} is a folder; give a file, such as {out}/p.parquet")
    counts = dict.fromkeys(artifact.tiers.names, 0)
    partial = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    schema = _schema(artifact, lam)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(partial, schema, compression="zstd") as writer:
            for ids, tasks in _task_batches(table, tell):
                columns = _predicted(artifact, ids, tasks, lam)
                for tier in columns["tier"]:
                    counts[tier] += 1
                writer.write_table(_table(columns, schema))
        partial.replace(out)
    except OSError as error:
        told = os.strerror(error.errno) if error.errno else str(error)
        raise StorageError(
            f"cannot write {str(out)!r}: {told}; check the path, its permissions and the free space"
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink()
    return counts


def _task_batches(path: Path, tell: "Tell") -> Iterator[tuple[list[str], list[Task]]]:
    """Yield the tasks of a table, each once, in the order in which they first appear."""
    from tracetier.table import part_paths, read_table

    seen: set[str] = set()
    parts = part_paths(path)
    for place, part in enumerate(parts):
        rows = read_table(part)
        _check_has_texts(rows, path)
        n_done = 0
        for batch in rows.select(_columns(rows.column_names)).to_batches(_BATCH_ROWS):
            tell("predicting", (place + n_done / rows.num_rows) / len(parts))
            n_done += batch.num_rows
            fresh = list(_unseen(batch.to_pylist(), seen))
            if fresh:
                yield [row["task_id"] for row in fresh], [_task(row) for row in fresh]


def _check_has_texts(rows: "pa.Table", path: Path) -> None:
    import pyarrow.compute as pc

    is_withheld = pc.and_(rows["task_text_hash"].is_valid(), pc.equal(rows["task_text"], ""))
    if pc.any(is_withheld).as_py():
        raise TableError(
            f"table {str(path)!r} withholds texts of its tasks, and a prediction needs them; "
            "ingest the logs without --no-text"
        )


def _unseen(rows: list[dict[str, Any]], seen: set[str]) -> Iterator[dict[str, Any]]:
    for row in rows:
        if row["task_id"] not in seen:
            seen.add(row["task_id"])
            yield row


def _columns(names: Sequence[str]) -> list[str]:
    wanted = {"task_id", "task_text", *Task.__struct_fields__} - set(_NOT_COLUMNS)
    return [name for name in names if name in wanted or name.startswith(_ATTR)]


def _task(row: dict[str, Any]) -> Task:  # Any: the cells of a table
    fields = {name: row[name] for name in Task.__struct_fields__ if name not in _NOT_COLUMNS}
    attrs = {
        name.removeprefix(_ATTR): value
        for name, value in row.items()
        if name.startswith(_ATTR) and value is not None
    }
    return Task(text=row["task_text"] or "", attrs=attrs or None, **fields)


def _predicted(
    artifact: "Artifact", ids: list[str], tasks: list[Task], lam: float
) -> dict[str, list[Any]]:
    import numpy as np

    from tracetier.measures.frontier import choose_tiers

    names = artifact.tiers.names
    found = [artifact.predictor.predict(task) for task in tasks]
    quality = np.array([each.quality for each in found])
    cost_usd = np.array([each.cost_usd for each in found])
    chosen = choose_tiers(quality, np.array([each.cost for each in found]), lam)
    return {
        "task_id": ids,
        **{f"q_{name}": quality[:, k].tolist() for k, name in enumerate(names)},
        **{f"c_{name}": cost_usd[:, k].tolist() for k, name in enumerate(names)},
        "tier": [names[k] for k in chosen],
    }


def _schema(artifact: "Artifact", lam: float) -> "pa.Schema":
    import pyarrow as pa

    def number(name: str, unit: str) -> "pa.Field":
        return pa.field(name, pa.float64(), metadata={"unit": unit})

    names = artifact.tiers.names
    return pa.schema(
        [
            pa.field("task_id", pa.string()),
            *(number(f"q_{name}", "[0, 1]") for name in names),
            *(number(f"c_{name}", "USD") for name in names),
            pa.field("tier", pa.string()),
        ],
        metadata={"tracetier.artifact_id": artifact.artifact_id, "tracetier.lam": repr(lam)},
    )


def _table(columns: dict[str, list[Any]], schema: "pa.Schema") -> "pa.Table":
    import pyarrow as pa

    return pa.table(columns, schema=schema)
