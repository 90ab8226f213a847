"""Code that uses OpenAI's own SDK: only its base URL and the model's name are other.

    python examples/openai_sdk.py --service http://127.0.0.1:8080

The gateway chooses the tier, calls its upstream, and reports what it cost. How good the answer was,
only you can tell.
"""

import argparse
import os

from openai import OpenAI

from tracetier import Client

TASKS = (
    "Rename the main class of billing.",
    "Explain what the search module does.",
    "Prove that the scheduler never starves a job.",
)


def main() -> None:
    """Ask for every task, and report on it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--service", default="http://127.0.0.1:8080")
    service = parser.parse_args().service
    token = os.environ.get("TRACETIER_TOKEN", "none")
    with OpenAI(base_url=f"{service}/v1", api_key=token) as openai, Client(service) as tracetier:
        for text in TASKS:
            answered = openai.chat.completions.with_raw_response.create(
                model="tracetier", messages=[{"role": "user", "content": text}]
            )
            answer = answered.parse().choices[0].message.content or ""
            quality = 1.0 if answer.startswith("I cannot") else 9.0
            tracetier.feedback(answered.headers["x-tracetier-decision"], quality=quality)
            print(f"{answered.headers['x-tracetier-tier']:7} {quality:4.1f}  {text}")


if __name__ == "__main__":
    main()
