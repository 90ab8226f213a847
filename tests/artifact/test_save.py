"""Saving: all or nothing, and never over something that is no artifact."""

import contextlib
import errno
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from tracetier.artifact.audit import audit
from tracetier.artifact.save import ArtifactParts, save_artifact
from tracetier.errors import ArtifactError, StorageError

CREATED = datetime(2025, 1, 2, tzinfo=UTC)
NAMES = ["model", "model.tar.zst"]
Change = Callable[..., ArtifactParts]


def _tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("name", NAMES)
def test_saving_makes_the_parents_and_leaves_nothing_else(
    name: str, parts: ArtifactParts, tmp_path: Path
) -> None:
    """No temporary file or directory stays behind."""
    out = save_artifact(tmp_path / "a" / "b" / name, parts=parts)

    assert out == tmp_path / "a" / "b" / name
    assert [path.name for path in out.parent.iterdir()] == [name]
    assert audit(out).manifest.tiers == parts.tiers


@pytest.mark.parametrize("name", NAMES)
def test_the_same_parts_and_date_give_the_same_bytes(
    name: str, parts: ArtifactParts, tmp_path: Path
) -> None:
    """So an artifact can be compared, cached and signed by its bytes."""
    for folder in ("one", "two"):
        save_artifact(tmp_path / folder / name, parts=parts, created=CREATED)

    assert _tree(tmp_path / "one") == _tree(tmp_path / "two")


def test_the_manifest_says_when_in_utc_and_with_which_libraries(
    parts: ArtifactParts, tmp_path: Path
) -> None:
    """Given dates are kept, fractions of a second are not."""
    created = datetime.fromisoformat("2025-01-02T03:00:00.5+02:00")

    manifest = audit(save_artifact(tmp_path / "m", parts=parts, created=created)).manifest

    assert manifest.created == datetime(2025, 1, 2, 1, tzinfo=UTC)
    assert manifest.libraries == {"numpy": "2.0.0"}


@pytest.mark.parametrize("name", NAMES)
def test_an_artifact_is_replaced(name: str, change: Change, tmp_path: Path) -> None:
    """By the next one, whole."""
    first = audit(save_artifact(tmp_path / name, parts=change(card="one"))).manifest
    second = audit(save_artifact(tmp_path / name, parts=change(card="two", lam=0.5))).manifest

    assert (first.lam, second.lam) == (0.3, 0.5)
    assert audit(tmp_path / name).card == "two"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_link_keeps_pointing_to_the_artifact(parts: ArtifactParts, tmp_path: Path) -> None:
    """``models/prod`` may be a link to a version."""
    (tmp_path / "v1").mkdir()
    (tmp_path / "prod").symlink_to("v1")

    save_artifact(tmp_path / "prod", parts=parts)

    assert (tmp_path / "prod").is_symlink()
    assert audit(tmp_path / "v1").manifest.tiers == parts.tiers


@pytest.mark.parametrize(
    ("out", "found"),
    [
        pytest.param("notes", "holds 'thesis.md'", id="a directory with other files"),
        pytest.param("bare", "is no artifact", id="artifact's names but no manifest"),
        pytest.param("mixed", "holds 'thesis.md'", id="an artifact and a file beside it"),
        pytest.param("thesis.md", "is no artifact|holds", id="a file"),
        pytest.param("thesis.tar.zst", "is no artifact", id="another archive"),
    ],
)
def test_what_is_no_artifact_is_never_replaced(
    parts: ArtifactParts, tmp_path: Path, out: str, found: str
) -> None:
    """A slip of the path must not cost anybody's work."""
    save_artifact(tmp_path / "mixed", parts=parts)
    for file in ("notes/thesis.md", "bare/CARD.md", "mixed/thesis.md"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("years of work")
    for file in ("thesis.md", "thesis.tar.zst"):
        (tmp_path / file).write_text("years of work")
    before = _tree(tmp_path)

    with pytest.raises(ArtifactError, match=rf"exists and .*({found}).* not replaced"):
        save_artifact(tmp_path / out, parts=parts)

    assert _tree(tmp_path) == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"heads": {"w": np.array([np.nan])}}, r"heads.npz: array 'w'", id="NaN"),
        pytest.param({"heads": {"w": np.array([None])}}, "Python objects", id="objects"),
        pytest.param({"lam": -1.0}, "lam is -1", id="lam"),
        pytest.param({"cost_ref": float("nan")}, r"manifest.json", id="cost_ref"),
        pytest.param({"trees": "tree\n"}, r"trees.txt: tree model text", id="trees"),
        pytest.param({"metrics": {"a": object()}}, r"metrics.json: .*plain JSON", id="JSON"),
    ],
)
def test_parts_that_could_not_be_loaded_are_refused(
    change: Change, tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    """Before anything is written."""
    with pytest.raises(ArtifactError, match=words):
        save_artifact(tmp_path / "model", parts=change(**changes))

    assert list(tmp_path.iterdir()) == []


def test_a_prior_for_other_tiers_is_refused(change: Change, tmp_path: Path) -> None:
    """Shapes are told."""
    prior = replace(change().prior, quality_var=np.zeros(3))

    with pytest.raises(ArtifactError, match=r"quality_var is float64 \(3,\)"):
        save_artifact(tmp_path / "model", parts=change(prior=prior))


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may grow beyond 2,000 bytes: the real error, from the real call."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    old_handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, old_handler)


@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk_leaves_the_old_artifact(
    name: str, change: Change, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The error names the path and the mend; nothing half-written stays."""
    noise = np.random.default_rng(0).normal(size=1_000)
    save_artifact(tmp_path / name, parts=change(card="old"))
    before = _tree(tmp_path)

    request.getfixturevalue("small_disk")
    with pytest.raises(StorageError, match=r"cannot save .*model.*: File too large; .*unchanged"):
        save_artifact(tmp_path / name, parts=change(card="new", oof={"noise": noise}))

    assert _tree(tmp_path) == before


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_calls", range(9))
def test_a_failure_at_any_sync_leaves_the_old_or_the_new(
    name: str,
    n_calls: int,
    change: Change,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whichever call the disk refuses: what is there is whole."""
    save_artifact(tmp_path / name, parts=change(card="old"))
    countdown = iter([*range(n_calls), -1])
    real = os.fsync

    def failing(descriptor: int) -> None:
        if next(countdown, 0) == -1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    with contextlib.suppress(StorageError):
        save_artifact(tmp_path / name, parts=change(card="new"))

    assert audit(tmp_path / name).card in ("old", "new")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_without_an_atomic_exchange_two_renames_do(
    change: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a network file system."""
    monkeypatch.setattr("tracetier.artifact._exchange._exchange_at_once", lambda *_: False)
    for card in ("old", "new"):
        save_artifact(tmp_path / "model", parts=change(card=card))

    assert audit(tmp_path / "model").card == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_reader_sees_the_old_or_the_new_while_it_is_replaced(
    change: Change, tmp_path: Path
) -> None:
    """Twenty replacements under a reader that never rests; λ and card belong together."""
    versions = {"even": change(card="even", lam=2.0), "odd": change(card="odd", lam=1.0)}
    save_artifact(tmp_path / "model", parts=versions["even"])
    seen: list[tuple[str, float]] = []
    has_read, is_over = threading.Event(), threading.Event()

    def read() -> None:
        while not is_over.is_set():
            files = audit(tmp_path / "model")
            seen.append((files.card, files.manifest.lam))
            has_read.set()

    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read)
        try:
            for number in range(1, 21):
                save_artifact(tmp_path / "model", parts=versions["odd" if number % 2 else "even"])
                has_read.clear()
                # Reading goes on during the next save; no more than one save per read, though.
                while not has_read.wait(0.1) and not reader.done():
                    pass
        finally:
            is_over.set()
        reader.result()

    assert set(seen) == {("even", 2.0), ("odd", 1.0)}


def test_two_writers_leave_one_whole_artifact(change: Change, tmp_path: Path) -> None:
    """Whoever is last wins, and nothing stays behind."""

    def write(card: str) -> None:
        for _ in range(10):
            save_artifact(tmp_path / "model", parts=change(card=card))

    with ThreadPoolExecutor(2) as pool:
        for writer in [pool.submit(write, card) for card in ("one", "two")]:
            writer.result()

    assert audit(tmp_path / "model").card in ("one", "two")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_modes_follow_the_umask(parts: ArtifactParts, tmp_path: Path, umask: int) -> None:
    """A service under another account can read what its operator may share."""
    before = os.umask(umask)
    try:
        out = save_artifact(tmp_path / "model", parts=parts)
    finally:
        os.umask(before)

    assert out.stat().st_mode & 0o777 == 0o777 & ~umask
    assert (out / "CARD.md").stat().st_mode & 0o777 == 0o666 & ~umask


def test_killed_at_any_sync_the_path_leads_to_a_whole_artifact(
    saved: Path, parts: ArtifactParts
) -> None:
    """SIGKILL in the middle of a save, at each of its steps in turn."""
    code = """
        import os, signal, sys
        from pathlib import Path
        from dataclasses import replace
        from tracetier.artifact import directory
        from tracetier.artifact.directory import read_directory, write_directory
        path, n_calls = Path(sys.argv[1]), int(sys.argv[2])
        files = read_directory(path)
        real = os.fsync
        def counting(descriptor):
            global n_calls
            n_calls -= 1
            if n_calls < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            real(descriptor)
        os.fsync = counting
        write_directory(path, files)
        """
    for n_calls in (0, 5, 8, 9):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code), str(saved), str(n_calls)],
            check=False,
            timeout=60,
            env={"PYTHONPATH": ":".join(sys.path)},
        )
        assert done.returncode == -signal.SIGKILL
        assert audit(saved).manifest.tiers == parts.tiers
