r"""Whether a command that an agent ran runs tests, and whether those passed.

How test runners are called tells the one; the summary that they print last tells the other, also
where the command itself ends well because its output went through ``tail``.
"""

import re
from functools import lru_cache
from typing import TypedDict

import msgspec
from msgspec import Raw

_MOST_CHARS = 20_000
_CACHED_CHARS = 400
_TAIL_CHARS = 800
_START, _END = slice(_MOST_CHARS), slice(-_TAIL_CHARS, None)
_PARTS = re.compile(r"\\n|[;&|()\n\"'`]+")  # of a command line, plain or as JSON
_ARGUMENTS = re.compile(r'"\s*,\s*"')
_BEFORE = (
    r"(?:(?:uv|poetry|pipenv|hatch|pdm|rye) run |npx |bunx |bundle exec |sudo |time "
    r"|timeout \S+ |env |nice |xvfb-run |bash -l?c |sh -c |\w+=\S* )*"
)
_RUNS = re.compile(
    _BEFORE + r"(?:\S*/)?(?:pytest|py\.test|tox|nox|jest|vitest|mocha|rspec|phpunit|ctest"
    r"|python[\d.]* (?:-\w+ )*?-m (?:pytest|unittest)|python[\d.]* \S*manage\.py test"
    r"|(?:npm|yarn|pnpm|bun|deno)(?: run)? test|npm t"
    r"|(?:go|cargo|dotnet|swift|mix|bazel|rake|rails|composer|sbt|zig build) test"
    r"|(?:make|just) (?:\S+ )*?(?:test|check)|cargo nextest run"
    r"|(?:gradlew?|mvnw?)(?: \S+)*? test)(?![\w.=/-])"
)
_LINE_END = re.compile(r"\\r\\n|\\n|\r?\n")  # plain, or within JSON
_STYLE = re.compile(r"(?:\x1b|\\u001b|\\x1b)\[[\d;]*m")
_SUMMARY = re.compile(
    r"(?:=+ )?(?=.* in [\d.]+ ?m?s)(?P<counts>(?:\d+ \w+(?:, )?)+ in )"  # pytest
    r"|(?P<bad>FAILED \((?:failures|errors)=|FAIL\b(?:\s|$)|test result: FAILED)"  # unittest, go
    r"|(?P<good>OK(?: \([^)]*\))?$|ok\s+\S+\s+[\d.(]|PASS$|test result: ok)"
    r"|Tests?:? +(?P<listed>.*\b(?:passed|failed)\b.*)"  # jest, vitest
    r"|(?P<examples>\d+ examples?, (?P<n_failed>\d+) failures?)"  # rspec
    r"|(?P<n_failing>\d+) failing$|(?P<passing>\d+ passing\b)"  # mocha
)
# One of them is in each summary, and none in most of what else is printed.
_SIGNS = ("pass", "fail", "PASS", "FAIL", "OK", "ok", "rror in ", "rrors in ")
_TROUBLE = re.compile(r"\b[1-9]\d* (?:failed|errors?)\b")


class RanTests(TypedDict):
    """What is told of the tests that a tool step ran."""

    is_test: bool
    have_passed: bool | None


NO_TESTS: RanTests = {"is_test": False, "have_passed": None}


def ran_tests(given: object, output: object) -> RanTests:
    """Return whether a step ran tests, and whether they passed.

    Parameters
    ----------
    given, output : object
        What the tool was given and what came of it: text, JSON, or what was decoded of that.
    """
    is_test = runs_tests(_plain(given, _START))
    return {
        "is_test": is_test,
        "have_passed": have_passed(_plain(output, _END)) if is_test else None,
    }


def runs_tests(command: str) -> bool:
    """Whether a command, plain or as JSON, runs tests.

    Examples
    --------
    >>> runs_tests("cd app && npm run test -- --watch=false"), runs_tests('{"command":"make test"}')
    (True, True)
    >>> runs_tests('["bash","-lc","uv run pytest -q"]'), runs_tests("pip install pytest")
    (True, False)
    >>> runs_tests("cat tests/latest.txt"), runs_tests("grep -r jest .")
    (False, False)
    """
    return _often(command) if len(command) <= _CACHED_CHARS else _runs_tests(command)


def have_passed(output: str) -> bool | None:
    r"""Whether the tests passed, by the summaries that end an output; ``None`` where none is there.

    Several, as of several packages, must all be good.

    Examples
    --------
    >>> have_passed("F.\n==== 1 failed, 2 passed in 0.12s ===="), have_passed("3 passed in 1.0s")
    (False, True)
    >>> have_passed("Ran 2 tests in 0.001s\n\nOK"), have_passed("ok  \tapp/a\t0.2s\nFAIL")
    (True, False)
    >>> have_passed("collected 3 items")
    """
    found, tail = None, output[-_TAIL_CHARS:]
    if not any(sign in tail for sign in _SIGNS):
        return None
    for line in _LINE_END.split(tail):
        told = _told(_STYLE.sub("", line).strip(" \t\"'}]"))
        if told is not None:
            found = told if found is None else found and told
    return found


def _plain(value: object, part: slice) -> str:
    """Return a part of a value as text, mostly JSON; nothing of what is none."""
    if value is None or isinstance(value, str):
        return (value or "")[part]
    if isinstance(value, Raw):
        return bytes(memoryview(value)[part]).decode("utf-8", "replace")
    try:
        return msgspec.json.encode(value)[part].decode("utf-8", "replace")
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        return ""


def _told(line: str) -> bool | None:
    match = _SUMMARY.match(line)
    if match is None:
        return None
    if counts := match["counts"] or match["listed"]:
        return not _TROUBLE.search(counts)
    if match["examples"]:
        return match["n_failed"] == "0"
    return bool(match["good"] or match["passing"])


def _runs_tests(command: str) -> bool:
    whole = _ARGUMENTS.sub(" ", command[:_MOST_CHARS])
    return any(_RUNS.match(part.strip()) for part in _PARTS.split(whole))


_often = lru_cache(maxsize=1024)(_runs_tests)  # agents call the same again and again
