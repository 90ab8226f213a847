"""The result of a Harbor trial, which lies beside the trajectory of its agent, not in it."""

from pathlib import Path

from msgspec import Struct

from tracetier.errors import InputError
from tracetier.ingest.formats._typed_json import decoder, read_document
from tracetier.ingest.issue import Issue
from tracetier.ingest.source import Source
from tracetier.ingest.span import Score


class Verified(Struct, frozen=True):
    """What the verifier found, under one name or several."""

    rewards: dict[str, float] | None = None
    reward: float | None = None


class Raised(Struct, frozen=True):
    """What ended a trial early."""

    exception_type: str | None = None


class ModelInfo(Struct, frozen=True):
    """The model of the agent."""

    name: str | None = None
    provider: str | None = None


class AgentInfo(Struct, frozen=True):
    """The agent of the trial."""

    model_info: ModelInfo | None = None


class Trial(Struct, frozen=True):
    """``result.json`` of a trial."""

    task_name: str | None = None
    trial_name: str | None = None
    verifier_result: Verified | None = None
    exception_info: Raised | None = None
    agent_info: AgentInfo | None = None

    @property
    def scores(self) -> tuple[Score, ...]:
        """The rewards, from 0 to 1."""
        if self.verifier_result is None:
            return ()
        found = dict(self.verifier_result.rewards or {})
        if self.verifier_result.reward is not None:
            found.setdefault("reward", self.verifier_result.reward)
        return tuple(
            Score(name=name, value=value, source="programmatic", low=0, high=1, better="high")
            for name, value in found.items()
        )


_TRIAL = decoder(Trial)


def trial_of(trajectory: Path) -> Trial:
    """Return the trial that a trajectory is of: its result lies in the folder, or in one above."""
    for folder in trajectory.absolute().parents[:2]:
        path = folder / "result.json"
        try:
            if not path.is_file():
                continue
            found = read_document(Source(path), _TRIAL)
        except (OSError, InputError):
            continue
        if not isinstance(found, Issue) and found.task_name is not None:
            return found
    return Trial()
