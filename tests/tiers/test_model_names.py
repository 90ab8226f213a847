"""One spelling for every name of a model, and a family only where the name is known."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.tiers import (
    family_of,
    normalize_model,
    without_provider,
)

SPELLINGS = [
    pytest.param("claude-3-5-haiku-20241022", "claude-3-5-haiku", "haiku", id="date"),
    pytest.param("claude-3-5-haiku-latest", "claude-3-5-haiku", "haiku", id="latest"),
    pytest.param("claude-3-opus-20240229", "claude-3-opus", "opus", id="no minor version"),
    pytest.param("claude-haiku-4-5-20251001", "claude-haiku-4-5", "haiku", id="family first"),
    pytest.param("claude-4-5-haiku", "claude-haiku-4-5", "haiku", id="version first, generation 4"),
    pytest.param("claude-haiku-3.5", "claude-3-5-haiku", "haiku", id="family first, generation 3"),
    pytest.param("claude-opus-5", "claude-opus-5", "opus", id="a later generation"),
    pytest.param("claude-sonnet-latest", "claude-sonnet", "sonnet", id="no version"),
    pytest.param("haiku", "haiku", "haiku", id="bare alias"),
    pytest.param("Claude-Sonnet-4.5", "claude-sonnet-4-5", "sonnet", id="case and dot"),
    pytest.param("openai/Claude-Sonnet-4.5", "claude-sonnet-4-5", "sonnet", id="reseller"),
    pytest.param("anthropic/claude-sonnet-4-5", "claude-sonnet-4-5", "sonnet", id="path"),
    pytest.param("anthropic:claude-opus-4-1", "claude-opus-4-1", "opus", id="colon prefix"),
    pytest.param(
        "openrouter/anthropic/claude-3.7-sonnet:thinking",
        "claude-3-7-sonnet:thinking",
        "sonnet",
        id="openrouter with a mode",
    ),
    pytest.param(
        "claude-3-7-sonnet-20250219-thinking",
        "claude-3-7-sonnet-thinking",
        "sonnet",
        id="date before a mode",
    ),
    pytest.param(
        "claude-sonnet-4-5-20250929[1m]", "claude-sonnet-4-5", "sonnet", id="long-context mark"
    ),
    pytest.param(
        "us.anthropic.claude-3-5-haiku-20241022-v1:0", "claude-3-5-haiku", "haiku", id="bedrock"
    ),
    pytest.param(
        "bedrock/eu.anthropic.claude-sonnet-4-20250514-v1:0",
        "claude-sonnet-4",
        "sonnet",
        id="bedrock with path",
    ),
    pytest.param(
        "anthropic.claude-3-sonnet-20240229-v1:0:28k", "claude-3-sonnet", "sonnet", id="window"
    ),
    pytest.param("anthropic.claude-opus-4-6-v1", "claude-opus-4-6", "opus", id="bare revision"),
    pytest.param("anthropic.claude-v2:1", "claude-v2:1", None, id="Claude 2.1 keeps its version"),
    pytest.param(
        "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-4-20250514-v1:0",
        "claude-opus-4",
        "opus",
        id="arn",
    ),
    pytest.param(
        "vertex_ai/claude-sonnet-4-5@20250929", "claude-sonnet-4-5", "sonnet", id="vertex"
    ),
    pytest.param("openrouter/moonshotai/kimi-k2.5", "kimi-k2.5", None, id="other maker keeps dot"),
    pytest.param("gpt-4o-mini-2024-07-18", "gpt-4o-mini", None, id="date with hyphens"),
    pytest.param("command-r-08-2024", "command-r", None, id="month and year"),
    pytest.param("mistral-large-2512", "mistral-large-2512", None, id="four digits are a version"),
    pytest.param("gpt-4.1", "gpt-4.1", None, id="a version is no date"),
    pytest.param("openai.gpt-oss-120b-1:0", "gpt-oss-120b", None, id="revision without v"),
    pytest.param("llama3:latest", "llama3", None, id="tag"),
    pytest.param("<synthetic>", "", None, id="no model"),
    pytest.param("  ", "", None, id="blank"),
    pytest.param("claude-fable-5", "claude-fable-5", None, id="unknown family"),
    pytest.param("opus-labs/gpt-4o", "gpt-4o", None, id="family word in the provider"),
    pytest.param("my-opus-clone", "my-opus-clone", None, id="family word inside a name"),
    pytest.param("claude-sonnet-4-5-ours", "claude-sonnet-4-5-ours", None, id="own fine-tune"),
]


@pytest.mark.parametrize(("name", "normal", "family"), SPELLINGS)
def test_a_model_name_has_one_spelling_and_only_a_known_family(
    name: str, normal: str, family: str | None
) -> None:
    """Every way in which logs write a name, by the rules of trace-formats R12."""
    assert normalize_model(name) == normal
    assert family_of(name) == family


_WORDS = st.sampled_from(
    ["claude", "haiku", "opus", "3", "4-5", "20250929", "2024-07-18", "latest", "v1:0", "us.",
     "anthropic.", "anthropic:", "openai/", "<", ">", "@", "[1m]", "-", ":", ".", " ", "thinking"]
)  # fmt: skip


@given(st.lists(_WORDS | st.text(max_size=3), max_size=8).map("".join))
def test_normalising_twice_changes_nothing(name: str) -> None:
    """The spelling is a normal form, and so is the name without its provider."""
    assert normalize_model(normalize_model(name)) == normalize_model(name)
    assert without_provider(without_provider(name)) == without_provider(name)


@given(
    st.text(string.ascii_letters + string.digits + "-._", min_size=1, max_size=12),
    st.sampled_from(["anthropic/", "a/b/", "openai:", "eu.anthropic."]),
)
def test_case_and_provider_never_change_the_model(name: str, provider: str) -> None:
    """Nothing is taken from the provider part."""
    assert without_provider(provider + name.upper() + "-1") == without_provider(name + "-1")
