"""Outcomes reported by a thread: costs at once, guesses once nobody has said more."""

import threading
from collections.abc import Iterator, Sequence

import pytest
from tests.serve.conftest import make_router

from tracetier.errors import StorageError
from tracetier.ingest.formats._provider_usage import Tokens
from tracetier.records import Feedback, Task
from tracetier.route.outcome import Receipt
from tracetier.serve.gateway.answer import Outcome
from tracetier.serve.gateway.proxies import Seen
from tracetier.serve.gateway.report import MAX_TRIES, Ended, Reporter, Retried
from tracetier.serve.service import Service
from tracetier.tiers import Tier

TIER = Tier(name="low", input_usd_per_mtok=1.0, output_usd_per_mtok=10.0)
TOKENS = Tokens(input=100, output=20)


class Slow(Service):
    """A service that keeps what it is told, and refuses as often as a test wants."""

    def __init__(self) -> None:
        super().__init__(make_router())
        self.given: list[tuple[str, Feedback]] = []
        self.n_refusals = 0
        self.asked = threading.Semaphore(0)

    def feedback_many(self, reports: Sequence[Feedback], *, source: str = "api") -> list[Receipt]:
        """Take reports, unless it is to refuse."""
        try:
            if self.n_refusals > 0:
                self.n_refusals -= 1
                raise StorageError("the disk is full")
            receipts = super().feedback_many(reports, source=source)
            self.given += [(source, report) for report in reports]
            return receipts
        finally:
            self.asked.release()


@pytest.fixture
def service() -> Iterator[Slow]:
    """A service over two tiers."""
    made = Slow()
    yield made
    made.close()


def _ended(service: Service, **changes: object) -> Ended:
    given = {
        "decision_id": service.route(Task(text="a")).decision_id,
        "model": "small-1",
        "tier": TIER,
        "outcome": Outcome(tokens=TOKENS),
    }
    return Ended(**(given | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "cost_usd"),
    [
        pytest.param({}, 0.0003, id="the tier's own price"),
        pytest.param({"outcome": Outcome(tokens=TOKENS, price_factor=0.5)}, 0.00015, id="half"),
        pytest.param({"outcome": Outcome(tokens=TOKENS, cost_usd=0.25)}, 0.25, id="told"),
        pytest.param(
            {"tier": None, "model": "claude-haiku-4-5", "outcome": Outcome(tokens=TOKENS)},
            0.0002,
            id="the list's price",
        ),
        pytest.param(
            {"tier": None, "outcome": Outcome(model="claude-haiku-4-5", tokens=TOKENS)},
            0.0002,
            id="of the model that answered",
        ),
    ],
)
def test_a_cost_is_reported(service: Slow, changes: dict[str, object], cost_usd: float) -> None:
    """100 tokens in at 1 USD, 20 out at 10 (or 5) USD a million."""
    reporter = Reporter(service)
    reporter.give(_ended(service, **changes))
    reporter.close()

    ((source, report),) = service.given
    assert source == "gateway"
    assert report.cost_usd == pytest.approx(cost_usd)
    assert report.quality is None


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"outcome": Outcome()}, id="no usage"),
        pytest.param({"outcome": Outcome(tokens=Tokens(input=5))}, id="half of it"),
        pytest.param({"tier": None}, id="no price"),
        pytest.param({"outcome": Outcome(cost_usd=-1.0)}, id="negative"),
        pytest.param({"outcome": Outcome(tokens=Tokens(input=-5, output=1))}, id="absurd"),
    ],
)
def test_a_cost_that_nobody_knows_is_not_reported(
    service: Slow, changes: dict[str, object]
) -> None:
    """It is not 0."""
    reporter = Reporter(service)
    reporter.give(_ended(service, **changes))
    reporter.close()

    assert service.given == []
    assert reporter.trouble is None


def test_a_guess_is_reported_where_nobody_says_more(service: Slow) -> None:
    """Truncated and retried: 10 * (1 - 0.5 - 0.25)."""
    reporter = Reporter(service, weights={"truncation": 0.5, "retry": 0.25}, wait_s=3600.0)
    ended = _ended(service, seen=lambda: Seen(truncation=True))
    reporter.give(ended)
    reporter.give(Retried(ended.decision_id))
    reporter.give(Retried("unknown"))
    reporter.close()  # what waits is due then

    assert [(source, report.quality) for source, report in service.given] == [
        ("gateway", None),
        ("proxy", 2.5),
    ]


def test_an_explicit_report_goes_before_a_guess(service: Slow) -> None:
    """It came while the guess was waiting."""
    reporter = Reporter(service, weights={"truncation": 0.5}, wait_s=3600.0)
    ended = _ended(service, seen=lambda: Seen(truncation=True))
    reporter.give(ended)
    assert service.asked.acquire(timeout=10)  # its cost is in
    service.feedback(Feedback(decision_id=ended.decision_id, quality=9.0))
    reporter.close()

    assert [source for source, _ in service.given] == ["gateway", "api"]


def test_without_weights_nothing_is_guessed(service: Slow) -> None:
    """Proxies are off unless they are declared."""
    reporter = Reporter(service)
    reporter.give(_ended(service, seen=lambda: Seen(error=True)))
    reporter.close()

    assert [report.quality for _, report in service.given] == [None]


def test_what_the_store_refuses_is_tried_again(service: Slow) -> None:
    """Once at the end at the latest; nothing is lost by a hiccup."""
    service.n_refusals = 1
    reporter = Reporter(service)
    reporter.give(_ended(service))
    assert service.asked.acquire(timeout=10)
    assert service.asked.acquire(timeout=10)
    reporter.close()

    assert len(service.given) == 1
    assert reporter.trouble is None


def test_what_stays_refused_is_told(service: Slow) -> None:
    """In the health of the service."""
    service.n_refusals = MAX_TRIES
    reporter = Reporter(service)
    reporter.give(_ended(service))
    assert service.asked.acquire(timeout=10)
    reporter.close()

    assert service.given == []
    assert reporter.trouble == "1 outcomes were not reported"


def test_a_decision_that_expired_costs_the_others_nothing(service: Slow) -> None:
    """A group with one that is not known any more."""
    reporter = Reporter(service)
    reporter.give(_ended(service, decision_id="gone"))
    for _ in range(3):
        reporter.give(_ended(service))
    reporter.close()

    assert len(service.given) == 3
