"""OpenAI's own client against the gateway, over a socket: chat, streams, tools, errors, retries."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.serve.gateway.conftest import KEY, TIERS, Running, Start

from tracetier.serve.auth import Access

openai: Any = pytest.importorskip("openai", reason="the client is of the extra dev")

TOKEN = "token-of-the-client"
ASK = [{"role": "user", "content": "Rename foo to bar."}]
TOOL = {"type": "function", "function": {"name": "read", "parameters": {"type": "object"}}}


@pytest.fixture
def gateway(start: Start) -> Running:
    """A gateway that wants a token."""
    return start(access=Access([("ci", ["route", "feedback"], TOKEN)]))


@pytest.fixture
def client(gateway: Running) -> Iterator[Any]:
    """The provider's client, which knows of nothing but an address and a token."""
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key=TOKEN, max_retries=0) as made:
        yield made


def test_chat(gateway: Running, client: Any) -> None:
    """The answer of the tier that the headers name; its cost is learned by itself."""
    raw = client.chat.completions.with_raw_response.create(model="tracetier", messages=ASK)
    answer, headers = raw.parse(), raw.headers
    ((report, tier),) = gateway.wait_for_reports(1)

    assert answer.choices[0].message.content == "All is well."
    assert headers["x-tracetier-tier"] in TIERS
    assert answer.model == headers["x-tracetier-model"] == f"fake-{headers['x-tracetier-tier']}"
    assert (report.decision_id, tier) == (
        headers["x-tracetier-decision"],
        headers["x-tracetier-tier"],
    )
    price = {"haiku": 1.0, "sonnet": 4.0, "opus": 16.0}[tier]  # 100 in, 20 out at ten times it
    assert report.cost_usd == pytest.approx(300 * price / 1e6)


def test_streaming(gateway: Running, client: Any) -> None:
    """Word by word; the usage that the client asked for is the cost that is learned."""
    words, usage = "", None
    for chunk in client.chat.completions.create(
        model="tracetier:floor=opus",
        messages=ASK,
        stream=True,
        stream_options={"include_usage": True},
    ):
        words += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        usage = chunk.usage or usage
    ((report, tier),) = gateway.wait_for_reports(1)

    assert words == "All is well."
    assert usage is not None
    assert (usage.prompt_tokens, tier) == (100, "opus")
    assert report.cost_usd == pytest.approx(0.0048)


def test_a_stream_without_usage_costs_nobody_knows_what(gateway: Running, client: Any) -> None:
    """It is passed on byte for byte, so nothing is asked for; the next call is reported alone."""
    (*_, last) = client.chat.completions.create(model="tracetier", messages=ASK, stream=True)
    client.chat.completions.create(model="tracetier", messages=ASK)

    assert last.choices[0].finish_reason == "stop"
    assert "stream_options" not in gateway.upstream.requests[0].body
    assert len(gateway.wait_for_reports(1)) == 1


def test_usage_can_be_asked_for(start: Start) -> None:
    """By a setting; the client then gets one chunk more."""
    gateway = start(gateway={"ask_usage": True})
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key="x", max_retries=0) as client:
        chunks = list(client.chat.completions.create(model="tracetier", messages=ASK, stream=True))

    assert chunks[-1].usage is not None
    assert gateway.wait_for_reports(1)[0][0].cost_usd is not None


@pytest.mark.parametrize("stream", [False, True])
def test_tools(gateway: Running, client: Any, stream: bool) -> None:
    """Offered to the router and the model, called by the model, whole or in pieces."""
    ask = [{"role": "user", "content": "tool"}]
    answer = client.chat.completions.create(
        model="tracetier", messages=ask, tools=[TOOL], stream=stream
    )
    if stream:
        pieces = [chunk.choices[0].delta.tool_calls for chunk in answer]
        arguments = "".join(piece[0].function.arguments for piece in pieces if piece)
    else:
        arguments = answer.choices[0].message.tool_calls[0].function.arguments

    assert arguments == '{"path": "a.txt"}'
    assert gateway.log.tasks[0].tools == ["read"]
    assert gateway.upstream.requests[0].body["tools"] == [TOOL]


def test_errors_are_the_clients_own(client: Any) -> None:
    """Of the upstream, passed on, and of the gateway, in the same form."""
    with pytest.raises(openai.BadRequestError) as passed:
        client.chat.completions.create(
            model="tracetier", messages=[{"role": "user", "content": "fail 400"}]
        )
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="gpt-unheard-of", messages=ASK)
    with pytest.raises(openai.BadRequestError) as wrong:
        client.chat.completions.create(model="tracetier:lam=much", messages=ASK)

    assert passed.value.body["message"] == "as told: 400"
    assert unknown.value.code == "model_not_found"
    assert "write tracetier, tracetier:lam=1.0" in str(wrong.value)


def test_a_wrong_token_is_refused(gateway: Running) -> None:
    """As the client expects it."""
    with (
        openai.OpenAI(base_url=gateway.url + "/v1", api_key="another-token-here") as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.chat.completions.create(model="tracetier", messages=ASK)
    assert gateway.upstream.requests == []


def test_the_client_retries_what_it_retries(gateway: Running) -> None:
    """All tiers are at their limit: the client waits as it is told, and succeeds."""
    for name in TIERS:
        gateway.upstream.fails[f"fake-{name}"] = (429, {"Retry-After-Ms": "20", "Retry-After": "1"})

    class Heals(openai.DefaultHttpxClient):  # type: ignore[misc]
        def send(self, request, **options):  # type: ignore[no-untyped-def]
            answer = super().send(request, **options)
            gateway.upstream.fails.clear()
            return answer

    with openai.OpenAI(
        base_url=gateway.url + "/v1", api_key=TOKEN, max_retries=1, http_client=Heals()
    ) as client:
        answer = client.chat.completions.create(model="tracetier", messages=ASK)

    assert answer.choices[0].message.content == "All is well."


def test_no_key_of_one_side_reaches_the_other(gateway: Running, client: Any) -> None:
    """The upstream sees its own, the client none."""
    raw = client.chat.completions.with_raw_response.create(model="tracetier", messages=ASK)

    sent = gateway.upstream.requests[0]
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert TOKEN not in str(sent)
    assert KEY not in str(raw.headers) + raw.text
