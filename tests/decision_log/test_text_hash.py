"""A hash that stands for a text: keyed, the same everywhere, or refused."""

from hashlib import blake2b

import pytest

from tracetier.decision_log.text_hash import hash_key, keyed_hash
from tracetier.errors import SettingsError


def test_a_key_that_is_too_short_is_refused_with_the_mend() -> None:
    """Guesses could be checked against it; the key itself is not shown."""
    with pytest.raises(SettingsError, match=r"has 5 bytes, at least 16 .*openssl rand") as error:
        hash_key({"TRACETIER_HASH_KEY": "short"})

    assert "short" not in str(error.value)


def test_no_key_is_none() -> None:
    """Unset and empty alike."""
    assert hash_key({}) is hash_key({"TRACETIER_HASH_KEY": ""}) is None
    assert hash_key({"TRACETIER_HASH_KEY": "k" * 16}) == b"k" * 16


def test_a_long_key_is_hashed_first() -> None:
    """BLAKE2b takes 64 bytes of key at most."""
    key = b"k" * 65
    short = blake2b(key).digest()

    assert keyed_hash("a", key) == keyed_hash("a", short)
    assert keyed_hash("a", key) != keyed_hash("a", key[:64])
