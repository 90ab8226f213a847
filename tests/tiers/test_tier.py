"""Tiers and sets of them: whose model is whose, what is refused, and their order by cost."""

import msgspec
import pytest

from tracetier.errors import TierError
from tracetier.tiers import (
    DEFAULT_TIERS,
    FAMILIES,
    Tier,
    TierSet,
    order_by_cost,
)


def _tiers() -> TierSet:
    return TierSet(
        (
            Tier(name="low", models=("gpt-4o-mini", "claude-*haiku*")),
            Tier(name="mid", models=("gpt-4o-2024-08-06", "Claude-Fable-?"), model="gpt-4o"),
            Tier(name="high", models=("gpt-4o-2024-05-13", "openrouter/x/BIG-1.5")),
            Tier(name="opus"),
        )
    )


@pytest.mark.parametrize(
    ("model", "tier"),
    [
        pytest.param("openai/gpt-4o-mini-2024-07-18", "low", id="named without provider and date"),
        pytest.param("gpt-4o-2024-05-13", "high", id="the written date beats the spelling"),
        pytest.param("azure/gpt-4o-2024-05-13", "high", id="so does it behind a provider"),
        pytest.param("gpt-4o", "mid", id="the model of a tier is a name of it"),
        pytest.param("big-1.5", "high", id="the tier names another provider's spelling"),
        pytest.param("CLAUDE-FABLE-5", "mid", id="pattern without case"),
        pytest.param("us.anthropic.claude-3-5-haiku-20241022-v1:0", "low", id="pattern on bare"),
        pytest.param("claude-opus-4-5-20251101", "opus", id="family of the tier's name"),
        pytest.param("HIGH", "high", id="the tier's own name"),
        pytest.param("claude-sonnet-4-5", None, id="a family that no tier is named after"),
        pytest.param("<synthetic>", None, id="no model"),
        pytest.param("gpt-5", None, id="unknown"),
    ],
)
def test_the_users_names_and_patterns_come_before_families(model: str, tier: str | None) -> None:
    """Exact names first, then the spelling, the tier's name, patterns, families."""
    assert _tiers().match(model) == tier


def test_a_pattern_overrules_the_built_in_family() -> None:
    """The user says that Opus is the middle tier here."""
    tiers = TierSet((Tier(name="opus"), Tier(name="mid", models=("*opus*",))))

    assert tiers.match("claude-opus-4-5") == "mid"


def test_a_pattern_in_square_brackets_is_no_model_to_return() -> None:
    """A decision names the first plain model, or ``model`` where it is given, or none."""
    tiers = TierSet(
        (
            Tier(name="a", models=("x-[12]", "x-*", "x-3")),
            Tier(name="b", models=("y",), model="z"),
            Tier(name="c", models=("z?",)),
        )
    )

    assert [tiers.model_of(name) for name in "abc"] == ["x-3", "z", None]


def test_the_built_in_tiers_are_the_families_cheap_to_dear() -> None:
    """Without a map, Claude's families are the tiers."""
    assert DEFAULT_TIERS.names == FAMILIES == ("haiku", "sonnet", "opus")
    assert len(DEFAULT_TIERS) == 3
    assert DEFAULT_TIERS.index("opus") == 2


def test_an_undeclared_tier_is_told_with_the_declared_and_the_nearest() -> None:
    """The message lists the tiers and offers the close one."""
    with pytest.raises(TierError, match=r"'hihg' is not declared.*low, mid, high.*mean 'high'"):
        _tiers().index("hihg")
    with pytest.raises(TierError, match="'zzz' is not declared"):
        _tiers().model_of("zzz")


def test_a_tier_set_needs_tiers_of_different_names() -> None:
    """Empty and twice the same are refused, also when decoded."""
    with pytest.raises(TierError, match="at least one tier"):
        TierSet(())
    with pytest.raises(TierError, match="'a' is given twice"):
        msgspec.json.decode(b'{"tiers": [{"name": "a"}, {"name": "a"}]}', type=TierSet)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        pytest.param({"name": ""}, "empty", id="no name"),
        pytest.param({"name": "low "}, "spaces around", id="space"),
        pytest.param(
            {"name": "a", "input_usd_per_mtok": -1.0, "output_usd_per_mtok": 1.0},
            "input_usd_per_mtok is -1, must be >= 0",
            id="negative",
        ),
        pytest.param(
            {"name": "a", "input_usd_per_mtok": 1.0, "output_usd_per_mtok": float("nan")},
            "output_usd_per_mtok is nan",
            id="nan",
        ),
        pytest.param({"name": "a", "output_usd_per_mtok": 1.0}, "some of its prices", id="half"),
        pytest.param({"name": "a", "cache_read_usd_per_mtok": 1.0}, "some of", id="cache only"),
    ],
)
def test_a_tier_that_cannot_be_priced_or_named_is_refused(
    fields: dict[str, object], words: str
) -> None:
    """The tier and the key are named."""
    with pytest.raises(TierError, match=words):
        msgspec.convert(fields, Tier)


def test_a_tier_set_survives_json() -> None:
    """It is stored in the artifact's manifest."""
    tiers = _tiers()

    assert msgspec.json.decode(msgspec.json.encode(tiers), type=TierSet) == tiers


def test_tiers_are_ordered_by_mean_cost_and_ties_by_name() -> None:
    """From the table's means, where no file declares an order."""
    costs = {"b": 0.01, "a": 0.01, "c": 0.001, "unused": 1.0}

    assert order_by_cost(["a", "b", "c"], costs) == ("c", "a", "b")


@pytest.mark.parametrize("costs", [{"a": 1.0}, {"a": 1.0, "b": float("nan")}])
def test_an_unknown_mean_cost_asks_for_declared_tiers(costs: dict[str, float]) -> None:
    """No order is invented."""
    with pytest.raises(TierError, match=r"mean cost of tier 'b' is unknown.*\[\[tier\]\]"):
        order_by_cost(["a", "b"], costs)
