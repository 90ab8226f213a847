"""An orchestrator that spawns sub-agents side by side, each on the tier that its task needs.

    python examples/orchestrator.py --service http://127.0.0.1:8080

Every sub-agent belongs to one trace. What the whole came to is known at the end only, and is then
credited to all of its decisions.
"""

import argparse
import asyncio
import uuid

import httpx

from tracetier import AsyncClient, Task

PLAN = (
    ("explore", "Explain what the export module does."),
    ("edit", "Rename the helpers of export."),
    ("test", "Write unit tests for export."),
    ("review", "Prove that export loses no event."),
)


async def sub_agent(
    client: AsyncClient, http: httpx.AsyncClient, trace_id: str, name: str, text: str
) -> str:
    """Let a sub-agent of the right tier do one part."""
    task = Task(text=text, agent_name=name, level="agent_run", session_id=trace_id)
    decision = await client.route(task, trace_id=trace_id)
    asked = {"model": decision.model, "messages": [{"role": "user", "content": text}]}
    answer = (await http.post("chat/completions", json=asked)).raise_for_status().json()
    said: str = answer["choices"][0]["message"]["content"]
    print(f"{name:8} {decision.tier:7} {said}")
    return said


async def orchestrate(service: str, upstream: str) -> None:
    """Carry out the plan, and report what came of it."""
    trace_id = uuid.uuid4().hex
    async with (
        AsyncClient(service) as client,
        httpx.AsyncClient(base_url=f"{upstream}/") as http,
    ):
        parts = [sub_agent(client, http, trace_id, name, text) for name, text in PLAN]
        answers = await asyncio.gather(*parts)
        n_done = sum(not answer.startswith("I cannot") for answer in answers)
        quality = 10.0 * n_done / len(answers)
        receipt = await client.feedback_trace(trace_id, quality=quality)
        print(f"{quality:.1f} of 10 for {len(receipt.credited)} sub-agents")


def main() -> None:
    """Run once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--service", default="http://127.0.0.1:8080")
    parser.add_argument("--upstream", default="http://127.0.0.1:9000/v1")
    given = parser.parse_args()
    asyncio.run(orchestrate(given.service, given.upstream))


if __name__ == "__main__":
    main()
