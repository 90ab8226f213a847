"""The whole stage: every record becomes a row, an issue or a known duplicate."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from tracetier.errors import FormatError, InputError, RecordError, StorageError, TableError
from tracetier.features.extract import X_COLUMNS, extract_row
from tracetier.features.spec import fingerprint
from tracetier.ingest import read
from tracetier.ingest.run import ingest
from tracetier.records import Task
from tracetier.settings import Settings
from tracetier.table import is_table, read_info, read_table
from tracetier.tiers import Tier, TierSet

Write = Callable[..., Path]
Outcome = Callable[..., dict[str, Any]]
IssuesOf = Callable[[Path], list[dict[str, Any]]]

TIERS = TierSet((Tier(name="low", models=("model-s",)), Tier(name="high", models=("model-l",))))


def _bad_lines(outcome: Outcome) -> list[tuple[object, str]]:
    return [
        (b"not json", "not_json"),
        (b'{"trace_id": "x", "task_id": "y", "prompt": "z", "cost_usd": NaN}', "not_finite"),
        (outcome(100, cost_usd=-1), "out_of_range"),
        (outcome(101, quality=11), "out_of_range"),
        (outcome(102, timestamp="noon"), "bad_value"),
        (outcome(103, task_id=None), "missing"),
        (outcome(104, propensity=0), "out_of_range"),
        (outcome(105, tier=None, model=None), "missing"),
        (outcome(0, quality=1), "duplicate"),
    ]


def test_records_are_rows_or_rejected_or_duplicates(
    tmp_path: Path, write_lines: Write, outcome: Outcome, issues_of: IssuesOf
) -> None:
    """Good and bad lines in turn; the counts add up to the lines of the file."""
    bad = _bad_lines(outcome)
    lines: list[object] = [outcome(0)]
    for i, (line, _) in enumerate(bad, start=1):
        lines += [line, outcome(i)]
    summary = ingest(write_lines(lines), tmp_path / "t")

    assert summary.n_records == len(lines) == summary.n_rows + len(bad)
    assert (summary.n_rejected, summary.n_duplicates) == (len(bad) - 1, 1)
    table = read_table(tmp_path / "t")
    assert table["trace_id"].to_pylist() == [f"{i:016x}" for i in range(len(bad) + 1)]
    found = sorted((issue["line"], issue["reason"]) for issue in issues_of(tmp_path / "t"))
    assert found == [(2 * i, reason) for i, (_, reason) in enumerate(bad, start=1)]
    assert sum(summary.issues.values()) == len(bad)


def test_no_issue_holds_a_task_s_text(
    tmp_path: Path, write_lines: Write, outcome: Outcome, issues_of: IssuesOf
) -> None:
    """Whatever is wrong with its line."""
    secret = "my-secret-prompt " * 10
    lines = [
        outcome(0),
        json.dumps(outcome(1, prompt=secret)).encode()[:-20],
        outcome(2, prompt=secret, quality=99),
        outcome(3, prompt=[secret]),
        outcome(4, prompt=secret, tools=secret),
        outcome(5, prompt=secret, task_id=None),
        outcome(6, prompt=secret, cost_usd=secret),
        outcome(0, prompt=secret),
    ]
    ingest(write_lines(lines), tmp_path / "t")
    found = issues_of(tmp_path / "t")

    assert len(found) >= 6
    assert "my-secret" not in json.dumps(found)
    assert all(len(issue["value"]) <= 80 for issue in found)


@pytest.mark.parametrize("n_good", [0, 1], ids=["first line", "second line"])
@pytest.mark.parametrize("place", range(9))
def test_strict_stops_at_the_first_issue(
    n_good: int, place: int, tmp_path: Path, write_lines: Write, outcome: Outcome
) -> None:
    """With file and line; nothing is written."""
    bad = _bad_lines(outcome)[place][0]
    good = [outcome(0)] * n_good
    if place == 8:  # a duplicate needs something before it
        good = [outcome(0)]
    path = write_lines([*good, bad, b"not json either", outcome(9)])

    with pytest.raises(RecordError, match=rf"log\.jsonl:{len(good) + 1}: "):
        ingest(path, tmp_path / "t", strict=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["log.jsonl"]


def test_strict_takes_what_is_good(tmp_path: Path, write_lines: Write, outcome: Outcome) -> None:
    """It is no stricter than the rules."""
    summary = ingest(write_lines(map(outcome, range(3))), tmp_path / "t", strict=True)

    assert (summary.n_rows, summary.issues) == (3, {})


def test_duplicates_are_found_across_batches_and_files(
    tmp_path: Path,
    write_lines: Write,
    outcome: Outcome,
    monkeypatch: pytest.MonkeyPatch,
    issues_of: IssuesOf,
) -> None:
    """The first one stays, and each file's own count tells of the others."""
    monkeypatch.setattr(read, "BATCH_ROWS", 3)
    first = write_lines(map(outcome, [0, 1, 2, 3, 4, 1]), "a.jsonl")
    second = write_lines(map(outcome, [4, 5, 0, 5]), "b.jsonl")
    summary = ingest([first, second], tmp_path / "t")

    assert read_table(tmp_path / "t")["trace_id"].to_pylist() == [f"{i:016x}" for i in range(6)]
    assert [(file.n_rows, file.n_duplicates) for file in summary.files] == [(5, 1), (1, 3)]
    found = issues_of(tmp_path / "t")
    assert [(Path(issue["file"]).name, issue["line"]) for issue in found] == [
        ("a.jsonl", 6),
        ("b.jsonl", 1),
        ("b.jsonl", 3),
        ("b.jsonl", 4),
    ]


def test_a_cut_gzip_gives_its_good_rows_and_an_issue(
    tmp_path: Path, write_lines: Write, outcome: Outcome, issues_of: IssuesOf
) -> None:
    """The file is still being copied."""
    path = write_lines(map(outcome, range(2000)), "a.jsonl.gz")
    path.write_bytes(path.read_bytes()[:-400])
    summary = ingest(path, tmp_path / "t")

    assert 0 < summary.n_rows < 2000
    assert summary.issues == {"not_json": 1, "damaged": 1}
    assert summary.n_records == summary.n_rows + 1
    assert "gzip stream ends early" in issues_of(tmp_path / "t")[-1]["message"]


def test_declared_tiers_refuse_others(
    tmp_path: Path, write_lines: Write, outcome: Outcome, issues_of: IssuesOf
) -> None:
    """As an issue that names the declared ones; the order is the declared one."""
    lines = [outcome(0), outcome(1, tier="huge", model="model-x"), outcome(2, model="model-l")]
    path = write_lines(lines)
    ways: dict[str, Any] = {
        "a": {"tiers": TIERS},
        "b": {"settings": Settings(tiers=TIERS.tiers)},
    }
    for name, given in ways.items():
        summary = ingest(path, tmp_path / name, **given)
        assert read_table(tmp_path / name)["tier"].to_pylist() == ["low", "high"]
        assert read_info(tmp_path / name).tiers == ("low", "high")
        assert (summary.tier_order, summary.issues) == ("declared", {"undeclared_tier": 1})
        (issue,) = issues_of(tmp_path / name)
        assert (issue["line"], issue["value"]) == (2, "'huge'")
        assert "none of the declared low, high" in issue["message"]


def test_tiers_are_ordered_by_cost_where_none_are_declared(
    tmp_path: Path, write_lines: Write, outcome: Outcome
) -> None:
    """Known only when all is read, and stated in the table."""
    costs = {"a": 0.3, "b": 0.1, "c": 0.2}
    lines = [outcome(i, tier=tier, cost_usd=cost) for i, (tier, cost) in enumerate(costs.items())]
    ingest(write_lines(lines), tmp_path / "t")

    assert read_info(tmp_path / "t").tiers == ("b", "c", "a")


def test_tiers_without_cost_have_no_order(
    tmp_path: Path, write_lines: Write, outcome: Outcome
) -> None:
    """The rows are kept all the same."""
    lines = [outcome(0), outcome(1, tier="b", model="x", cost_usd=None, prompt_tokens=None)]
    summary = ingest(write_lines(lines), tmp_path / "t")

    assert (summary.n_rows, summary.tier_order) == (2, "unknown")
    assert read_info(tmp_path / "t").tiers == ()


def test_a_map_makes_every_file_readable(tmp_path: Path, write_lines: Write) -> None:
    """Without a word on the format."""
    path = write_lines([{"q": "Hi", "llm": "gpt-5", "ok": True}])
    mapping = {"task_text": "q", "model": "llm", "y_quality": {"path": "ok", "range": [0, 1]}}
    summary = ingest(path, tmp_path / "t", mapping=mapping)

    assert summary.files[0].format == "mapped"
    assert read_table(tmp_path / "t").select(["tier", "y_quality"]).to_pylist() == [
        {"tier": "gpt-5", "y_quality": 1.0}
    ]


def test_features_are_those_of_a_live_task(
    tmp_path: Path, write_lines: Write, outcome: Outcome
) -> None:
    """The same extractor, the same numbers, and its fingerprint in the table."""
    ingest(write_lines([outcome(0, tools=["bash"])]), tmp_path / "t")
    (row,) = read_table(tmp_path / "t").to_pylist()
    live = extract_row(Task(text="What is 0 + 0?", task_type="qa", tools=["bash"], n_tools=1))

    assert [row[name] for name in X_COLUMNS] == [
        None if value != value else value for value in live.tolist()
    ]
    assert read_info(tmp_path / "t").feature_fingerprint == fingerprint()


def test_attributes_keep_the_type_of_their_first_value(
    tmp_path: Path, write_lines: Write, issues_of: IssuesOf
) -> None:
    """A row with another type is rejected, not the run."""
    base = {"task_id": "k", "tier": "low", "task_text": "a"}
    lines = [
        base | {"trace_id": "0", "attr_n": 1},
        base | {"trace_id": "1", "attr_n": "one"},
        base | {"trace_id": "2", "attr_n": 2, "attr_s": "x"},
    ]
    summary = ingest(write_lines(lines), tmp_path / "t")

    table = read_table(tmp_path / "t")
    assert table["attr_n"].to_pylist() == [1.0, 2.0]
    assert table["attr_s"].to_pylist() == [None, "x"]
    assert summary.issues == {"attr_type": 1}
    (issue,) = issues_of(tmp_path / "t")
    assert (issue["line"], issue["pointer"]) == (2, "attr_n")


@pytest.mark.parametrize("strict", [False, True])
def test_a_named_file_in_no_known_format_is_an_error(
    tmp_path: Path, write_lines: Write, outcome: Outcome, strict: bool
) -> None:
    """The user meant it to be read."""
    good, stray = write_lines([outcome(0)]), write_lines([{"a": 1}], "stray.jsonl")

    with pytest.raises(FormatError, match=r"stray\.jsonl' is in no known format"):
        ingest([good, stray], tmp_path / "t", strict=strict)
    assert not is_table(tmp_path / "t")


def test_a_stray_file_in_a_folder_is_an_issue(
    tmp_path: Path, write_lines: Write, outcome: Outcome, issues_of: IssuesOf
) -> None:
    """Folders hold a README, an empty log, a pickle."""
    write_lines([outcome(0)], "logs/a.jsonl")
    for name, content in (("b.md", b"# Read me\n"), ("c.jsonl", b""), ("d.pkl", b"\x80\x04\x95")):
        (tmp_path / "logs" / name).write_bytes(content)
    summary = ingest(tmp_path / "logs", tmp_path / "t")

    assert [file.format for file in summary.files] == ["outcomes", None, None, None]
    assert summary.n_records == summary.n_rows == 1
    assert [issue["reason"] for issue in issues_of(tmp_path / "t")] == [
        "unknown_format",
        "empty",
        "unknown_format",
    ]
    assert all(issue["line"] is None for issue in issues_of(tmp_path / "t"))
    with pytest.raises(FormatError):
        ingest(tmp_path / "logs", tmp_path / "s", strict=True)


def test_a_pickle_is_never_unpickled(tmp_path: Path) -> None:
    """Not even to see what it is."""
    path = tmp_path / "router.pkl"
    code = (
        "import pickle, sys\n"
        "class Trap:\n"
        "    def __reduce__(self):\n"
        f"        return (open, ({str(tmp_path / 'sprung')!r}, 'w'))\n"
        "sys.stdout.buffer.write(pickle.dumps(Trap(), protocol=4))\n"
    )
    path.write_bytes(subprocess.run([sys.executable, "-c", code], capture_output=True).stdout)

    for name in (None, "outcomes", "canonical", "paretobandit"):
        with pytest.raises(FormatError, match="is a Python pickle"):
            ingest(path, tmp_path / "t", format=name)
    assert not (tmp_path / "sprung").exists()


def test_a_format_can_be_named(tmp_path: Path, write_lines: Write, outcome: Outcome) -> None:
    """For what is not recognised by itself; an unknown name is told."""
    rows = [{name: outcome(0)[name] for name in ("trace_id", "task_id", "model")}]
    path = write_lines(rows)

    assert ingest(path, tmp_path / "t", format="outcomes").n_rows == 1
    with pytest.raises(FormatError, match="unknown format 'outcome'"):
        ingest(path, tmp_path / "t", format="outcome")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([b"not json"] * 3, "no row could be read: 3 records in 1 files .not_json 3"),
        ([], "no row could be read: 0 records in 1 files .empty 1"),
    ],
)
def test_nothing_to_learn_from_is_an_error_and_keeps_the_old_table(
    tmp_path: Path, write_lines: Write, outcome: Outcome, lines: list[object], told: str
) -> None:
    """A wrong map must not wipe out yesterday's table."""
    ingest(write_lines([outcome(0)], "good.jsonl"), tmp_path / "t")

    with pytest.raises(RecordError, match=told) as caught:
        ingest(write_lines(lines), tmp_path / "t", format="outcomes")
    assert "log.jsonl" in str(caught.value)
    assert read_table(tmp_path / "t").num_rows == 1


def test_a_second_run_replaces_the_table(
    tmp_path: Path, write_lines: Write, outcome: Outcome
) -> None:
    """And the same input gives the same bytes."""
    path = write_lines(map(outcome, range(5)))
    ingest(write_lines(map(outcome, range(9)), "more.jsonl"), tmp_path / "t")
    ingest(path, tmp_path / "t")
    once = {file.name: file.read_bytes() for file in (tmp_path / "t").iterdir()}
    ingest(path, tmp_path / "t")

    assert {file.name: file.read_bytes() for file in (tmp_path / "t").iterdir()} == once
    assert set(once) == {"_table.json", "issues.parquet", "summary.json", "part-00000.parquet"}
    assert read_table(tmp_path / "t").num_rows == 5


def test_a_table_can_be_read_into_itself(
    tmp_path: Path, write_lines: Write, outcome: Outcome
) -> None:
    """To extract features anew."""
    ingest(write_lines(map(outcome, range(5))), tmp_path / "t")
    before = read_table(tmp_path / "t")
    summary = ingest(tmp_path / "t", tmp_path / "t")

    assert summary.files[0].format == "canonical"
    after = read_table(tmp_path / "t")
    own = ["source_format", "source_file"]
    assert after.drop_columns(own).equals(before.drop_columns(own))


def test_what_is_not_a_table_is_never_replaced(
    tmp_path: Path, write_lines: Write, outcome: Outcome
) -> None:
    """Told before anything is read."""
    path = write_lines([outcome(0)])

    with pytest.raises(TableError, match="not a feature table"):
        ingest(path, tmp_path)
    with pytest.raises(InputError, match="no such file"):
        ingest(tmp_path / "gone", tmp_path / "t")


def test_progress_ends_at_the_whole(tmp_path: Path, write_lines: Write, outcome: Outcome) -> None:
    """Packed and plain files, and one that is not read at all."""
    write_lines(map(outcome, range(100)), "logs/a.jsonl.gz")
    write_lines(map(outcome, range(100, 200)), "logs/b.jsonl")
    (tmp_path / "logs" / "c.md").write_text("# Read me\n")
    told: list[tuple[int, int]] = []
    ingest(tmp_path / "logs", tmp_path / "t", progress=lambda *n: told.append(n))

    n_bytes = sum(file.stat().st_size for file in (tmp_path / "logs").iterdir())
    assert told[-1] == (n_bytes, n_bytes)
    assert told == sorted(told)


def test_a_full_disk_leaves_the_old_table(
    tmp_path: Path, write_lines: Write, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While rows are written, and while issues are."""
    ingest(write_lines([outcome(0)]), tmp_path / "t")
    more = write_lines([*map(outcome, range(9)), b"not json"], "more.jsonl")
    write_table = pq.ParquetWriter.write_table

    for victim in ("part-", "issues"):

        def refuse(self: Any, table: Any, *rest: Any, victim: str = victim) -> None:
            if victim in str(self.where):
                raise OSError(28, "Error writing bytes to file")
            write_table(self, table, *rest)

        monkeypatch.setattr(pq.ParquetWriter, "write_table", refuse)
        with pytest.raises(StorageError, match="No space left on device; what stood there is unt"):
            ingest(more, tmp_path / "t")
    monkeypatch.undo()

    assert read_table(tmp_path / "t").num_rows == 1
    assert {entry.name for entry in tmp_path.iterdir()} == {"t", "log.jsonl", "more.jsonl"}


def test_the_summary_is_kept_beside_the_table(
    tmp_path: Path, write_lines: Write, outcome: Outcome
) -> None:
    """The same facts as are returned."""
    summary = ingest(write_lines([outcome(0), b"not json"]), tmp_path / "t")

    kept = json.loads((tmp_path / "t" / "summary.json").read_text())
    assert kept == json.loads(msgspec.json.encode(summary.to_dict()))


_MEASURE = """
import resource, sys
from pathlib import Path
from tracetier.ingest import run
def peak(n):
    path = Path(sys.argv[1]) / "log.jsonl"
    with path.open("w") as file:
        for i in range(n):
            file.write('{"trace_id": "%d", "task_id": "%d", "prompt": "%s", "tier": "low", '
                       '"cost_usd": 1e-3, "quality": 5}\\n' % (i, i // 3, f"word {i // 3} " * 99))
            if i % 2:
                file.write("not json\\n")
    run.ingest(path, Path(sys.argv[1]) / "t")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
small = peak(20_000)
print(small, peak(100_000))
"""


@pytest.mark.slow
def test_memory_is_flat_in_the_size_of_the_input(tmp_path: Path, root: Path) -> None:
    """Five times the rows, half of the lines bad: 25 bytes a row are 2 MB more."""
    code = f"import sys; sys.path.insert(0, {str(root / 'pipeline')!r})\n{_MEASURE}"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

    small_mb, large_mb = map(float, done.stdout.split())
    assert large_mb - small_mb < 25


def test_gzip_needs_no_suffix(tmp_path: Path, outcome: Outcome) -> None:
    """It is known by its bytes."""
    (tmp_path / "log").write_bytes(gzip.compress(json.dumps(outcome(0)).encode()))

    assert ingest(tmp_path / "log", tmp_path / "t").n_rows == 1


@pytest.mark.parametrize("jobs", [1, 2])
def test_rows_without_a_model_take_the_one_that_is_given_and_are_counted(
    jobs: int, write_lines: Write, outcome: Outcome, tmp_path: Path
) -> None:
    """Never in silence; without one they are issues that name the mend."""
    bare = [outcome(i, model=None, tier=None) for i in range(2)]
    path = write_lines([outcome(9, tier=None), *bare])
    given = ingest(path, tmp_path / "t", default_model="model-x", jobs=jobs)
    models = read_table(tmp_path / "t")["model"].to_pylist()
    without = ingest(path, tmp_path / "t")

    assert sorted(models) == ["model-s", "model-x", "model-x"]
    assert given.notes == {"by_default_model": 2}
    assert without.issues == {"missing": 2}
    assert "--default-model" in without.first_issues[0]
