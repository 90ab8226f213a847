"""The model that a request names."""

import pytest

from tracetier.errors import SettingsError, TierError
from tracetier.serve.gateway.model_name import Asked, read_model
from tracetier.tiers import Tier, TierSet

TIERS = TierSet((Tier(name="low"), Tier(name="mid"), Tier(name="high")))


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        pytest.param("tracetier", Asked(), id="plain"),
        pytest.param("Tracetier", Asked(), id="case"),
        pytest.param("tracetier:lam=1.0", Asked(lam=1.0), id="lam"),
        pytest.param("tracetier:floor=mid", Asked(floor="mid"), id="floor"),
        pytest.param("tracetier:lam=0, floor=mid", Asked(lam=0.0, floor="mid"), id="both"),
        pytest.param("tracetier:", Asked(), id="no option"),
        pytest.param("tracetiers", None, id="another's"),
        pytest.param("openai/gpt-5", None, id="another's with a path"),
        pytest.param("qwen:7b", None, id="another's with a tag"),
    ],
)
def test_our_names_ask_and_others_do_not(name: str, asked: Asked | None) -> None:
    """Ours is one word, with or without options."""
    assert read_model(name) == asked


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("tracetier:lamb=1", "'lamb' of the model is not one of lam, floor", id="typo"),
        pytest.param("tracetier:lam=1,lam=2", "given twice", id="twice"),
        pytest.param("tracetier:lam=-1", "0 to 1e6; write tracetier", id="negative"),
        pytest.param("tracetier:lam=nan", "0 to 1e6", id="nan"),
        pytest.param("tracetier:lam", "lam is ''", id="no value"),
        pytest.param("tracetier:floor=", "floor names no tier", id="no floor"),
    ],
)
def test_a_wrong_option_is_told_with_its_mend(name: str, words: str) -> None:
    """And never taken for another's model."""
    with pytest.raises((SettingsError, TierError), match=words):
        read_model(name)


def test_a_floor_leaves_the_tiers_from_there_on() -> None:
    """One that is no tier is told, with the close ones."""
    assert Asked(floor="mid").tiers(TIERS) == ("mid", "high")
    assert Asked().tiers(TIERS) == ("low", "mid", "high")
    with pytest.raises(TierError, match="did you mean 'high'"):
        Asked(floor="hihg").tiers(TIERS)
