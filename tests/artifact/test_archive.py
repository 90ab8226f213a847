"""An artifact in one file: the same content, and no member that could do harm."""

import io
import subprocess
import sys
import tarfile
import textwrap
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from tracetier.artifact import archive
from tracetier.artifact.audit import audit
from tracetier.artifact.directory import read_directory
from tracetier.artifact.save import ArtifactParts, save_artifact
from tracetier.errors import ArtifactError


@pytest.fixture
def packed(parts: ArtifactParts, tmp_path: Path) -> Path:
    """A sound archive."""
    return save_artifact(tmp_path / "model.tar.zst", parts=parts)


def _unpacked(path: Path) -> bytes:
    with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as stream:
        content: bytes = stream.read()
    return content


def _packed(path: Path, tar: bytes) -> Path:
    with pa.CompressedOutputStream(str(path), "zstd") as stream:
        stream.write(tar)
    return path


def _with_member(path: Path, info: tarfile.TarInfo, content: bytes = b"") -> None:
    """Add one member behind the sound ones."""
    buffer = io.BytesIO(_unpacked(path))
    with tarfile.open(fileobj=buffer, mode="a") as tar:
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    _packed(path, buffer.getvalue())


def _member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_an_archive_holds_what_the_directory_holds(
    saved: Path, parts: ArtifactParts, packed: Path
) -> None:
    """Up to the date of saving."""
    one, other = audit(packed), audit(saved)

    assert one.manifest.artifact_id == other.manifest.artifact_id
    assert one.manifest.files == other.manifest.files
    assert one.card == parts.card


@pytest.mark.parametrize("folder", [".", "model"])
def test_an_archive_made_by_tar_is_read(saved: Path, tmp_path: Path, folder: str) -> None:
    """With its files in one folder, as ``tar --zstd -cf FILE DIR`` packs them, or in none."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(saved, arcname=folder)
    path = _packed(tmp_path / "by-tar.tar.zst", buffer.getvalue())

    assert audit(path).manifest == audit(saved).manifest


@pytest.mark.parametrize(
    ("info", "words"),
    [
        pytest.param(_member("../evil"), "plain names", id="parent"),
        pytest.param(_member("/etc/evil"), "plain names", id="absolute"),
        pytest.param(_member("/evil"), "plain names", id="absolute, short"),
        pytest.param(_member("a/b/evil"), "plain names", id="deep"),
        pytest.param(_member("a/../evil"), "plain names", id="winding"),
        pytest.param(_member("evil", tarfile.SYMTYPE, "/etc/passwd"), "no regular", id="link"),
        pytest.param(_member("evil", tarfile.LNKTYPE, "CARD.md"), "no regular", id="hard link"),
        pytest.param(_member("evil", tarfile.FIFOTYPE), "no regular file", id="pipe"),
        pytest.param(_member("evil", tarfile.CHRTYPE), "no regular file", id="device"),
        pytest.param(_member("a/evil", tarfile.DIRTYPE), "no regular file", id="inner folder"),
        pytest.param(_member("CARD.md"), "more than one file 'CARD.md'", id="twice"),
        pytest.param(_member("other/CARD.md"), "more than one", id="two folders"),
        pytest.param(_member("evil"), r"evil is not listed in the manifest", id="unlisted"),
    ],
)
def test_a_member_that_could_do_harm_is_refused(
    packed: Path, info: tarfile.TarInfo, words: str, tmp_path: Path
) -> None:
    """By name, and nothing is written anywhere."""
    _with_member(packed, info)
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(ArtifactError, match=words):
        audit(packed)

    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("bound", "limit", "words"),
    [
        ("MAX_FILES", 3, "more than 3 members"),
        ("MAX_FILE_BYTES", 5, "at most 5 are read"),
        ("MAX_TOTAL_BYTES", -(2**20), "unpacks to more than"),
    ],
)
def test_bounds_hold_while_unpacking(
    packed: Path, monkeypatch: pytest.MonkeyPatch, bound: str, limit: int, words: str
) -> None:
    """A small file can unpack to a very large one."""
    monkeypatch.setattr(archive, bound, limit)

    with pytest.raises(ArtifactError, match=words):
        audit(packed)


def test_a_header_that_hides_a_bomb_is_not_followed(
    packed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An extended header is read by tarfile itself, before any member is seen."""
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 2**20)
    bomb = tarfile.TarInfo("pax")
    bomb.type, bomb.size = tarfile.XHDTYPE, 2**30
    _packed(packed, bomb.tobuf(tarfile.USTAR_FORMAT) + bytes(2**22))

    with pytest.raises(ArtifactError, match="unpacks to more than 1048576 bytes"):
        audit(packed)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda raw: b"", id="empty"),
        pytest.param(lambda raw: raw[: len(raw) // 2], id="cut short"),
        pytest.param(lambda raw: b"PK" + raw, id="another format"),
        pytest.param(lambda raw: raw[:200] + b"\xff" + raw[201:], id="one byte"),
    ],
)
def test_a_damaged_archive_is_told(packed: Path, damage: Callable[[bytes], bytes]) -> None:
    """Whatever the decompressor or tar makes of it."""
    packed.write_bytes(damage(packed.read_bytes()))

    with pytest.raises(ArtifactError, match=r"model.tar.zst"):
        audit(packed)


def test_without_pyarrow_the_mend_is_told(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slim serving image can unpack the file itself."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(ArtifactError, match="pip install pyarrow, or unpack the file with tar"):
        audit(packed)


def test_only_an_archive_needs_pyarrow(saved: Path, packed: Path) -> None:
    """A directory loads with numpy and msgspec alone."""
    code = """
        import sys
        from types import SimpleNamespace
        from tracetier.artifact import load
        buckets = SimpleNamespace(names=("code", "other"))
        stand_in = SimpleNamespace(features=SimpleNamespace(buckets=buckets))
        load.build_predictor = lambda *parts: stand_in
        for path in sys.argv[1:]:
            load.load_artifact(path)
            heavy = {"pyarrow", "pandas", "scipy", "sklearn", "lightgbm", "joblib"}
            print(sorted(heavy & set(sys.modules)))
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(saved), str(packed)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PYTHONPATH": ":".join(sys.path)},
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["[]", "['pyarrow']"]


def test_the_members_are_the_files(packed: Path, tmp_path: Path) -> None:
    """Any tar and zstd can unpack it to a directory that loads."""
    with tarfile.open(fileobj=io.BytesIO(_unpacked(packed))) as tar:
        names = tar.getnames()
        tar.extractall(tmp_path / "by-hand", filter="data")

    assert names[0] == "manifest.json"
    assert read_directory(tmp_path / "by-hand").keys() == set(names)
    assert audit(tmp_path / "by-hand").manifest == audit(packed).manifest
