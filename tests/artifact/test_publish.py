"""Which artifact is in use: a link that always leads to a whole one."""

import errno
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tracetier.artifact.publish import check_link, drop_old, publish, version_name
from tracetier.errors import ArtifactError, StorageError


def _version(folder: Path, day: int) -> Path:
    made = datetime(2026, 1, day, tzinfo=UTC)
    path = folder / version_name(Path("prod"), f"{day:016x}", made)
    path.mkdir()
    (path / "content").write_text(str(day))
    return path


def _content(link: Path) -> str:
    return (link / "content").read_text()


def test_a_link_is_made_moved_and_relative(tmp_path: Path) -> None:
    """So that the folder that holds both can be moved."""
    link = tmp_path / "prod"
    for day in (1, 2):
        publish(_version(tmp_path, day), link, previous=tmp_path / "unused")
        assert _content(link) == str(day)
    moved = tmp_path.with_name(tmp_path.name + "-moved")
    tmp_path.rename(moved)

    assert _content(moved / "prod") == "2"
    assert sorted(path.name for path in moved.iterdir()) == [
        "prod",
        "prod-20260101T000000Z-00000000",
        "prod-20260102T000000Z-00000000",
    ]


def test_a_folder_becomes_a_link_and_is_kept(tmp_path: Path) -> None:
    """The first time that something is published in its place."""
    old = tmp_path / "prod"
    old.mkdir()
    (old / "content").write_text("old")
    previous = tmp_path / "prod-20251231T000000Z-aa"
    publish(_version(tmp_path, 1), old, previous=previous)

    assert old.is_symlink()
    assert (_content(old), _content(previous)) == ("1", "old")


def test_a_disk_that_refuses_leaves_the_link_where_it_led(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing lies about."""

    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    link = tmp_path / "prod"
    publish(_version(tmp_path, 1), link, previous=tmp_path / "unused")
    second = _version(tmp_path, 2)
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(StorageError, match="leads where it led"):
        publish(second, link, previous=tmp_path / "unused")

    assert _content(link) == "1"
    assert not list(tmp_path.glob(".*"))


def test_a_packed_artifact_cannot_be_what_is_in_use(tmp_path: Path) -> None:
    """A folder could not take its name."""
    file = tmp_path / "prod.tar.zst"
    file.write_bytes(b"")

    with pytest.raises(ArtifactError, match=r"is one file.*unpack it"):
        check_link(file)


def test_old_versions_go_and_the_one_in_use_stays(tmp_path: Path) -> None:
    """Whatever its age; other folders are left alone."""
    versions = [_version(tmp_path, day) for day in (1, 2, 3, 4)]
    other = tmp_path / "production-20260101T000000Z-x"
    other.mkdir()
    link = tmp_path / "prod"
    publish(versions[0], link, previous=tmp_path / "unused")

    assert drop_old(tmp_path, link, keep=2) == [versions[1]]
    assert [path.is_dir() for path in (*versions, other)] == [True, False, True, True, True]
