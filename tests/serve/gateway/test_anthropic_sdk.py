"""Anthropic's own client against the gateway, over a socket: messages, streams, tools, errors."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.serve.gateway.conftest import KEY, Running, Start

from tracetier.serve.auth import Access

anthropic: Any = pytest.importorskip("anthropic", reason="the client is of the extra dev")

TOKEN = "token-of-the-client"
ASK: dict[str, Any] = {"max_tokens": 64, "messages": [{"role": "user", "content": "Rename foo."}]}
TOOL = {"name": "read", "description": "Reads.", "input_schema": {"type": "object"}}
DOT = "iVBORw0KGgo="


@pytest.fixture
def gateway(start: Start) -> Running:
    """A gateway that wants a token, which this client sends as ``x-api-key``."""
    return start(access=Access([("ci", ["route", "feedback"], TOKEN)]))


@pytest.fixture
def client(gateway: Running) -> Iterator[Any]:
    """The provider's client, which knows of nothing but an address and a token."""
    with anthropic.Anthropic(base_url=gateway.url, api_key=TOKEN, max_retries=0) as made:
        yield made


def test_messages(gateway: Running, client: Any) -> None:
    """The answer, its decision, and its cost: cached input is priced as the tier has it."""
    raw = client.messages.with_raw_response.create(
        model="tracetier:floor=opus", system="Be brief.", **ASK
    )
    answer = raw.parse()
    ((report, tier),) = gateway.wait_for_reports(1)

    assert answer.content[0].text == "All is well."
    assert (answer.model, tier) == ("fake-opus", "opus")
    assert report.decision_id == raw.headers["x-tracetier-decision"]
    # 100 + 900 from the cache at 16 USD, 20 out at 160 USD a million.
    assert report.cost_usd == pytest.approx((1000 * 16 + 20 * 160) / 1e6)
    assert gateway.upstream.requests[0].body["system"] == "Be brief."


def test_streaming(gateway: Running, client: Any) -> None:
    """Event by event; the running total of its output counts once."""
    with client.messages.stream(model="tracetier:floor=opus", **ASK) as stream:
        words = "".join(stream.text_stream)
        final = stream.get_final_message()
    ((report, _),) = gateway.wait_for_reports(1)

    assert words == "All is well."
    assert final.usage.output_tokens == 20
    assert report.cost_usd == pytest.approx((1000 * 16 + 20 * 160) / 1e6)


@pytest.mark.parametrize("is_stream", [False, True])
def test_tools(gateway: Running, client: Any, is_stream: bool) -> None:
    """Offered to the router and the model, called by the model; a failed result is counted."""
    result = {"type": "tool_result", "tool_use_id": "t0", "content": "no", "is_error": True}
    used = {"type": "tool_use", "id": "t0", "name": "read", "input": {}}
    ask: dict[str, Any] = {
        "max_tokens": 64,
        "tools": [TOOL],
        "messages": [
            {"role": "user", "content": "Read a.txt."},
            {"role": "assistant", "content": [used]},
            {"role": "user", "content": [result, {"type": "text", "text": "tool"}]},
        ],
    }
    if is_stream:
        with client.messages.stream(model="tracetier", **ask) as stream:
            answer = stream.get_final_message()
    else:
        answer = client.messages.create(model="tracetier", **ask)

    assert answer.content[0].input == {"path": "a.txt"}
    (task,) = gateway.log.tasks
    assert (task.text, task.tools) == ("Read a.txt.", ["read"])
    assert (task.turn_index, task.n_prior_errors) == (1, 1)


def test_images_go_to_tiers_that_see(start: Start) -> None:
    """And reach the upstream as they came."""
    from tests.serve.gateway.conftest import TIERS

    from tracetier.tiers import Tier

    tiers = tuple(Tier(name=n, model=f"fake-{n}", vision=n == "opus") for n in TIERS)
    gateway = start(tiers=tiers)
    image = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": DOT},
    }
    content = [image, {"type": "text", "text": "What is it?"}]
    with anthropic.Anthropic(base_url=gateway.url, api_key="x", max_retries=0) as client:
        answer = client.messages.create(
            model="tracetier:lam=1000",
            max_tokens=9,
            messages=[{"role": "user", "content": content}],
        )

    assert answer.model == "fake-opus"
    assert gateway.upstream.requests[0].body["messages"][0]["content"] == content


def test_errors_are_the_clients_own(client: Any) -> None:
    """Of the upstream, passed on, and of the gateway, in the same form."""
    ask = {"max_tokens": 9, "messages": [{"role": "user", "content": "fail 413"}]}
    with pytest.raises(anthropic.APIStatusError) as passed:
        client.messages.create(model="tracetier", **ask)
    with pytest.raises(anthropic.NotFoundError) as unknown:
        client.messages.create(model="claude-unheard-of", **ASK)

    assert passed.value.status_code == 413
    assert passed.value.body["error"]["message"] == "as told: 413"
    assert unknown.value.body["error"]["type"] == "not_found_error"


def test_features_in_beta_reach_the_upstream(gateway: Running, client: Any) -> None:
    """With the upstream's own key."""
    client.beta.messages.create(model="tracetier", betas=["files-api-2025-04-14"], **ASK)

    sent = gateway.upstream.requests[0]
    assert sent.headers["anthropic-beta"] == "files-api-2025-04-14"
    assert (sent.headers["x-api-key"], "authorization" in sent.headers) == (KEY, False)


def test_a_model_that_a_tier_declares_passes_through(gateway: Running, client: Any) -> None:
    """Under its own name, without a decision."""
    raw = client.messages.with_raw_response.create(model="fake-haiku-20260101", **ASK)

    assert raw.headers["x-tracetier-tier"] == "haiku"
    assert "x-tracetier-decision" not in raw.headers
    assert gateway.upstream.requests[0].body["model"] == "fake-haiku-20260101"
    assert gateway.log.tasks == []
