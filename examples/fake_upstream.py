"""A stand-in for a model provider: OpenAI's chat completions on this machine, without a key.

    python examples/fake_upstream.py --port 9000

The cheaper a model, the fewer tasks it masters: "haiku" gives up on proofs and designs, "sonnet" on
proofs. An answer of one that gives up starts with "I cannot".
"""

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BEYOND = {"haiku": ("prove", "design"), "sonnet": ("prove",), "opus": ()}


class Upstream(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer a chat completion."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        body = json.dumps(completion(asked)).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Be quiet."""


def completion(asked: dict[str, Any]) -> dict[str, Any]:
    """Return what a model of that name says."""
    model, text = asked["model"], " ".join(str(m["content"]) for m in asked["messages"])
    beyond = next((words for name, words in BEYOND.items() if name in model), ())
    gives_up = any(word in text.lower() for word in beyond)
    answer = "I cannot do this." if gives_up else f"Done, says {model}."
    return {
        "id": "fake-1",
        "object": "chat.completion",
        "created": 1_767_600_000,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": answer},
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 400 + len(text) // 4,
            "completion_tokens": 600,
            "total_tokens": 1000 + len(text) // 4,
        },
    }


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=9000, help="0 takes a free one")
    server = ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Upstream)
    print(f"http://127.0.0.1:{server.server_address[1]}/v1", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
