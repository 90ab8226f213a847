"""What stands for a text that is withheld: a hash that nobody can check guesses against.

It is keyed, so that only who holds the key can tell whether a text is a given one; logs and tables
that are hashed by one key can be joined.
"""

import os
from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

from tracetier.errors import SettingsError

KEY_VARIABLE: Final = "TRACETIER_HASH_KEY"
_LEAST_KEY_BYTES, _MOST_KEY_BYTES = 16, 64
_HASH_BYTES = 16


def hash_key(env: Mapping[str, str] | None = None) -> bytes | None:
    """Return the key of the environment, ``None`` where there is none.

    Raises
    ------
    SettingsError
        If it is too short to keep anything secret.
    """
    key = (os.environ if env is None else env).get(KEY_VARIABLE, "").encode()
    if key and len(key) < _LEAST_KEY_BYTES:
        raise SettingsError(
            f"{KEY_VARIABLE} has {len(key)} bytes, at least {_LEAST_KEY_BYTES} are needed; make "
            "one by `openssl rand -hex 32`"
        )
    return key or None


def keyed_hash(text: str, key: bytes) -> str:
    """Return the keyed BLAKE2b of a text, 32 hex digits.

    Examples
    --------
    >>> one, other = keyed_hash("a", b"0123456789abcdef"), keyed_hash("a", b"fedcba9876543210")
    >>> len(one), one == other
    (32, False)
    """
    own = key if len(key) <= _MOST_KEY_BYTES else blake2b(key).digest()
    return blake2b(text.encode("utf-8", "replace"), key=own, digest_size=_HASH_BYTES).hexdigest()
