"""The clients against the real app, and against a real server."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tracetier import AsyncClient, Client, Feedback, SettingsError, Task, TierError
from tracetier.client.retry import Retry
from tracetier.records import Decision

pytest.importorskip("fastapi", reason='needs pip install "tracetier[serve]"')

from tests.serve.conftest import Server, make_router

from tracetier.serve.app import create_app
from tracetier.serve.auth import Access
from tracetier.serve.service import Service
from tracetier.settings import Settings

TOKEN = "0123456789abcdef"


def _with_client(job: Callable[[AsyncClient], Any], **given: Any) -> Any:
    """Run a job with a client of an app without a socket."""

    async def run() -> Any:
        service = Service(make_router())
        app = create_app(service, Settings(), **given)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            AsyncClient("http://127.0.0.1", token=TOKEN, transport=transport) as client,
        ):
            return await job(client)

    return asyncio.run(run())


def test_the_whole_life_of_a_decision() -> None:
    """Decide, look up, report twice, look up again."""

    async def job(client: AsyncClient) -> None:
        decision = await client.route(Task(text="Prove it.", task_type="edit"), trace_id="t")
        assert isinstance(decision, Decision)
        assert sum(decision.propensities.values()) == pytest.approx(1.0)
        first = await client.feedback(decision.decision_id, quality=8.0)
        again = await client.feedback(decision.decision_id, quality=8.0, cost_usd=0.5)
        assert (first.new, again.new) == (["quality"], ["cost_usd"])
        found = await client.decision(decision.decision_id)
        assert found is not None
        assert (found.quality, found.cost_usd, found.task_type) == (8.0, 0.5, "edit")
        assert await client.decision("none") is None

    _with_client(job)


def test_batches_traces_and_health() -> None:
    """The other verbs."""

    async def job(client: AsyncClient) -> None:
        decisions = await client.route_batch(["a", "b"], allowed=["low"])
        assert [each.tier for each in decisions] == ["low", "low"]
        reports = [Feedback(decision_id=each.decision_id, cost_usd=0.5) for each in decisions]
        assert [each.new for each in await client.feedback_many(reports)] == [["cost_usd"]] * 2
        decision = await client.route("c", trace_id="t")
        receipt = await client.feedback_trace("t", quality=3.0)
        assert receipt.credited == [decision.decision_id]
        assert (await client.health()).status == "ok"

    _with_client(job)


def test_what_is_wrong_is_raised_as_by_a_router() -> None:
    """A tier that is not declared, and a token that is not known."""

    async def wrong_tier(client: AsyncClient) -> None:
        with pytest.raises(TierError, match="the tiers are low, high") as error:
            await client.route("a", allowed=["lo"])
        assert error.value.field == "allowed"

    async def wrong_token(client: AsyncClient) -> None:
        with pytest.raises(SettingsError) as error:
            await client.route("a")
        assert TOKEN not in str(error.value)

    _with_client(wrong_tier)
    _with_client(wrong_token, access=Access([("ci", ["route"], TOKEN[::-1])]))


@pytest.mark.slow
def test_a_client_of_a_real_server_outlives_its_restart(tmp_path: Path) -> None:
    """What was decided before is reported after; reports meanwhile wait for it."""
    state = f"sqlite://{tmp_path}/bandit.db"
    first = Server(tmp_path, "--state", state)
    port = first.client.base_url.port
    with Client(f"http://127.0.0.1:{port}", retry=Retry(times=0)) as client:
        decision = client.route("Rename foo to bar.")
        first.stop()
        first.close()
        second = Server(tmp_path, "--state", state, "--port", str(port))
        try:
            assert client.feedback(decision.decision_id, quality=8.0).new == ["quality"]
            assert client.feedback(decision.decision_id, quality=8.0).new == []
        finally:
            second.close()
