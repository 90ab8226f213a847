"""Whether a command that an agent ran runs tests, by how test runners are called."""

import re

_MOST_CHARS = 20_000
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
    whole = _ARGUMENTS.sub(" ", command[:_MOST_CHARS])
    return any(_RUNS.match(part.strip()) for part in _PARTS.split(whole))
