"""How long an agent waits for its hook: the whole process, from start to end.

    python benchmarks/hook.py ARTIFACT [--n 200] [--json]

The command is run as Claude Code runs it, one process per event, against a helper that is up. The
controls are an interpreter that does nothing, and the same decision in a process of its own.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HOOK = "import sys; sys.argv[0] = 'tracetier'; from tracetier.cli import main; main()"
ALONE = (
    "import sys, tracetier as tt; router = tt.Router.load(sys.argv[1]); "
    "router.route(tt.Task(text='Find all API endpoints', task_type='Explore'))"
)
LIMIT_MS = 200.0


def main() -> None:
    """Measure, and print the figures beside the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("artifact")
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tt", dir="/tmp"))
    env = os.environ | {"XDG_RUNTIME_DIR": str(folder), "XDG_STATE_HOME": str(folder)}
    hook = [sys.executable, "-P", "-c", HOOK, "hook", "claude-code"]
    hook += [str(Path(args.artifact).absolute()), "--root", str(folder)]
    try:
        for _ in range(60):
            if subprocess.run(hook, input=_event(0), capture_output=True, env=env).stdout:
                break
            time.sleep(0.5)
        rows = {
            "hook": _times(hook, args.n, env),
            "interpreter alone": _times([sys.executable, "-c", "pass"], args.n, env),
            "deciding in a process of its own": _times(
                [sys.executable, "-c", ALONE, args.artifact], min(args.n, 20), env
            ),
        }
    finally:
        for socket in folder.glob("tracetier/*.sock"):
            socket.unlink()  # its helper ends when it sees that
        time.sleep(2)
        shutil.rmtree(folder, ignore_errors=True)
    told = {name: _summary(times) for name, times in rows.items()}
    if args.json:
        print(json.dumps({"limit_ms": LIMIT_MS, "rows": told}))
        return
    print(f"{'':34}{'n':>5}{'median':>9}{'p99':>9}{'most':>9}   answered")
    for name, row in told.items():
        times = "".join(f"{row[key]:8.0f} " for key in ("p50_ms", "p99_ms", "max_ms"))
        print(f"{name:34}{row['n']:5.0f}{times} ms {row['answered']:8.1%}")
    print(f"limit: {LIMIT_MS:.0f} ms for the hook, its interpreter's start included")


def _times(command: list[str], n: int, env: dict[str, str]) -> list[tuple[float, bool]]:
    times = []
    for i in range(1, n + 1):
        start = time.perf_counter()
        done = subprocess.run(command, input=_event(i), capture_output=True, env=env, check=True)
        times.append((1e3 * (time.perf_counter() - start), bool(done.stdout)))
    return times


def _summary(times: list[tuple[float, bool]]) -> dict[str, float]:
    ms = sorted(each for each, _ in times)
    return {
        "n": len(ms),
        "p50_ms": ms[len(ms) // 2],
        "p99_ms": ms[min(len(ms) - 1, int(0.99 * len(ms)))],
        "max_ms": ms[-1],
        "answered": sum(is_answered for _, is_answered in times) / len(times),
    }


def _event(i: int) -> bytes:
    tool = {"prompt": f"Find all API endpoints of part {i}", "subagent_type": "Explore"}
    event = {"hook_event_name": "PreToolUse", "session_id": "s", "tool_name": "Agent"}
    return json.dumps(event | {"tool_use_id": f"toolu_{i}", "tool_input": tool}).encode()


if __name__ == "__main__":
    main()
