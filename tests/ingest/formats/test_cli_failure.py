"""Which failures of a coding agent's program lie outside the model."""

import pytest

from tracetier.ingest.formats._cli_failure import failure_of


@pytest.mark.parametrize(
    ("told", "error_type", "is_outside"),
    [
        ("API Error: 529 Overloaded. This is a server-side issue", "http_529", True),
        ('{"status":503,"error":{"type":"api_error"}}', "http_503", True),
        ("Please run /login · API Error: 403 Request not allowed", "http_403", True),
        ("exceeded retry limit, last status: 429 Too Many Requests", "http_429", True),
        ("Claude AI usage limit reached|1759400000", "usage_limit", True),
        ("Credit balance is too low", "account", True),
        ('{"cause":{"code":"FailedToOpenSocket"}}', "connection", True),
        ("stream disconnected before completion", "connection", True),
        ("Request timed out.", "api_error", True),
        ("API Error: 400 prompt is too long: 210000 tokens", "prompt_too_long", False),
        ('"context_window_exceeded"', "prompt_too_long", False),
        ("response exceeded the 32000 output token maximum", "output_limit", False),
        ("unable to respond, which appears to violate our Usage Policy", "refused", False),
        ("API Error: 400 invalid tool schema", "http_400", False),
        ("something else", "api_error", False),
        ("", "api_error", False),
    ],
)
def test_a_failure_is_the_provider_s_or_the_model_s(
    told: str, error_type: str, is_outside: bool
) -> None:
    """An overloaded provider says nothing of the tier; a context that is too long does."""
    assert failure_of(told) == (error_type, is_outside)
