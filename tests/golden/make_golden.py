"""Freeze an artifact as the golden one of its format: once per format, never again.

python tests/golden/make_golden.py models/ARTIFACT
"""

import shutil
import sys
from pathlib import Path

import msgspec

from tracetier.artifact.load import load_artifact
from tracetier.records import Task

TASKS = (
    Task(),
    Task(text="Rename the function foo to bar.", task_type="code_edit", tools=["edit", "bash"]),
    Task(text="What is 7 * 8? (A) 54 (B) 56", task_type="math", prompt_tokens_est=40),
    Task(text="Übersetze: « bonjour »", context_tokens=100_000, turn_index=3, n_prior_errors=2),
    Task(text="def f(x):\n    return x\n" * 50, n_tools=12, latency_limit_s=2.5),
)


def main(source: Path) -> None:
    """Copy the artifact and write down what it predicts today."""
    artifact = load_artifact(source)
    folder = Path(__file__).parent / f"artifact_v{artifact.manifest.format}"
    shutil.copytree(source, folder / "artifact")
    cases = []
    for task in TASKS:
        got = artifact.predictor.predict(task)
        cases.append(
            {
                "task": task,
                "quality": got.quality,
                "cost_usd": got.cost_usd,
                "bucket": got.bucket,
            }
        )
    (folder / "expected.json").write_bytes(
        msgspec.json.format(msgspec.json.encode(cases), indent=1) + b"\n"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
