"""Secrets of the shapes that are found, made up by the generator; none was ever in use."""

import re

from hypothesis import strategies as st

_SHAPES = (
    r"sk-[A-Z0-9][A-Za-z0-9]{47}",
    r"sk-ant-api03-[A-Z0-9][A-Za-z0-9_-]{60}",
    r"sk-proj-[A-Z0-9][A-Za-z0-9_-]{40}",
    r"AKIA[A-Z0-9]{16}",
    r"gh[pousr]_[A-Za-z0-9]{36}",
    r"github_pat_[A-Za-z0-9_]{59}",
    r"xox[abprs]-[0-9]{11}-[A-Za-z0-9]{24}",
    r"AIza[A-Za-z0-9_-]{35}",
    r"eyJ[A-Za-z0-9_-]{20}\.eyJ[A-Za-z0-9_-]{20}\.[A-Za-z0-9_-]{20}",
    r"Bearer [A-Za-z0-9_.-]{24}",
    r"(?:password|token|api_key|client_secret)=[A-Za-z0-9!#$%*+/?^_~-]{8,20}",
    r"\"password\": \"[A-Za-z0-9 !#$%*+/?^_~-]{8,20}\"",
    r"[a-z]{3,8}\.[a-z]{3,8}@[a-z]{3,8}\.example\.(?:com|org)",
    r"/(?:home|Users)/[a-z]{3,8}[0-9]{3}/x",
    r"C:\\Users\\[a-z]{3,8}[0-9]{3}\\x",
    r"-----BEGIN RSA PRIVATE KEY-----\n[A-Za-z0-9+/]{64}\n-----END RSA PRIVATE KEY-----",
)
SECRETS = tuple(re.compile(shape) for shape in _SHAPES)


def secrets() -> st.SearchStrategy[str]:
    """Return any secret of any shape."""
    return st.one_of([st.from_regex(shape, fullmatch=True) for shape in SECRETS])
