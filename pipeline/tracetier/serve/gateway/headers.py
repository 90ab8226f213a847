"""Which headers pass, in either direction.

To an upstream goes what a provider's protocol needs and nothing else of the client's: no token,
no cookie, no header that is not known here. Back comes all but what is between two neighbours.
"""

from collections.abc import Iterable
from typing import Final

from tracetier.serve.gateway.config import Upstream

Headers = list[tuple[bytes, bytes]]

_SENT: Final = frozenset({b"accept", b"openai-beta", b"traceparent", b"tracestate", b"user-agent"})
_SENT_PREFIXES: Final = (b"anthropic-", b"x-stainless-")

HOP_BY_HOP: Final = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization"),
        *(b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"),
    }
)
_OWN: Final = frozenset({b"date", b"server", b"set-cookie", b"alt-svc", b"x-request-id"})
_OURS: Final = b"x-tracetier-"
_ANTHROPIC_VERSION: Final = (b"anthropic-version", b"2023-06-01")


def to_upstream(
    given: Iterable[tuple[bytes, bytes]], upstream: Upstream, key: str | None
) -> Headers:
    """Return the headers of a request to an upstream; names of ``given`` are in lower case.

    Examples
    --------
    >>> upstream = Upstream(name="a", api="openai", base_url="http://127.0.0.1")
    >>> to_upstream([(b"authorization", b"Bearer mine"), (b"accept", b"*/*")], upstream, "theirs")
    [(b'accept', b'*/*'), (b'content-type', b'application/json'), ... b'Bearer theirs')]
    """
    headers = [
        (name, value) for name, value in given if name in _SENT or name.startswith(_SENT_PREFIXES)
    ]
    headers.append((b"content-type", b"application/json"))
    # What is passed on byte for byte must also be read on its way, for its usage.
    headers.append((b"accept-encoding", b"identity"))
    if upstream.api == "anthropic" and not any(name == b"anthropic-version" for name, _ in headers):
        headers.append(_ANTHROPIC_VERSION)
    if key is not None:
        own = (b"authorization", b"Bearer " + key.encode())
        headers.append((b"x-api-key", key.encode()) if upstream.api == "anthropic" else own)
    return headers


def to_client(given: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return the headers of an upstream's answer that the client gets.

    The upstream's request id goes under a name of its own, since this service has one too.

    Examples
    --------
    >>> to_client([(b"Connection", b"close"), (b"Retry-After", b"2"), (b"X-Request-Id", b"r1")])
    [(b'retry-after', b'2'), (b'x-tracetier-upstream-request-id', b'r1')]
    """
    given = [(name.lower(), value) for name, value in given]
    named = {
        part.strip().lower()
        for name, value in given
        if name == b"connection"
        for part in value.split(b",")
    }
    dropped = HOP_BY_HOP | _OWN | named
    headers = [each for each in given if each[0] not in dropped and not each[0].startswith(_OURS)]
    headers += [(_OURS + b"upstream-request-id", v) for name, v in given if name == b"x-request-id"]
    return headers
