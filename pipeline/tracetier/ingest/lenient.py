r"""JSON as real logs hold it.

Unlike the typed decoder it takes ``NaN``, and halves of surrogate pairs (``"\ud83d"``, left where a
text was cut), which become U+FFFD in names and values alike.
"""

import json
import re

_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def load_json(line: bytes) -> object:
    r"""Return what a line of JSON says.

    Raises
    ------
    ValueError
        If it is not JSON, or not UTF-8.
    RecursionError
        If it is nested too deeply.

    Examples
    --------
    >>> load_json(b'{"a\\ud83d": "\\ud83d\\ude00"}') == {"a\ufffd": "\U0001f600"}
    True
    """
    found: object = json.loads(line)
    if _ESCAPED_SURROGATE.search(line):
        whole = json.dumps(found, ensure_ascii=False)
        found = json.loads(whole.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    return found
