"""What a router writes is what ingest reads."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.decision_log.schema import LOG_VERSION, DecisionLine, FeedbackLine, encode_line
from tracetier.records import Task, TierScore

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
_DECODE = msgspec.json.Decoder(DecisionLine | FeedbackLine).decode


@given(
    propensity=st.floats(0.01, 1), text=st.text(max_size=20), quality=st.none() | st.floats(0, 10)
)
def test_a_line_comes_back_as_it_was(propensity: float, text: str, quality: float | None) -> None:
    """Both kinds, from the bytes alone."""
    decision = DecisionLine(
        tracetier_log=LOG_VERSION,
        decision_id="d",
        timestamp=NOW,
        tier="low",
        propensity=propensity,
        propensities={"low": propensity, "high": 1 - propensity},
        scores={"low": TierScore(0.5, 0.1, 4.9, 0.2, 4.8)},
        task=Task(text=text, tools=["a"]),
    )
    feedback = FeedbackLine(
        tracetier_log=LOG_VERSION, decision_id="d", timestamp=NOW, quality=quality
    )

    assert _DECODE(encode_line(decision)) == decision
    assert _DECODE(encode_line(feedback)) == feedback


def test_a_line_is_one_line() -> None:
    """Whatever the text."""
    line = DecisionLine(
        tracetier_log=1,
        decision_id="d",
        timestamp=NOW,
        tier="low",
        propensity=1.0,
        task=Task(text="a\nb\u2028c"),
    )

    assert b"\n" not in encode_line(line)


@pytest.mark.parametrize("kind", ["decision", "feedback"])
def test_every_line_names_its_version_and_kind(kind: str) -> None:
    """Also where all else has its default."""
    fields: dict[str, Any] = {"tracetier_log": 1, "decision_id": "d", "timestamp": NOW}
    line = (
        FeedbackLine(**fields)
        if kind == "feedback"
        else DecisionLine(tier="low", propensity=1.0, **fields)
    )
    plain = msgspec.json.decode(encode_line(line))

    assert (plain["kind"], plain["tracetier_log"]) == (kind, 1)
