"""Which headers pass, in either direction."""

import pytest

from tracetier.serve.gateway.config import Upstream
from tracetier.serve.gateway.headers import to_client, to_upstream

OPENAI = Upstream(name="o", api="openai", base_url="http://127.0.0.1/v1")
ANTHROPIC = Upstream(name="a", api="anthropic", base_url="http://127.0.0.1")

SECRETS = [
    (b"authorization", b"Bearer mine"),
    (b"x-api-key", b"mine"),
    (b"api-key", b"mine"),
    (b"x-goog-api-key", b"mine"),
    (b"cookie", b"mine"),
    (b"proxy-authorization", b"mine"),
    (b"x-forwarded-for", b"mine"),
    (b"openai-organization", b"mine"),
]


@pytest.mark.parametrize("upstream", [OPENAI, ANTHROPIC], ids=lambda each: each.api)
@pytest.mark.parametrize("key", [None, "theirs"])
def test_nothing_of_the_clients_own_goes_on(upstream: Upstream, key: str | None) -> None:
    """No token, cookie or address, whether the upstream has a key of its own or not."""
    sent = to_upstream(SECRETS, upstream, key)

    assert not any(b"mine" in value for _, value in sent)
    assert any(b"theirs" in value for _, value in sent) is (key is not None)


def test_each_protocol_gets_its_key_in_its_own_way() -> None:
    """And Anthropic's a version, unless the client names one."""
    openai, anthropic = dict(to_upstream([], OPENAI, "k")), dict(to_upstream([], ANTHROPIC, "k"))
    newer = to_upstream([(b"anthropic-version", b"2030-01-01")], ANTHROPIC, "k")

    assert openai[b"authorization"] == b"Bearer k"
    assert b"x-api-key" not in openai
    assert (anthropic[b"x-api-key"], anthropic[b"anthropic-version"]) == (b"k", b"2023-06-01")
    assert [value for name, value in newer if name == b"anthropic-version"] == [b"2030-01-01"]


def test_what_a_protocol_needs_goes_on() -> None:
    """Features in beta, traces, who asks; an answer is asked for as it is, not packed."""
    given = [(b"anthropic-beta", b"x"), (b"traceparent", b"00-1"), (b"user-agent", b"me")]
    sent = to_upstream([*given, (b"accept-encoding", b"gzip")], ANTHROPIC, None)

    assert set(given) <= set(sent)
    assert [value for name, value in sent if name == b"accept-encoding"] == [b"identity"]


def test_what_is_between_two_neighbours_does_not_come_back() -> None:
    """Nor cookies, nor what only this service may say; but limits, retries and ids do."""
    kept = [
        (b"content-type", b"text/event-stream"),
        (b"retry-after", b"3"),
        (b"x-ratelimit-remaining-requests", b"1"),
        (b"request-id", b"req_1"),
    ]
    dropped = [
        (b"Connection", b"keep-alive, X-Hop"),
        (b"X-Hop", b"1"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Set-Cookie", b"a=b"),
        (b"Date", b"now"),
        (b"X-Tracetier-Decision", b"forged"),
    ]

    assert to_client([*dropped, *kept]) == kept
