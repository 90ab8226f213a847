"""Which keys have come before."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tracetier.ingest.seen import SeenKeys


@given(batches=st.lists(st.lists(st.integers(0, 50), max_size=30), max_size=12))
def test_a_key_is_new_once(batches: list[list[int]]) -> None:
    """Against a plain set."""
    seen, plain = SeenKeys(), set[tuple[str, int]]()
    for batch in batches:
        keys = [("t", key) for key in batch]
        expected = []
        for key in keys:
            expected.append(key not in plain)
            plain.add(key)
        assert seen.add(keys).tolist() == expected

    assert len(seen) == len(plain)


def test_many_batches_stay_in_few_sorted_arrays() -> None:
    """So that a look-up stays fast, and a key takes 8 bytes."""
    seen = SeenKeys()
    for start in range(0, 200_000, 1_000):
        assert seen.add(range(start, start + 1_000)).all()

    blocks = seen._blocks
    assert len(blocks) <= 9
    assert all(np.all(block[:-1] < block[1:]) for block in blocks)
    assert sum(block.nbytes for block in blocks) == 8 * 200_000
