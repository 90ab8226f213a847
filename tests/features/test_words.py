"""Hashed words: the same everywhere."""

import os
import subprocess
import sys
from itertools import pairwise
from zlib import crc32

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.features import words
from tracetier.features.extract import extract
from tracetier.features.text import view_text
from tracetier.features.words import HASH_BITS, crcs, field_hashes, field_tokens, hash_words
from tracetier.records import Task

TOKENS = st.lists(st.binary(min_size=1, max_size=8))
SAMPLE = Task(
    text="List the files, größer 日本",
    task_type="code",
    agent_name="planner",
    tools=["list_files", "bash"],
    last_tier="low",
    level="call",
    attrs={"team": "core", "n": 3.0},
)


def slow_ids(tokens: list[bytes], fields: list[bytes]) -> list[int]:
    """Return what ``hash_words`` promises, by Python's own integers."""
    mix, mask = 2_654_435_761, 2**32 - 1
    words = [crc32(token) for token in tokens]
    pairs = [((a * mix) & mask) ^ b for a, b in pairwise(words)]
    raw = words + pairs + [crc32(field) for field in fields]
    return sorted({((word * mix) & mask) >> (32 - HASH_BITS) for word in raw})


@given(TOKENS, TOKENS)
def test_ids_are_those_of_the_slow_way(tokens: list[bytes], fields: list[bytes]) -> None:
    """Words, pairs of neighbours and fields; a field is no neighbour of anything."""
    assert hash_words(tokens, crcs(fields)).tolist() == slow_ids(tokens, fields)


@given(TOKENS, TOKENS)
def test_ids_ascend_are_distinct_and_fit_the_table(
    tokens: list[bytes], fields: list[bytes]
) -> None:
    """So they can index the weights without a further look."""
    ids = hash_words(tokens, crcs(fields))

    assert ids.dtype == np.uint32
    assert (np.diff(ids.astype(np.int64)) > 0).all()
    assert ids.size == 0 or ids[-1] < 2**HASH_BITS


def test_an_id_on_paper() -> None:
    """crc32(b"a") = 3904355907; times 2654435761 modulo 2**32 is 4200413011; its top 14 bits."""
    assert hash_words([b"a"], crcs([])).tolist() == [4200413011 // 2**18] == [16023]


def test_order_of_words_counts_order_of_fields_does_not() -> None:
    """A pair is an ordered pair; fields are a set."""
    assert (
        hash_words([b"a", b"b"], crcs([])).tolist() != hash_words([b"b", b"a"], crcs([])).tolist()
    )
    one, other = crcs([b"a=1", b"b=2"]), crcs([b"b=2", b"a=1"])
    assert hash_words([], one).tolist() == hash_words([], other).tolist()


def test_every_name_becomes_a_token_and_numbers_do_not() -> None:
    """Numeric attributes are columns, not words; the session is nothing at all."""
    assert list(field_tokens(SAMPLE)) == [
        b"task_type=code",
        b"agent_name=planner",
        b"level=call",
        b"last_tier=low",
        b"tools=list_files",
        b"tools~list",
        b"tools~files",
        b"tools=bash",
        b"tools~bash",
        b"attr_team=core",
    ]
    assert list(field_tokens(Task(text="only a text", session_id="s"))) == []


@given(st.text(st.characters(exclude_categories=())))
def test_no_word_can_look_like_a_field(text: str) -> None:
    """A user who writes ``task_type=code`` does not change the task's type."""
    assert not any(b"=" in token or b"~" in token for token in view_text(text).tokens)


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_a_fresh_process_gives_the_same_features(hash_seed: str) -> None:
    """Whatever the salt of Python's own hash."""
    program = (
        "import sys, msgspec\n"
        "from tracetier.features.extract import extract\n"
        "from tracetier.records import Task\n"
        "found = extract(msgspec.json.decode(sys.argv[1], type=Task))\n"
        "print(found.ids.tolist(), found.row)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, msgspec.json.encode(SAMPLE).decode()],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )

    found = extract(SAMPLE)
    assert done.stdout.strip() == f"{found.ids.tolist()} {found.row}"


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(SAMPLE, id="attributes"),
        pytest.param(Task(text="of no matter", task_type="code", tools=["bash"]), id="names"),
        pytest.param(Task(tools=[f"t{i}" for i in range(100)]), id="many tools"),
        pytest.param(Task(), id="nothing"),
    ],
)
def test_hashed_names_are_the_same_at_hand_and_anew(task: Task) -> None:
    """The second time they may come from what is kept."""
    anew = crcs(field_tokens(task)).tolist()

    assert field_hashes(task).tolist() == field_hashes(task).tolist() == anew


def test_hashed_names_at_hand_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Callers who make up names fill no memory, and are answered all the same."""
    monkeypatch.setattr(words, "_MAX_NAMED", 4)
    monkeypatch.setattr(words, "_named", {})

    for number in range(20):
        task = Task(agent_name=f"a{number}")
        assert field_hashes(task).tolist() == [crc32(b"agent_name=a%d" % number)]
        assert len(words._named) <= 4
