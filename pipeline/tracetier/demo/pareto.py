"""Real outcomes for the demo: the example data inside the wheel of ``paretobandit``.

Graded answers of three models to 3,609 public benchmark prompts, with their costs in USD. Only
these two data files are read; the package's code is never imported.
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path

from tracetier.demo.source import DemoSource
from tracetier.errors import InputError
from tracetier.records import Task
from tracetier.tiers import Tier, TierSet

PACKAGE, DISTRIBUTION = "pareto_bandit", "paretobandit 0.1.1"
SHA256 = {
    "val.jsonl": "9590556ee832bb8e27b0e838eb4fd6b656e69e39c99ef067fc6379abc7f168ef",
    "test_holdout.jsonl": "b2f7e0e034902d254b3620770d98824cb932ad9cbecd38b9ce00345620a70665",
}
"""The data files, and what they must hold for the figures of the demo to be those we know."""


def real_source() -> DemoSource:
    """Return the example outcomes, once their content was checked.

    Raises
    ------
    InputError
        If the package is not installed, or its files are not the ones that are expected.
    """
    return DemoSource(
        title="REAL outcomes: 3,609 benchmark prompts, each answered by 3 models and graded",
        notice=(
            f"Example data of {DISTRIBUTION} by Annette Taberner-Miller, Apache-2.0 licence,",
            "https://github.com/ParetoBandit/ParetoBandit (grades by a judge model, costs in USD).",
        ),
        files=_checked_files(_folder()),
        tiers=TierSet(
            (
                Tier(name="llama-8b", models=("meta-llama/llama-3.1-8b-instruct",)),
                Tier(name="mistral-large", models=("mistralai/mistral-large-2512",)),
                Tier(name="gemini-pro", models=("google/gemini-2.5-pro",)),
            )
        ),
        lam=0.3,
        is_synthetic=False,
        live=(
            Task(
                text="A baker sells 14 loaves a day at $3.50 each and spends $18 a day on flour. "
                "How much money does she have left after five days?",
                task_type="gsm8k",
            ),
            Task(
                text="Write a Python function that returns the longest common prefix of a list "
                "of strings.",
                task_type="mbpp",
            ),
            Task(text="Which of these is a mammal? (A) trout (B) bat (C) gecko (D) wasp"),
        ),
    )


def _folder() -> Path:
    # Finding a top-level package runs none of it.
    spec = find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec else None
    if not places:
        raise InputError(
            f"the example data of {DISTRIBUTION} is not installed; "
            "for real outcomes: pip install 'tracetier[demo]'"
        )
    return Path(places[0]) / "data" / "examples"


def _checked_files(folder: Path) -> tuple[Path, ...]:
    for name, expected in SHA256.items():
        try:
            found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        except OSError as error:
            raise InputError(
                f"{str(folder / name)!r} cannot be read: {error.strerror or error}; install "
                "'tracetier[demo]' again"
            ) from error
        if found != expected:
            raise InputError(
                f"{str(folder / name)!r} is not the file of {DISTRIBUTION} (SHA-256 {found[:12]}…, "
                f"expected {expected[:12]}…); install 'tracetier[demo]' again"
            )
    return tuple(folder / name for name in SHA256)
