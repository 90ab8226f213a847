"""Compiled predictions for those who ask, where numba is installed; the same numbers, faster.

numba takes a second to load, and seconds to compile at the first start of a new version, so only
a process that stays asks for it. What was compiled is compared with the plain predictor before it
is used, and the plain one stays where they differ.
"""

import logging
import os
import threading
from collections.abc import Sequence
from typing import Final, Literal

from msgspec.structs import replace

from tracetier.errors import SettingsError
from tracetier.features.spec import X_COLUMNS
from tracetier.heads.predictor import TierPredictor
from tracetier.heads.prior import BatchPredictor, Prediction, Predictor
from tracetier.records import Task

LOGGER: Final = logging.getLogger("tracetier.heads")

OFF_VARIABLE: Final = "TRACETIER_NO_NUMBA"
"""Environment variable that switches acceleration off, whoever asks, where it is not empty."""

TOLERANCE: Final = 1e-9

Accelerate = bool | Literal["auto"]

PROBES: Final = (
    Task(),
    Task(text="Rename foo_1 to bar? (B) 3.5 > 2, `x` http://a.b", tools=["edit", "listFiles"]),
    Task(text="What is the sum of all even numbers below 100, and why? Explain each step.\n" * 3),
    Task(text="Größe 日本語 😀 ÇA VA? " * 40, n_tools=7, attrs={"team": "a", "size": 2.5}),
    Task(text="def f(x):\n    return {x;}\n", context_tokens=9, last_failed=True, level="task"),
    Task(text="a b\nB) c. 12:30, 12 " * 1_500, agent_name="a", last_tier="low", tools=[]),
)
"""Tasks on which both ways of computing must agree; so must they for each task type."""


class Accelerated:
    """A predictor that is the plain one until its compiled form is ready.

    Parameters
    ----------
    plain : TierPredictor
    """

    def __init__(self, plain: TierPredictor) -> None:
        self.plain = plain
        self._now: BatchPredictor = plain

    @property
    def is_compiled(self) -> bool:
        """Whether predictions come from compiled code by now."""
        return self._now is not self.plain

    def predict(self, task: Task) -> Prediction:
        """Predict one task, see `TierPredictor.predict`."""
        return self._now.predict(task)

    def predict_many(self, tasks: Sequence[Task]) -> list[Prediction]:
        """Predict n tasks, see `TierPredictor.predict_many`."""
        return self._now.predict_many(tasks)

    def compile(self) -> bool:
        """Compile, compare, and go over to the compiled form if it agrees; tells whether it did.

        Raises
        ------
        ImportError
            Where numba is not installed.
        """
        from tracetier.heads.compiled.predictor import CompiledPredictor

        compiled = CompiledPredictor(self.plain)
        error = largest_difference(self.plain, compiled)
        if not error <= TOLERANCE:
            LOGGER.warning(
                "compiled predictions differ from the plain ones by %.3g (at most %g), so the "
                "plain ones are used; report numba's version and the processor, or set %s=1",
                error,
                TOLERANCE,
                OFF_VARIABLE,
            )
            return False
        self._now = compiled
        return True


def accelerated(predictor: Predictor, accelerate: Accelerate = "auto") -> Predictor:
    """Return a predictor that gives the same predictions in less time, where that can be had.

    Parameters
    ----------
    predictor : Predictor
    accelerate : bool or "auto"
        ``True`` compiles before it returns. ``"auto"`` compiles in the background, and leaves all
        as it is where numba is not installed. Either way the predictor itself comes back where
        `obstacle` names one.

    Raises
    ------
    SettingsError
        If ``accelerate`` is ``True`` and numba is not installed.
    """
    if not accelerate or os.environ.get(OFF_VARIABLE) or obstacle(predictor) is not None:
        return predictor
    assert isinstance(predictor, TierPredictor)
    faster = Accelerated(predictor)
    if accelerate == "auto":
        # A daemon: a process may end before it is through.
        threading.Thread(target=_try, args=(faster,), name="tracetier-compile", daemon=True).start()
        return faster
    try:
        faster.compile()
    except ImportError as error:
        raise SettingsError(
            "accelerate is True and numba is not installed; pip install 'tracetier[fast]', or say "
            "accelerate='auto'"
        ) from error
    return faster


def as_fast_as(model: Predictor, predictor: Predictor) -> Predictor:
    """Return a predictor, compiled in the background where that of ``model`` was to be."""
    return accelerated(predictor) if isinstance(model, Accelerated) else predictor


def obstacle(predictor: Predictor) -> str | None:
    """Return why a predictor cannot be compiled; ``None`` where it can."""
    if not isinstance(predictor, TierPredictor):
        return f"{type(predictor).__name__} is no predictor of an artifact"
    if predictor.features.embedding is not None:
        return "texts go through a sentence encoder"
    if predictor.features.x_columns != X_COLUMNS:
        return "the artifact takes other columns than this version's extractor makes"
    return None


def largest_difference(plain: TierPredictor, other: Predictor) -> float:
    """Return the largest difference of two predictors on `PROBES`, with every task type.

    Relative where a value is above 1; infinite where the bucket is another.
    """
    types = list(plain.features.buckets.types)
    tasks = [*PROBES, *(replace(PROBES[i % len(PROBES)], task_type=t) for i, t in enumerate(types))]
    return max(_difference(plain.predict(task), other.predict(task)) for task in tasks)


def _difference(a: Prediction, b: Prediction) -> float:
    if a.bucket != b.bucket:
        return float("inf")
    pairs = zip([*a.quality, *a.cost_usd, *a.cost], [*b.quality, *b.cost_usd, *b.cost], strict=True)
    # nan counts as a difference: the caller asks whether this is at most the tolerance.
    return max((abs(x - y) / max(1.0, abs(x)) for x, y in pairs), default=0.0)


def _try(faster: Accelerated) -> None:
    try:
        faster.compile()
    except ImportError:
        LOGGER.debug("numba is not installed, so predictions are not compiled")
    except Exception:  # whatever a compiler says, the plain predictor serves
        LOGGER.warning(
            "predictions could not be compiled, so the plain ones are used", exc_info=True
        )
