"""Tier and cost, where the log leaves them open."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tracetier.ingest.issue import Fault
from tracetier.ingest.resolve import Resolver
from tracetier.records import Invocation
from tracetier.tiers import Tier, TierSet

DECLARED = TierSet((Tier(name="small", models=("gpt-*-nano",)), Tier(name="large")))
OWN_OPUS = TierSet((Tier(name="large", models=("claude-opus-4*",)), Tier(name="opus")))
PRICED = TierSet((Tier(name="own", input_usd_per_mtok=2.0, output_usd_per_mtok=10.0),))


def _resolve(tiers: TierSet | None, **fields: Any) -> Invocation:
    return Resolver(tiers).resolve(Invocation(trace_id="t", task_id="k", **fields))


@pytest.mark.parametrize(
    ("model", "logged", "tier"),
    [
        pytest.param("claude-3-opus-20240229", "high", "high", id="what the log states first"),
        pytest.param("claude-3-opus-20240229", None, "opus", id="then the Claude family"),
        pytest.param("openai/GPT-5-2025-08-07", None, "gpt-5", id="then the model"),
        pytest.param(None, "high", "high", id="no model"),
    ],
)
def test_without_declared_tiers_the_row_tells(
    model: str | None, logged: str | None, tier: str
) -> None:
    """In a fixed order."""
    assert _resolve(None, model=model, tier=logged).tier == tier


@pytest.mark.parametrize(
    ("model", "logged", "tier"),
    [
        pytest.param("gpt-5-nano", "large", "small", id="the user's pattern first"),
        pytest.param("gpt-5", "large", "large", id="then what the log says"),
        pytest.param("LARGE", None, "large", id="a model called like a tier"),
    ],
)
def test_with_declared_tiers_a_row_is_of_one_of_them(
    model: str, logged: str | None, tier: str
) -> None:
    """The family of a Claude model counts only where it is declared."""
    assert _resolve(DECLARED, model=model, tier=logged).tier == tier


def test_the_user_s_pattern_goes_before_the_built_in_family() -> None:
    """A tier named after the family takes what no pattern claims."""
    assert _resolve(OWN_OPUS, model="claude-opus-4-1").tier == "large"
    assert _resolve(OWN_OPUS, model="claude-3-opus-20240229").tier == "opus"


def test_a_tier_that_is_not_declared_is_told() -> None:
    """With the close match and the mend."""
    with pytest.raises(
        Fault, match="tier 'larg' of model 'gpt-5' is none of the declared"
    ) as caught:
        _resolve(DECLARED, model="gpt-5", tier="larg")

    assert "did you mean 'large'?" in str(caught.value)
    assert (caught.value.reason, caught.value.pointer) == ("undeclared_tier", "tier")


def test_a_row_without_model_and_tier_is_told() -> None:
    """There is nothing to learn from it."""
    with pytest.raises(Fault, match="neither model nor tier"):
        _resolve(None)


@pytest.mark.parametrize(
    ("fields", "cost_usd", "source"),
    [
        pytest.param({"y_cost_usd": 0.5}, 0.5, "logged", id="as logged"),
        pytest.param(
            {"y_cost_usd": 0.5, "y_cost_source": "priced"}, 0.5, "priced", id="priced before"
        ),
        pytest.param({"y_cost_usd": 0.0}, 0.0, "logged", id="free, as far as is known"),
        pytest.param(
            {"y_cost_usd": 0.0, "y_input_tokens": 0, "y_output_tokens": 0}, 0.0, "logged", id="idle"
        ),
        pytest.param(
            {"y_input_tokens": 1_000_000, "y_output_tokens": 200_000}, 4.0, "priced", id="2 + 2"
        ),
        pytest.param(
            {"y_cost_usd": 0.0, "y_input_tokens": 500_000, "y_output_tokens": 0},
            1.0,
            "priced",
            id="zero with tokens is unknown",
        ),
        pytest.param({"y_input_tokens": 10}, None, None, id="half the tokens"),
        pytest.param({}, None, None, id="nothing known"),
    ],
)
def test_cost_is_logged_or_priced_or_unknown(
    fields: dict[str, Any], cost_usd: float | None, source: str | None
) -> None:
    """At own prices of 2 and 10 USD per million tokens."""
    row = _resolve(PRICED, tier="own", **fields)

    assert row.y_cost_usd == pytest.approx(cost_usd)
    assert row.y_cost_source == source


def test_an_unknown_price_is_null_and_never_zero() -> None:
    """A free tier would look like the best of all."""
    row = _resolve(
        None, model="model-of-our-own", y_cost_usd=0.0, y_input_tokens=5, y_output_tokens=5
    )

    assert (row.y_cost_usd, row.y_cost_source) == (None, None)


def test_a_known_model_is_priced_by_the_list() -> None:
    """Claude 3 Haiku: 0.25 and 1.25 USD per million tokens."""
    row = _resolve(
        None,
        model="claude-3-haiku-20240307",
        timestamp=datetime(2024, 4, 1, tzinfo=UTC),
        y_input_tokens=1_000_000,
        y_output_tokens=1_000_000,
    )

    assert row.y_cost_usd == pytest.approx(1.5)


def test_a_row_that_is_complete_is_handed_on_as_it_is() -> None:
    """No copy for the bulk of the rows."""
    row = Invocation(trace_id="t", task_id="k", tier="low", y_cost_usd=0.1, y_cost_source="logged")

    assert Resolver(None).resolve(row) is row
