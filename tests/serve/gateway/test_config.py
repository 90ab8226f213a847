"""Upstreams, tiers and habits from tracetier.toml: what is wrong is told, and no key ever is."""

from pathlib import Path
from typing import Any

import pytest
from tests.serve.gateway.conftest import ENV, KEY, settings_of

from tracetier.errors import SettingsError
from tracetier.serve.gateway.config import read_config
from tracetier.settings import Settings, load_settings
from tracetier.tiers import Tier

TOML = """
[[upstream]]
name = "anthropic"
api = "anthropic"
base_url = "https://api.anthropic.com/"
key_env = "FAKE_KEY"
timeout_s = 20
models = ["claude-*-latest"]

[[tier]]
name = "low"
model = "claude-haiku-4-5"
models = ["claude-*haiku*"]
upstream = "anthropic"

[[tier]]
name = "high"
model = "claude-opus-4-1"

[gateway]
tries = 2
fallback_tier = "low"
proxies = {truncation = 0.5}
"""


def test_a_file_says_where_each_tier_is_served(tmp_path: Path) -> None:
    """A tier without an upstream is none of the gateway's."""
    (tmp_path / "t.toml").write_text(TOML)
    config = read_config(load_settings(tmp_path / "t.toml", env={}), env=ENV)

    (place,) = config.places["anthropic"].values()
    assert (place.tier, place.model) == ("low", "claude-haiku-4-5")
    assert place.upstream.base_url == "https://api.anthropic.com"
    assert config.places["openai"] == {}
    assert (config.habits.tries, config.habits.proxies) == (2, {"truncation": 0.5})


def test_a_model_is_declared_by_a_tier_else_by_an_upstream(tmp_path: Path) -> None:
    """By its tier's names and patterns first; it is sent on under the name that was given."""
    (tmp_path / "t.toml").write_text(TOML)
    config = read_config(load_settings(tmp_path / "t.toml", env={}), env=ENV)

    by_tier = config.declared("anthropic", "claude-3-5-haiku-20241022")
    by_upstream = config.declared("anthropic", "claude-sonnet-latest")
    assert by_tier is not None
    assert (by_tier.tier, by_tier.model) == ("low", "claude-3-5-haiku-20241022")
    assert by_upstream is not None
    assert by_upstream.tier == ""
    assert config.declared("anthropic", "claude-opus-4-1") is None  # its tier has no upstream
    assert config.declared("openai", "claude-sonnet-latest") is None


def _upstream(**changes: Any) -> dict[str, Any]:
    return {"name": "o", "api": "openai", "base_url": "http://127.0.0.1/v1"} | changes


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"upstreams": (_upstream(api="grpc"),)}, "api", id="api"),
        pytest.param({"upstreams": (_upstream(url="x"),)}, "known are name, api", id="key"),
        pytest.param({"upstreams": (_upstream(base_url="ftp://a"),)}, "https://, a host", id="ftp"),
        pytest.param({"upstreams": (_upstream(base_url="http://"),)}, "a host", id="no host"),
        pytest.param({"upstreams": (_upstream(base_url="http://a:b"),)}, "a host", id="port"),
        pytest.param({"upstreams": (_upstream(base_url="http://a/?k=1"),)}, "a host", id="query"),
        pytest.param(
            {"upstreams": (_upstream(base_url="http://me:pw@a/"),)}, "key_env instead", id="user"
        ),
        pytest.param({"upstreams": (_upstream(), _upstream())}, "given twice", id="twice"),
        pytest.param(
            {"upstreams": (_upstream(key_env="NO_KEY"),), "tier_upstreams": {}},
            "NO_KEY, which is not set",
            id="unset",
        ),
        pytest.param({"upstreams": (_upstream(timeout_s=0),)}, "timeout_s", id="timeout"),
        pytest.param({"tier_upstreams": {"haiku": "p"}}, "did you mean|declared are", id="unknown"),
        pytest.param({"tier_upstreams": {"haiku": 3}}, "upstream is 3", id="no name"),
        pytest.param({"tiers": (Tier(name="haiku"),)}, "names no model", id="no model"),
        pytest.param({"gateway": {"tries": 0}}, "known are tries", id="tries"),
        pytest.param({"gateway": {"proxies": {"refusals": 1.0}}}, "'refusal'", id="sign"),
        pytest.param({"gateway": {"proxies": {"retry": 2.0}}}, r"in \(0, 1\]", id="weight"),
        pytest.param({"gateway": {"fallback_tier": "opis"}}, "did you mean 'opus'", id="fallback"),
    ],
)
def test_what_cannot_be_right_is_told_with_its_mend(changes: dict[str, Any], words: str) -> None:
    """Before the first request."""
    with pytest.raises(SettingsError, match=words):
        read_config(settings_of("http://127.0.0.1:1", **changes), env=ENV)


def test_a_key_is_in_no_message_and_no_repr() -> None:
    """Neither where it is good nor where it is not."""
    config = read_config(settings_of("http://127.0.0.1:1"), env=ENV)
    with pytest.raises(SettingsError) as caught:
        read_config(settings_of("http://127.0.0.1:1"), env={"FAKE_KEY": KEY + "\nx"})

    assert config.keys == {"o": KEY, "a": KEY}
    assert KEY not in repr(config)
    assert KEY not in str(caught.value)


def test_without_an_upstream_there_is_no_gateway() -> None:
    """The settings of a service that only decides."""
    assert Settings().upstreams == ()
    assert read_config(Settings(), env={}).places == {"openai": {}, "anthropic": {}}
