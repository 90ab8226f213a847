"""Which way leads to an upstream: straight, or by the proxy that the environment names."""

import asyncio

import pytest
from tests.serve.gateway.test_direct import GOOD, STREAM, Served

from tracetier.serve.gateway.config import Upstream
from tracetier.serve.gateway.direct import Direct
from tracetier.serve.gateway.network import Network, open_transport
from tracetier.serve.gateway.proxied import Proxied
from tracetier.serve.gateway.transport import UpstreamError

UPSTREAM = Upstream(name="u", api="anthropic", base_url="http://models.test", timeout_s=5.0)


def test_the_environment_names_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """And who is called without."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "localhost,.local.test")
    ways = [
        type(open_transport(Upstream(name="u", api="openai", base_url=f"{url}/v1")))
        for url in ("http://models.test", "https://models.test", "http://a.local.test")
    ]

    assert ways == [Proxied, Direct, Direct]


@pytest.mark.parametrize(
    ("name", "proxy", "no_proxy", "way"),
    [
        ("http_proxy", "127.0.0.1:9", "", Proxied),
        ("all_proxy", "http://127.0.0.1:9", "", Proxied),
        ("http_proxy", "http://127.0.0.1:9", "models.test:80", Direct),
        ("http_proxy", "http://127.0.0.1:9", "models.test:81", Proxied),
        ("http_proxy", "http://127.0.0.1:9", "models.test", Direct),
    ],
)
def test_a_proxy_is_named_in_any_form_that_others_take(
    name: str, proxy: str, no_proxy: str, way: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a scheme, for all schemes, and left out for a host or a port of it."""
    monkeypatch.setenv(name, proxy)
    monkeypatch.setenv("no_proxy", no_proxy)

    assert type(open_transport(UPSTREAM)) is way


def test_a_proxy_of_no_use_is_not_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a failure of the upstream, so that another may be tried."""
    monkeypatch.setenv("http_proxy", "gopher://127.0.0.1:9")

    with pytest.raises(UpstreamError, match="no usable proxy"):
        asyncio.run(Network().send(UPSTREAM, b"{}", []))


def test_by_a_proxy_an_answer_comes_as_it_does_straight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole or as a stream, on one connection; it is a proxy that was asked."""

    async def job() -> None:
        served = Served()
        server = await asyncio.start_server(served, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        network = Network()
        try:
            for answer in (GOOD, STREAM + b"0\r\n\r\n", GOOD):
                served.answer = answer
                found = await network.send(UPSTREAM, b"{}", [(b"content-type", b"x")], query=b"a=b")
                is_whole = found.is_ended
                rest = b"" if is_whole else await found.next()
                await found.close()

                assert (found.status, found.first, rest) == (200, b"ok", b"")
                assert is_whole == (answer == GOOD)
                assert found.is_ended
            served.answer = STREAM[:-4]
            with pytest.raises(UpstreamError, match="timeout"):
                await Network().send(
                    Upstream(name="v", api="openai", base_url="http://m.test", timeout_s=0.1),
                    *(b"{}", []),
                )
        finally:
            await network.close()
            server.close()
            served.close_all()
            await asyncio.sleep(0.01)

        assert served.n_connections == 2
        assert served.requests[0].startswith(
            b"POST http://models.test/v1/messages?a=b HTTP/1.1\r\n"
        )

    asyncio.run(job())
