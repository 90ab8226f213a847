"""Classes of errors, and which of them say nothing of a model."""

import pytest

from tracetier.ingest.formats._error_text import Failure, failure_of


@pytest.mark.parametrize(
    ("text", "error_type", "is_infrastructure"),
    [
        ("RateLimitError('slow down')", "RateLimitError", True),
        ("litellm.RateLimitError: AnthropicException - overloaded", "RateLimitError", True),
        ("anthropic.APIStatusError: Error code: 529 - Overloaded", "APIStatusError", True),
        ("openai.APIStatusError: Error code: 413 - too large", "APIStatusError", False),
        ("httpx.ReadTimeout", "ReadTimeout", True),
        ("ValueError('no connection between the ideas')", "ValueError", False),
        ("BadRequestError: prompt is about rate limits", "BadRequestError", False),
        ("FileNotFoundError: notes.txt", "FileNotFoundError", False),
        ("Too many requests, try again", None, True),
        ("it does not add up", None, False),
        (None, None, False),
        ("", None, False),
    ],
)
def test_the_class_decides_and_words_only_where_it_is_open(
    text: str | None, error_type: str | None, is_infrastructure: bool
) -> None:
    """A message quotes the task, which may be about anything."""
    assert failure_of(text) == Failure("error", error_type, is_infrastructure)


@pytest.mark.parametrize("text", ["CancelledError()", "KeyboardInterrupt()", "Cancelled by user"])
def test_what_was_cancelled_did_not_fail(text: str) -> None:
    """It says nothing of the model."""
    found = failure_of(text)

    assert (found.outcome, found.is_infrastructure) == ("cancelled", True)


def test_a_traceback_counts_by_what_was_raised() -> None:
    """Lines and paths of the program hold numbers and words of all kinds."""
    trace = 'Traceback (most recent call last)\n  File "connect.py", line 429, in <module>\n'

    assert failure_of(trace + "ValueError: no bird") == Failure("error", "ValueError", False)
    assert failure_of("ValueError('no bird')" + trace + "  timeout").is_infrastructure is False


@pytest.mark.parametrize(("status", "expected"), [(429, True), (503, True), (400, False)])
def test_the_status_counts_without_words(status: int, expected: bool) -> None:
    """A class of the log's own is kept."""
    found = failure_of("no", error_type="Odd", status=status)

    assert found == Failure("error", "Odd", expected)
