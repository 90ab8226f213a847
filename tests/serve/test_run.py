"""Real servers: started, stopped, killed, without their store, and in company."""

import json
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tracetier.api import ingest, train
from tracetier.demo.sample import synthetic_records
from tracetier.errors import SettingsError
from tracetier.serve.auth import Access
from tracetier.serve.run import (
    ACCEPTED_AT_ONCE,
    WORKER_S,
    ServeConfig,
    _several,
    build_app,
    check,
    listen,
    serve,
)
from tracetier.settings import Settings

if TYPE_CHECKING:
    from tests.serve.conftest import Redis, Server

    Start = Callable[..., Server]

TASK = {"task": {"text": "Rename foo to bar", "task_type": "rename"}}
SECRET = "s3cret-token-of-the-tests-0123456789"
slow = pytest.mark.slow


def _config(**given: Any) -> ServeConfig:
    return ServeConfig(artifact="models/prod", **given)


def test_several_workers_need_a_state_that_they_can_share() -> None:
    """Each would learn for itself."""
    with pytest.raises(SettingsError, match="2 workers cannot share a state in memory"):
        check(_config(workers=2, state=None))
    check(_config(workers=2, state="sqlite://state/bandit.db"))


def test_workers_are_given_time_to_start_and_to_answer(
    monkeypatch: pytest.MonkeyPatch, golden: Path, tmp_path: Path
) -> None:
    """On a busy machine the web server's own five seconds would break off each renewal."""
    given: list[Any] = []

    class Recorder:
        has_failed = False

        def __init__(self, config: Any, sockets: Any, target: Any = None) -> None:
            given.append(config)

        def run(self) -> None:
            pass

    monkeypatch.setattr("tracetier.serve.supervisor.Supervisor", Recorder)
    for name in ("start_logging", "ignore_signals"):
        monkeypatch.setattr(f"tracetier.serve.run.{name}", lambda **_: None)
    with socket.socket() as listening:
        state = f"sqlite://{tmp_path}/state.db"
        serve(ServeConfig(artifact=str(golden), workers=2, state=state), listening)

    assert given[0].workers == 2
    assert given[0].timeout_worker_healthcheck == WORKER_S > 5


def test_another_host_needs_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Declared in the environment or a file, or --insecure."""
    with pytest.raises(SettingsError, match="no token is declared"):
        check(_config(host="0.0.0.0"))
    check(_config(host="0.0.0.0", is_insecure=True))
    monkeypatch.setenv("TRACETIER_TOKENS", f"ops:admin:{SECRET}")
    assert check(_config(host="0.0.0.0")).names == ("ops (admin)",)


def test_a_folder_of_models_must_exist(tmp_path: Path) -> None:
    """Else no swap could ever succeed."""
    with pytest.raises(SettingsError, match="--models"):
        check(_config(models=str(tmp_path / "missing")))
    assert _config().models_folder == Path("models").resolve()


def test_a_port_that_is_taken_is_told() -> None:
    """With the ways out, before anything is loaded."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf":{port}: .*another --host or --port"):
            listen(_config(port=port))


def test_many_clients_that_come_at_once_are_taken_on_together() -> None:
    """By as many sockets as are taken on from between two turns, all of them the one address."""
    sockets = _several(listen(_config(port=0)))
    sockets[0].listen()
    address = sockets[0].getsockname()
    clients = [socket.create_connection(address) for _ in sockets]
    taken = [each.accept()[0] for each in sockets]

    assert len(sockets) == ACCEPTED_AT_ONCE
    assert {each.getpeername() for each in taken} == {each.getsockname() for each in clients}
    for each in (*sockets, *clients, *taken):
        each.close()


def test_an_open_service_on_this_machine_checks_its_name(golden: Path, tmp_path: Path) -> None:
    """One with tokens answers to whatever name it has."""

    def hosts(**given: Any) -> Any:
        config = ServeConfig(artifact=str(golden), **given)
        return build_app(config).gate.admission.hosts

    assert b"127.0.0.1" in hosts()
    assert hosts(is_insecure=True) is None
    tokens = tmp_path / "tokens"
    tokens.write_text(f"ops:admin:{SECRET}\n")
    tokens.chmod(0o600)
    assert hosts(tokens_file=str(tokens)) is None
    assert Access.load(tokens).names == ("ops (admin)",)


def _route(client: httpx.Client) -> str:
    answer = client.post("/v1/route", json=TASK)
    answer.raise_for_status()
    return str(answer.json()["decision_id"])


@slow
def test_a_server_that_is_told_to_end_stores_everything_first(server: "Start") -> None:
    """Requests under way are answered; what was decided a moment ago is known after a restart."""
    first = server("--state", "state.db")
    ids = [_route(first.client) for _ in range(20)]
    assert first.stop() == 0

    second = server("--state", "state.db")
    found = [second.client.get(f"/v1/decisions/{each}").json() for each in ids]

    assert [each["is_open"] for each in found] == [True] * 20
    assert {each["bucket"] for each in found} == {"rename"}
    assert "stopped" in first.text()


@slow
def test_tokens_and_tasks_are_in_nothing_that_a_server_writes(server: "Start") -> None:
    """Its whole output, every request logged, wrong and right ones."""
    made = server("--log-requests", TRACETIER_TOKENS=f"a:admin:{SECRET}")
    good, bad = {"authorization": f"Bearer {SECRET}"}, {"authorization": f"Bearer {SECRET}x"}

    statuses = [
        made.client.post("/v1/route", json=TASK, headers=headers).status_code
        for headers in (good, bad, {})
    ]
    made.client.get(f"/v1/decisions/{SECRET}?token={SECRET}", headers=good)

    assert statuses == [200, 401, 401]
    assert made.stop() == 0
    text = made.text()
    assert "a (admin)" in text
    assert "Rename foo" not in text.replace("curl", "", 1).partition("serving")[2]
    assert SECRET not in text


@slow
def test_a_worker_that_is_killed_is_replaced_and_nothing_acknowledged_is_lost(
    server: "Start", eventually: Callable[..., bool]
) -> None:
    """Reports go on while it dies; each that was answered 200 is known afterwards."""
    made = server("--workers", "2", "--state", "state.db")
    before = made.workers()
    assert len(before) == 2
    url = str(made.client.base_url)
    acknowledged: list[str] = []

    def report(_: int) -> None:
        with httpx.Client(base_url=url, timeout=20) as client:
            try:
                decision_id = _route(client)
                given = {"decision_id": decision_id, "quality": 7.0, "cost_usd": 0.01}
                answer = client.post("/v1/feedback", json=given)
            except httpx.TransportError:
                return  # its worker died: not acknowledged
            assert answer.status_code in (200, 404), answer.text
            if answer.status_code == 200:
                acknowledged.append(decision_id)

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(report, i) for i in range(120)]
        time.sleep(0.3)
        os.kill(before[0], signal.SIGKILL)
        for job in jobs:
            job.result()

    assert eventually(lambda: len(made.workers()) == 2 and before[0] not in made.workers())
    assert len(acknowledged) > 50
    again = [{"decision_id": each, "quality": 1.0, "cost_usd": 1.0} for each in acknowledged]

    def is_known() -> bool:
        answer = made.client.post("/v1/feedback", json={"reports": again})
        return answer.status_code == 200 and not any("new" in r for r in answer.json()["receipts"])

    assert eventually(is_known)


@slow
def test_a_swapped_artifact_decides_in_every_worker(
    server: "Start", golden: Path, tmp_path: Path, eventually: Callable[..., bool]
) -> None:
    """Swapped by one of them, followed by the other."""
    models = tmp_path / "models"
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(each) + "\n" for each in synthetic_records(60)))
    ingest(log, tmp_path / "table", settings=Settings())
    train(tmp_path / "table", models / "new", settings=Settings(n_jobs=1, folds=2))
    shutil.copytree(golden, models / "old")
    made = server("--workers", "2", "--state", "state.db", "--models", str(models))
    old_id = made.client.get("/readyz").json()["artifact_id"]

    answer = made.client.post("/v1/artifact", json={"path": "new"}).json()

    assert answer["previous"] == old_id != answer["artifact_id"]

    def all_decide_by_it() -> bool:
        ids = set()
        for _ in range(20):  # a connection each, so that both workers are met
            url = f"{made.client.base_url}/v1/route"
            ids.add(httpx.post(url, json=TASK, timeout=20).json()["artifact_id"])
        return ids == {answer["artifact_id"]}

    assert eventually(all_decide_by_it)
    before = made.workers()
    os.kill(before[0], signal.SIGKILL)
    assert eventually(lambda: len(made.workers()) == 2 and before[0] not in made.workers())
    assert eventually(all_decide_by_it)  # though it was started with the path of the old one
    assert made.stop() == 0


@slow
def test_two_servers_that_share_a_redis_agree_within_a_quarter_second(
    server: "Start", redis: "Redis"
) -> None:
    """Q of every bucket and tier, to the bit, 250 ms after the last report."""
    redis.start()
    one, two = (server("--state", redis.url) for _ in range(2))
    for i in range(30):
        by = (one, two)[i % 2]
        decision_id = _route(by.client)
        to = (one, two)[(i // 2) % 2]
        report = {"decision_id": decision_id, "quality": float(i % 10), "cost_usd": 0.001 * i}
        assert to.client.post("/v1/feedback", json=report).status_code == 200

    time.sleep(0.25)
    q = [each.client.get("/v1/policy").json()["q"] for each in (one, two)]

    assert q[0] == q[1]


@slow
def test_a_server_without_its_redis_decides_and_says_so(
    server: "Start", redis: "Redis", eventually: Callable[..., bool]
) -> None:
    """From the start, by the prior; reports are refused, not lost; with Redis all is well again."""
    made = server("--state", redis.url)
    eventually(lambda: made.client.get("/readyz").json()["status"] == "degraded")

    answer = made.client.post("/v1/route", json=TASK)
    decision_id = answer.json()["decision_id"]
    report = {"decision_id": decision_id, "quality": 9.0, "cost_usd": 0.01}
    refused = made.client.post("/v1/feedback", json=report)
    metrics = made.client.get("/metrics").text

    assert answer.status_code == 200
    assert answer.headers["x-tracetier-degraded"] == "state"
    assert answer.json()["degraded"][0].startswith("state: the state store does not answer")
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    assert 'tracetier_degraded{part="state"} 1.0' in metrics

    redis.start()
    assert eventually(lambda: made.client.get("/readyz").json()["status"] == "ok")
    assert made.client.post("/v1/feedback", json=report).json()["receipts"][0]["new"] == [
        "quality",
        "cost_usd",
    ]
    redis.stop()
    assert eventually(lambda: made.client.get("/readyz").json()["status"] == "degraded")
    assert made.client.post("/v1/route", json=TASK).status_code == 200
