"""A session through the gateway, logged by the provider's side, ingested: the same features."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.serve.gateway.conftest import TIERS, Running, Start, settings_of

from tracetier.api import ingest
from tracetier.features.extract import X_COLUMNS, extract
from tracetier.records import Task
from tracetier.table import read_table

SYSTEM = "You are a careful engineer. " * 20


def _turns(api: str) -> list[dict[str, Any]]:
    """Five calls of one session: two good, one refused, its retry, and a new conversation."""
    tools = [{"name": "read"}] if api == "anthropic" else [{"function": {"name": "read"}}]
    first = [{"role": "user", "content": "Rename the function foo to bar in a.py."}]
    second = [*first, {"role": "assistant", "content": "Done."}, {"role": "user", "content": "Go"}]
    bad = [*second[:-1], {"role": "user", "content": "fail 400"}]
    asked = [first, second, bad, second, [{"role": "user", "content": "Now write a test."}]]
    return [{"messages": messages, "tools": tools, "max_tokens": 9} for messages in asked]


def _logged(running: Running, api: str, folder: Path) -> list[dict[str, Any]]:
    """Send the turns; write the log as one who stands before the provider would."""
    path = "/v1/messages" if api == "anthropic" else "/v1/chat/completions"
    headers = {"x-tracetier-session": f"s-{api}"}
    with (folder / "calls.jsonl").open("w") as log, httpx.Client(base_url=running.url) as client:
        for body in _turns(api):
            start = datetime.now(UTC)
            answer = client.post(path, json={"model": "tracetier"} | body, headers=headers)
            sent = running.upstream.requests[-1].body
            record: dict[str, Any] = {
                "session_id": f"s-{api}",
                "started_at": start.isoformat(),
                "ended_at": datetime.now(UTC).isoformat(),
                "request": {"url": f"http://upstream{path}", "body": sent},
                "response": {"status_code": answer.status_code, "body": answer.json()},
            }
            # Else all answers have one id, and would be one call told five times.
            record["response"]["body"]["id"] = f"a{len(running.log.tasks)}"
            log.write(json.dumps(record) + "\n")
    ingest(folder / "calls.jsonl", folder / "table", settings=settings_of("http://127.0.0.1:1"))
    rows = read_table(folder / "table").to_pylist()
    return sorted(rows, key=lambda row: row["timestamp"])


@pytest.mark.parametrize("api", ["openai", "anthropic"])
def test_a_router_meets_live_what_it_learned_on(api: str, start: Start, tmp_path: Path) -> None:
    """Every feature of every call, but for the pause, which two clocks measured."""
    running = start()
    rows = _logged(running, api, tmp_path)
    tasks = running.log.tasks

    assert len(rows) == len(tasks) == 5
    assert [row["turn_index"] for row in rows] == [0, 1, 2, 3, 4]
    assert [row["n_prior_errors"] for row in rows] == [0, 0, 0, 1, 1]
    assert [row["n_prior_retries"] for row in rows] == [0, 0, 0, 0, 1]
    assert rows[1]["context_tokens"] == (120 if api == "openai" else 1020)
    for task, row in zip(tasks, rows, strict=True):
        _assert_same(task, row)


def _assert_same(task: Task, row: dict[str, Any]) -> None:
    names = ["text", "tools", "n_tools", "level", "turn_index", "n_prior_errors"]
    names += ["n_prior_retries", "context_tokens", "last_failed", "last_tier"]
    logged = {name: row["task_text" if name == "text" else name] for name in names}
    assert {name: getattr(task, name) for name in names} == logged
    assert row["last_tier"] in (None, *TIERS)
    live = dict(zip(X_COLUMNS, extract(task).row, strict=True))
    stored = {name: float("nan") if row[name] is None else row[name] for name in X_COLUMNS}
    assert live.pop("x_idle") == pytest.approx(stored.pop("x_idle"), abs=0.1, nan_ok=True)
    assert live == pytest.approx(stored, rel=1e-6, nan_ok=True)
