"""A plain loop: ask which model, call it, say how good it was and what it cost.

python examples/plain_loop.py --service http://127.0.0.1:8080 --upstream http://127.0.0.1:9000/v1
"""

import argparse

import httpx

from tracetier import Client, Task

USD_PER_MTOK = {"haiku": (1.0, 5.0), "sonnet": (3.0, 15.0), "opus": (5.0, 25.0)}
TASKS = (
    Task(text="Rename the main class of billing.", task_type="rename"),
    Task(text="Explain what the search module does.", task_type="explain"),
    Task(text="Design a migration of auth to the new schema.", task_type="design"),
)


def ask_model(upstream: str, model: str | None, text: str) -> tuple[str, dict[str, int]]:
    """Call the model, as your own code does already."""
    asked = {"model": model, "messages": [{"role": "user", "content": text}]}
    answer = httpx.post(f"{upstream}/chat/completions", json=asked).raise_for_status().json()
    return answer["choices"][0]["message"]["content"], answer["usage"]


def judged(answer: str) -> float:
    """Say how good an answer is, 0-10: your tests, a user's thumb, a judge."""
    return 1.0 if answer.startswith("I cannot") else 9.0


def main() -> None:
    """Run every task twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--service", default="http://127.0.0.1:8080")
    parser.add_argument("--upstream", default="http://127.0.0.1:9000/v1")
    given = parser.parse_args()
    with Client(given.service) as client:
        for task in TASKS * 2:
            decision = client.route(task)
            answer, usage = ask_model(given.upstream, decision.model, task.text)
            per_input, per_output = USD_PER_MTOK[decision.tier]
            cost_usd = (
                usage["prompt_tokens"] * per_input + usage["completion_tokens"] * per_output
            ) / 1e6
            client.feedback(decision.decision_id, quality=judged(answer), cost_usd=cost_usd)
            print(f"{decision.tier:7} {judged(answer):4.1f} ${cost_usd:.4f}  {task.text}")


if __name__ == "__main__":
    main()
