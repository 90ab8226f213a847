"""The manifest: every byte of it counts, and its id is that of what decides a route."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from tracetier.artifact.manifest import (
    FileEntry,
    Manifest,
    decode_format,
    decode_manifest,
    encode_manifest,
    library_versions,
    sha256,
)
from tracetier.errors import ArtifactError
from tracetier.tiers import Tier, TierSet

MANIFEST = Manifest(
    format=1,
    artifact_id="",
    created=datetime(2025, 1, 2, tzinfo=UTC),
    tiers=TierSet((Tier(name="low"), Tier(name="high"))),
    feature_fingerprint="f" * 16,
    table_fingerprint="a" * 16,
    seed=0,
    lam=0.3,
    cost_ref=0.01,
    libraries={"numpy": "2.0"},
    files={
        "heads.npz": FileEntry(sha256="0" * 64, size_bytes=1),
        "CARD.md": FileEntry(sha256="1" * 64, size_bytes=2),
    },
)
RAW = encode_manifest(MANIFEST)


def _id(manifest: Manifest) -> str:
    return decode_manifest(encode_manifest(manifest), "m").artifact_id


def test_decoding_undoes_encoding() -> None:
    """Up to the id and the checksum, which encoding fills in."""
    back = decode_manifest(RAW, "m")

    assert decode_format(RAW, "m") == 1
    assert replace(back, artifact_id="", checksum="") == MANIFEST
    assert encode_manifest(back) == RAW


def test_the_checksum_is_the_hash_of_all_other_bytes() -> None:
    """Worked by hand: take the 64 digits out and hash the rest."""
    checksum = decode_manifest(RAW, "m").checksum

    assert sha256(RAW.replace(checksum.encode(), b"")) == checksum


def test_no_byte_can_change_unnoticed() -> None:
    """Each byte in turn, with one bit flipped."""
    for at in range(len(RAW)):
        damaged = bytearray(RAW)
        damaged[at] ^= 1 << at % 8
        with pytest.raises(ArtifactError, match=r"manifest\.json"):
            decode_format(bytes(damaged), "manifest.json")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda m: replace(m, lam=0.4), id="lam"),
        pytest.param(lambda m: replace(m, cost_ref=0.02), id="cost_ref"),
        pytest.param(lambda m: replace(m, tiers=TierSet((Tier(name="low"),))), id="tiers"),
        pytest.param(lambda m: replace(m, feature_fingerprint="0"), id="features"),
        pytest.param(
            lambda m: replace(m, files={"heads.npz": FileEntry(sha256="2" * 64, size_bytes=1)}),
            id="weights",
        ),
    ],
)
def test_what_decides_a_route_changes_the_id(change: Callable[[Manifest], Manifest]) -> None:
    """A state must not be read with a model of another id."""
    assert _id(change(MANIFEST)) != _id(MANIFEST)


def test_what_only_describes_keeps_the_id() -> None:
    """The same training run on another day is the same model."""
    card = {**MANIFEST.files, "CARD.md": FileEntry(sha256="3" * 64, size_bytes=9)}
    later = replace(
        MANIFEST, created=datetime(2026, 1, 1, tzinfo=UTC), libraries={}, files=card, seed=7
    )

    assert _id(later) == _id(MANIFEST)
    assert len(_id(MANIFEST)) == 16


def test_a_future_format_is_named_whatever_else_it_holds() -> None:
    """Also where every other field has changed its name and its type."""
    with pytest.raises(
        ArtifactError, match=r"format 7 is newer than this version reads \(2\); upgrade tracetier"
    ):
        decode_format(b'{"format": 7, "checksum": "?", "weights": []}', "manifest.json")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        pytest.param(b"", "truncated", id="empty"),
        pytest.param(b"[]", "Expected `object`", id="no object"),
        pytest.param(b"{}", "missing required field `format`", id="nothing in it"),
        pytest.param(b'{"format": "1"}', "Expected `int`", id="format of another type"),
        pytest.param(b'{"format": 1}', "does not match its checksum", id="no checksum"),
        pytest.param(b'{"format": 1, "checksum": "\\ud800"}', "manifest", id="surrogate"),
        pytest.param(b"\xff{", "manifest", id="no UTF-8"),
        pytest.param(b"[" * 100_000, "manifest", id="deep"),
        pytest.param(RAW[: len(RAW) // 2], "truncated", id="cut short"),
    ],
)
def test_what_is_no_manifest_is_told(raw: bytes, words: str) -> None:
    """One error, whatever the damage."""
    with pytest.raises(ArtifactError, match=words):
        decode_format(raw, "manifest.json")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("lam", -0.1, "lam is -0.1, expected a number >= 0"),
        ("cost_ref", 0.0, "cost_ref is 0 USD, expected > 0"),
    ],
)
def test_numbers_out_of_range_are_told(field: str, value: float, words: str) -> None:
    """Before anything divides by them."""
    raw = encode_manifest(replace(MANIFEST, **{field: value}))

    with pytest.raises(ArtifactError, match=words):
        decode_manifest(raw, "m")


def test_an_edited_id_is_told() -> None:
    """Even by someone who mends the checksum."""
    real = _id(MANIFEST)
    blank = RAW.replace(decode_manifest(RAW, "m").checksum.encode(), b"").replace(
        real.encode(), b"0" * 16
    )
    forged = blank.replace(b'"checksum": "', b'"checksum": "' + sha256(blank).encode())

    assert decode_format(forged, "m") == 1
    with pytest.raises(ArtifactError, match=f"artifact_id is '{'0' * 16}', .* '{real}'"):
        decode_manifest(forged, "m")


def test_library_versions_name_python_and_numpy() -> None:
    """What a bug report needs."""
    versions = library_versions()

    assert {"python", "numpy", "lightgbm"} <= versions.keys()
