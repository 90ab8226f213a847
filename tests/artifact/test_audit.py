"""The audit: whatever is wrong with an artifact is told by name before anything is built."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from tracetier.artifact.audit import audit
from tracetier.artifact.manifest import (
    MANIFEST,
    SIZE_LIMITS,
    FileEntry,
    decode_manifest,
    encode_manifest,
    sha256,
)
from tracetier.artifact.npz import encode_npz
from tracetier.artifact.prior_arrays import prior_to_arrays
from tracetier.artifact.save import ArtifactParts
from tracetier.errors import ArtifactError

FILES = sorted(SIZE_LIMITS)


def _resign(directory: Path, **changes: object) -> None:
    """Make the manifest fit the files: the forger's part, so that deeper checks are reached."""
    path = directory / MANIFEST
    files = {
        file.name: FileEntry(sha256=sha256(file.read_bytes()), size_bytes=file.stat().st_size)
        for file in sorted(directory.iterdir())
        if file.name != MANIFEST
    }
    manifest = decode_manifest(path.read_bytes(), MANIFEST)
    path.write_bytes(encode_manifest(replace(manifest, files=files, **changes)))


def test_a_sound_artifact_passes_with_all_its_content(saved: Path, parts: ArtifactParts) -> None:
    """What went in is what comes out."""
    files = audit(saved, feature_fingerprint=parts.feature_fingerprint)

    assert files.manifest.tiers == parts.tiers
    assert files.features == msgspec.json.decode(msgspec.json.encode(parts.features))
    assert files.metrics == parts.metrics
    assert files.card == parts.card
    assert files.forest is not None
    assert files.forest.n_outputs == 2
    for name, array in parts.heads.items():
        np.testing.assert_array_equal(files.heads[name], array)


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_bit_in_any_file_is_told_by_name(saved: Path, name: str) -> None:
    """In the middle of each file."""
    content = bytearray((saved / name).read_bytes())
    content[len(content) // 2] ^= 1
    (saved / name).write_bytes(content)

    with pytest.raises(ArtifactError, match=f"{name}: "):
        audit(saved)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_told_by_name(saved: Path, name: str) -> None:
    """Whichever it is."""
    (saved / name).unlink()

    with pytest.raises(ArtifactError, match=f"{name} is listed .* missing|holds no {name}"):
        audit(saved)


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_told_by_name(saved: Path, name: str) -> None:
    """As a full disk or a broken copy leaves it."""
    content = (saved / name).read_bytes()
    (saved / name).write_bytes(content[: len(content) // 2])

    with pytest.raises(ArtifactError, match=f"{name}: "):
        audit(saved)


def test_an_extra_file_is_told_by_name(saved: Path) -> None:
    """Nothing unlisted rides along."""
    (saved / "model.pkl").write_bytes(b"")

    with pytest.raises(ArtifactError, match=r"model.pkl is not listed in the manifest; move it"):
        audit(saved)


def test_a_listed_file_of_an_unknown_name_is_told(saved: Path) -> None:
    """Listing it does not make it part of the format."""
    (saved / "model.pkl").write_bytes(b"")
    _resign(saved)

    with pytest.raises(ArtifactError, match=r"model.pkl is no file of an artifact"):
        audit(saved)


def test_a_needed_file_that_is_not_even_listed_is_told(saved: Path) -> None:
    """Only the trees may be absent."""
    (saved / "trees.txt").unlink()
    _resign(saved)
    assert audit(saved).forest is None

    (saved / "prior.npz").unlink()
    _resign(saved)
    with pytest.raises(ArtifactError, match=r"prior.npz is not listed .* an artifact needs"):
        audit(saved)


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["directory", "pipe"])
def test_what_is_no_regular_file_is_told(saved: Path, make: Callable[[Path], None]) -> None:
    """A pipe must not be waited for."""
    (saved / "CARD.md").unlink()
    make(saved / "CARD.md")

    with pytest.raises(ArtifactError, match=r"CARD.md is no regular file|cannot be read"):
        audit(saved)


def test_a_directory_full_of_files_is_not_read(saved: Path) -> None:
    """A wrong path costs nothing."""
    for number in range(64):
        (saved / f"{number}.txt").write_bytes(b"")

    with pytest.raises(ArtifactError, match="holds 72 files, at most 64"):
        audit(saved)


@pytest.mark.parametrize("name", [name for name in FILES if name != MANIFEST])
def test_a_file_beyond_its_bound_is_told(
    saved: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has a bound of its own."""
    monkeypatch.setitem(SIZE_LIMITS, name, 5)

    with pytest.raises(ArtifactError, match=f"{name}: .* bytes, at most 5 are read"):
        audit(saved)


def test_no_more_than_the_bound_is_read(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However large a file in the directory is."""
    monkeypatch.setattr("tracetier.artifact.directory.MAX_FILE_BYTES", 5)

    with pytest.raises(ArtifactError, match=r"CARD.md: 10 bytes, at most 5 are read"):
        audit(saved)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("trees.txt", b"tree\nversion=v4\n", r"trees.txt: tree model text: no line"),
        ("trees.txt", b"\xff", r"trees.txt: .*utf-8"),
        ("CARD.md", b"\xff", r"CARD.md: .*utf-8"),
        ("features.json", b"[]", r"features.json: Expected `object`"),
        ("features.json", b"\xff", r"features.json: "),
        ("metrics.json", b"{" * 100_000, r"metrics.json: "),
        ("metrics.json", b'{"a":' * 100_000, r"metrics.json: "),
        ("heads.npz", encode_npz({"w": np.array([1.0, np.nan])}), "'w' holds 1 numbers that are"),
        ("heads.npz", b"PK", r"heads.npz: .*damaged"),
        ("oof.npz", b"PK", r"oof.npz: .*damaged"),
        ("prior.npz", encode_npz({"n": np.zeros(2)}), r"prior.npz: holds the arrays \['n'\]"),
    ],
)
def test_wrong_content_under_a_right_hash_is_told(
    saved: Path, name: str, content: bytes, words: str
) -> None:
    """A hash proves that a file is the one that was listed, not that it makes sense."""
    (saved / name).write_bytes(content)
    _resign(saved)

    with pytest.raises(ArtifactError, match=words):
        audit(saved)


def test_a_prior_for_another_number_of_tiers_is_told(saved: Path, parts: ArtifactParts) -> None:
    """Shapes are checked against the tier set of the manifest."""
    arrays = prior_to_arrays(parts.prior)
    arrays["quality_mean"] = np.zeros((2, 3))
    (saved / "prior.npz").write_bytes(encode_npz(arrays))
    _resign(saved)

    with pytest.raises(ArtifactError, match=r"quality_mean is .*\(2, 3\), expected .*\(2, 2\)"):
        audit(saved)


def test_a_future_format_is_refused_before_its_files_are_looked_at(saved: Path) -> None:
    """It may hold files that this version cannot know."""
    (saved / "graph.onnx").write_bytes(b"")
    _resign(saved, format=7)

    with pytest.raises(ArtifactError, match=r"format 7 is newer .* reads \(2\); upgrade"):
        audit(saved)


def test_a_format_that_never_was_is_refused(saved: Path) -> None:
    """Numbers start at 1."""
    _resign(saved, format=0)

    with pytest.raises(ArtifactError, match="format 0 is unknown; this version reads 1"):
        audit(saved)


def test_another_extractor_is_refused_where_it_matters(saved: Path) -> None:
    """Loading must know the features; looking at an artifact need not."""
    _resign(saved, feature_fingerprint="0" * 16)

    assert audit(saved).manifest.feature_fingerprint == "0" * 16
    with pytest.raises(
        ArtifactError, match=f"by extractor {'0' * 16}, this version has {'1' * 16}"
    ):
        audit(saved, feature_fingerprint="1" * 16)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nowhere", "does not exist; give the path"),
        ("empty", r"is no artifact: it holds no manifest.json"),
        ("file.txt", r"is no artifact; give its directory or its .tar.zst"),
    ],
)
def test_a_path_that_is_no_artifact_is_told(tmp_path: Path, path: str, words: str) -> None:
    """Each in its own words."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_bytes(b"")

    with pytest.raises(ArtifactError, match=words):
        audit(tmp_path / path)


def test_links_to_files_are_followed(saved: Path, tmp_path: Path) -> None:
    """Caches of model hubs store an artifact as links; the hash vouches for the content."""
    linked = tmp_path / "linked"
    linked.mkdir()
    for file in saved.iterdir():
        (linked / file.name).symlink_to(file)

    assert audit(linked).manifest == audit(saved).manifest
