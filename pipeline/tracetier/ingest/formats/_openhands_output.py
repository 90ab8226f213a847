"""Lines of OpenHands' older evaluation, ``output.jsonl``: one instance of a benchmark per line."""

from msgspec import Struct

from tracetier.ingest.formats._openhands_record import Llm, Metrics
from tracetier.ingest.span import Score


class Setup(Struct, frozen=True):
    """What was run."""

    llm_config: Llm = Llm()
    agent_class: str | None = None
    dataset: str | None = None


class Verdict(Struct, frozen=True):
    """What the tests of the instance said."""

    resolved: bool | None = None


class Tested(Struct, frozen=True):
    """What came of the instance."""

    report: Verdict | None = None


class Output(Struct, frozen=True):
    """One line."""

    instance_id: str
    instruction: str | None = None
    metadata: Setup = Setup()
    metrics: Metrics | None = None
    test_result: Tested | None = None
    error: str | None = None

    @property
    def scores(self) -> tuple[Score, ...]:
        """The verdict, where there is one."""
        report = self.test_result.report if self.test_result is not None else None
        if report is None or report.resolved is None:
            return ()
        told = report.resolved
        return (Score(name="resolved", value=told, source="programmatic", better="high"),)
