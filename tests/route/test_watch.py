"""A state's accounts: no sum is kept where nobody will look for it."""

import pytest
from msgspec import structs

from tracetier.heads.prior import PriorStats
from tracetier.route import savings
from tracetier.route.event import Decided
from tracetier.route.learner import start_document
from tracetier.route.savings import DAY_S
from tracetier.route.watch import Accounts


@pytest.fixture
def accounts(prior: PriorStats) -> Accounts:
    """Of a state that saw nothing, with two days kept."""
    document = start_document(
        "residual",
        prior,
        params=None,
        artifact_id="artifact-1",
        tiers=("low", "mid", "high"),
        cost_ref_usd=0.02,
        lam=0.0,
    )
    return Accounts(document)


def _decided(day: int, session_id: str | None = None) -> Decided:
    event = Decided("d", 0, 1, [0.5] * 3, [0.1] * 3, 0.0, 1.0, float(day * DAY_S), None, None)
    return structs.replace(event, session_id=session_id, usd=0.004)


def test_a_day_has_rows_of_the_tiers_that_were_taken(accounts: Accounts) -> None:
    """No empty ones."""
    accounts.decided(_decided(0))

    assert {day: list(tiers) for day, tiers in accounts.savings.days.items()} == {
        "1970-01-01": ["mid"]
    }


def test_a_day_that_makes_room_takes_what_comes_late_with_it(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decisions of a session turn to new days while a clock that is behind goes on with its own."""
    monkeypatch.setattr(savings, "MAX_DAYS", 2)
    accounts.decided(_decided(0))
    for day in (1, 2, 3):
        accounts.decided(_decided(day, session_id="s"))
    accounts.decided(_decided(0))

    assert accounts.savings.total().decisions == 5
