"""Nothing of this folder can be imported without the extra 'fast'."""

from importlib.util import find_spec

collect_ignore_glob = ["test_*.py"] if find_spec("numba") is None else []
