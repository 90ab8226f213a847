"""The array codec: what goes in comes out, and no file can ask for more than it is."""

import io
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tracetier.artifact import npz
from tracetier.artifact.npz import Array, audit_npz, decode_npz, encode_npz
from tracetier.errors import ArtifactError

NAMES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,20}", fullmatch=True)
TYPES = st.sampled_from(["<f8", "<f4", "<i8", "<i4", "<u8", "<u4", "|b1", "S3", "<U4"])
ARRAYS = TYPES.flatmap(
    lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
)


def _zip(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def _npy(array: Array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def _header(text: str) -> bytes:
    raw = text.encode()
    return b"\x93NUMPY\x01\x00" + len(raw).to_bytes(2, "little") + raw


@given(arrays=st.dictionaries(NAMES, ARRAYS, max_size=4))
def test_decoding_undoes_encoding(arrays: dict[str, Array]) -> None:
    """Names, types, shapes and bits survive, in order."""
    back = decode_npz(encode_npz(arrays), "x.npz")

    assert list(back) == list(arrays)
    for name, array in arrays.items():
        assert (back[name].dtype, back[name].shape) == (array.dtype, array.shape)
        assert back[name].tobytes() == array.tobytes()


def test_equal_arrays_give_equal_bytes_that_numpy_reads() -> None:
    """No date gets in, and the format is numpy's own."""
    arrays = {"a": np.arange(6.0).reshape(2, 3), "file": np.array(["x", "yz"])}
    raw = encode_npz(arrays)

    assert raw == encode_npz({name: array.copy() for name, array in arrays.items()})
    with np.load(io.BytesIO(raw), allow_pickle=False) as loaded:
        np.testing.assert_array_equal(loaded["a"], arrays["a"])


def test_byte_order_is_made_little() -> None:
    """Big-endian numbers keep their values."""
    back = decode_npz(encode_npz({"a": np.array([1.0, 2.0], dtype=">f8")}), "x.npz")

    assert back["a"].dtype == np.dtype("<f8")
    assert back["a"].tolist() == [1.0, 2.0]


def test_python_objects_are_refused_on_both_ways() -> None:
    """An object array is a pickle, and a pickle is a program."""

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return pytest.fail, ("unpickled",)

    bomb = np.array([Bomb()], dtype=object)
    with pytest.raises(ArtifactError, match="array 'a': holds Python objects"):
        encode_npz({"a": bomb})

    with pytest.raises(ArtifactError, match=r"heads.npz: array 'a': holds Python objects"):
        decode_npz(_zip(a=_npy(bomb)), "heads.npz")
    with pytest.raises(ArtifactError, match="damaged"):
        decode_npz(pickle.dumps(Bomb()), "heads.npz")


@pytest.mark.parametrize("name", ["", "../a", "a/b", "-a", "a b", "é", "a" * 101])
def test_a_name_that_could_be_a_path_is_refused(name: str) -> None:
    """Names are letters, digits and a little more."""
    with pytest.raises(ArtifactError, match="use letters, digits"):
        encode_npz({name: np.zeros(1)})
    with pytest.raises(ArtifactError, match="is no array of an artifact"):
        decode_npz(_zip(**{name: _npy(np.zeros(1))}), "x.npz")


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(2, dtype=np.complex128),
        np.zeros(2, dtype=np.float16),
        np.zeros(2, dtype="M8[s]"),
        np.zeros(2, dtype=[("a", "<f8")]),
    ],
    ids=lambda array: str(array.dtype),
)
def test_other_types_are_refused(array: Array) -> None:
    """Only the listed types have a meaning in an artifact."""
    with pytest.raises(ArtifactError, match="is not allowed; use float64"):
        encode_npz({"a": array})
    with pytest.raises(ArtifactError, match=r"is not allowed; use float64|no header of a plain"):
        audit_npz(_zip(a=_npy(array)), "x.npz")


FLOATS = "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(_header(FLOATS % "(1000000000,)"), "takes 8000000000 bytes, 0", id="bomb"),
        pytest.param(_header(FLOATS % "(1,)") + bytes(16), "takes 8 bytes, 16", id="too long"),
        pytest.param(_header(FLOATS % "(-1,)"), "no header", id="negative"),
        pytest.param(_header(FLOATS % "(1,1,1,1,1)") + bytes(8), "at most 4 are", id="dimensions"),
        pytest.param(_header(FLOATS % "(2**9,)"), "no header", id="an expression as shape"),
        pytest.param(_header("{"), "no header", id="broken header"),
        pytest.param(b"\x93NUMPY\x03\x00" + bytes(9), "no header", id="other version"),
        pytest.param(b"", "no header", id="empty"),
        pytest.param(_header(FLOATS % "(1 2)") + bytes(16), "damaged", id="broken shape"),
    ],
)
def test_a_header_that_lies_is_refused(content: bytes, words: str) -> None:
    """Before anything of the size it names is allocated."""
    for read in (audit_npz, decode_npz):
        with pytest.raises(ArtifactError, match=words):
            read(_zip(a=content), "x.npz")


def test_bounds_are_checked_before_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Number of arrays and unpacked size; a small file of zeros unpacks to a large one."""
    raw = encode_npz({"a": np.zeros(100_000), "b": np.zeros(1)})
    assert len(raw) < 2_000

    monkeypatch.setattr(npz, "MAX_TOTAL_BYTES", 100_000)
    with pytest.raises(ArtifactError, match=r"unpacks to 800.* bytes, at most 100000"):
        decode_npz(raw, "x.npz")
    monkeypatch.setattr(npz, "MAX_ARRAYS", 1)
    with pytest.raises(ArtifactError, match="2 arrays, at most 1"):
        decode_npz(raw, "x.npz")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_array_stored_twice_is_refused() -> None:
    """Which one counts would depend on the reader."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.npy", _npy(np.zeros(1)))
        archive.writestr("a.npy", _npy(np.ones(1)))

    with pytest.raises(ArtifactError, match="stored twice"):
        decode_npz(buffer.getvalue(), "x.npz")


def test_every_truncation_is_told() -> None:
    """Wherever the file ends early."""
    raw = encode_npz({"a": np.arange(20.0), "b": np.array(["x"])})

    for length in range(len(raw)):
        with pytest.raises(ArtifactError, match=r"x\.npz"):
            decode_npz(raw[:length], "x.npz")


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_is_an_error_or_harmless(at: int, bit: int) -> None:
    """Never another exception; numbers that come out are those that went in, or it is told."""
    damaged = bytearray(RAW)
    damaged[at % len(RAW)] ^= 1 << bit
    try:
        back = decode_npz(bytes(damaged), "x.npz")
    except ArtifactError:
        return

    assert [array.tobytes() for array in back.values()] == [NUMBERS.tobytes()]


NUMBERS = np.arange(20.0)
RAW = encode_npz({"a": NUMBERS})
