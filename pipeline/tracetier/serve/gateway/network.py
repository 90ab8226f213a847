"""Requests to upstreams: a way to each, opened when it is first needed."""

from collections.abc import Callable
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from tracetier.serve.gateway.config import Upstream
from tracetier.serve.gateway.direct import Direct
from tracetier.serve.gateway.headers import Headers
from tracetier.serve.gateway.proxied import Proxied
from tracetier.serve.gateway.transport import Answering, Transport, UpstreamError

OpenTransport = Callable[[Upstream], Transport]


def open_transport(upstream: Upstream) -> Transport:
    """Return the way to an upstream: straight, or by the proxy that the environment names.

    Raises
    ------
    UpstreamError
        If it names one that is of no use; to go without it is not what was asked for.
    """
    parts = urlsplit(upstream.base_url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if not proxy or proxy_bypass(f"{parts.hostname}:{port}"):
        return Direct(upstream)
    if "://" not in proxy:  # a bare host and port, which httpx does not take for an address
        proxy = f"http://{proxy}"
    try:
        return Proxied(upstream, proxy)
    except (ValueError, ImportError):  # of a kind that httpx, or what is installed, does not know
        raise UpstreamError("no usable proxy") from None


class Network:
    """All upstreams.

    Parameters
    ----------
    open_transport : callable
        Upstream -> transport; tests put another in its place.
    """

    def __init__(self, open_transport: OpenTransport = open_transport) -> None:
        self._open_transport = open_transport
        self._transports: dict[str, Transport] = {}

    async def send(
        self, upstream: Upstream, body: bytes, headers: Headers, *, query: bytes = b""
    ) -> Answering:
        """Return an answer that has begun.

        Raises
        ------
        UpstreamError
            If there is none, or its first bytes do not come.
        """
        transport = self._transports.get(upstream.name)
        if transport is None:
            transport = self._transports[upstream.name] = self._open_transport(upstream)
        return await transport.send(body, headers, query)

    async def close(self) -> None:
        """Close all connections."""
        transports, self._transports = list(self._transports.values()), {}
        for transport in transports:
            await transport.close()
