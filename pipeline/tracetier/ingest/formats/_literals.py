"""Python literals, as data frames write them into CSV, read without running anything.

``ast.literal_eval`` evaluates no code, but a long or deep text can exhaust the memory or the stack
of the parser. So a text must first be short, made of nothing but strings, numbers, names of
constants and brackets, and those not nested deeply.
"""

import ast
import re
import warnings

MAX_CHARS = 4_000_000
_MAX_DEPTH = 50
_TOKENS = re.compile(
    r"""\s+
    | [bru]{0,2}'[^'\\\n]*(?:\\.[^'\\\n]*)*'
    | [bru]{0,2}"[^"\\\n]*(?:\\.[^"\\\n]*)*"
    | -?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?
    | None | True | False
    | (?P<bracket>[\[\](){}])
    | [,:]
    """,
    re.VERBOSE,
)
_MAX_DIGITS = re.compile(r"\d{400}")


def parse_literal(text: str) -> object:
    """Return the value of a Python literal.

    Raises
    ------
    ValueError
        If the text is anything else, too long, or nested too deeply.

    Examples
    --------
    >>> parse_literal("[{'message.role': 'user', 'n': 1}]")
    [{'message.role': 'user', 'n': 1}]
    >>> parse_literal("__import__('os')")
    Traceback (most recent call last):
    ValueError: no Python literal at character 1
    """
    if len(text) > MAX_CHARS:
        raise ValueError(f"Python literal of {len(text):,} characters, at most {MAX_CHARS:,}")
    _refuse_unsafe(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes that Python does not know
        try:
            return ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            raise ValueError("no Python literal") from None


def _refuse_unsafe(text: str) -> None:
    at = depth = 0
    while at < len(text):
        token = _TOKENS.match(text, at)
        if token is None:
            raise ValueError(f"no Python literal at character {at + 1}")
        bracket = token["bracket"]
        if bracket:
            depth += 1 if bracket in "[({" else -1
        if depth > _MAX_DEPTH:
            raise ValueError(f"Python literal nested deeper than {_MAX_DEPTH}")
        if bracket is None and _MAX_DIGITS.match(token[0]):
            raise ValueError("Python literal with a number of many digits")
        at = token.end()
