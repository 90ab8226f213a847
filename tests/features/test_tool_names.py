"""Names of tools, taken apart, and looked for in a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.features import tool_names
from tracetier.features.tool_names import offer_of, overlaps, split_tool_name, spoken_stems


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        pytest.param("list_files", ["list", "files"], id="underscore"),
        pytest.param("listFiles", ["list", "files"], id="case"),
        pytest.param("HTTPServer2", ["http", "server", "2"], id="acronym and digit"),
        pytest.param("math.gcd-v1", ["math", "gcd", "v", "1"], id="dot and dash"),
        pytest.param("工具", [], id="no ASCII letter"),
        pytest.param("", [], id="empty"),
    ],
)
def test_parts_of_a_name(name: str, parts: list[str]) -> None:
    """First the whole name as a token, then each part in lower case."""
    found = split_tool_name(name)

    assert found.tokens == (
        f"tools={name}".encode(),
        *(f"tools~{part}".encode() for part in parts),
    )


def test_stems_are_four_letters_of_parts_of_at_least_three() -> None:
    """``of`` is too short to mean anything; ``files`` and ``file`` are one."""
    assert split_tool_name("listOfFilesGcd").stems == {b"list", b"file", b"gcd"}


def test_a_stem_is_spoken_where_a_word_starts_with_it() -> None:
    """Not in the middle of a word, and not across two."""
    stems = {b"list", b"gcd", b"file", b"mail", b"fax"}

    assert spoken_stems(stems, b" lists gcd  profile fa x") == {b"list", b"gcd"}
    assert spoken_stems(stems, b" ") == set()


LETTERS = st.text("abé", max_size=5).map(str.encode)


@given(st.sets(st.text("ab", min_size=3, max_size=4).map(str.encode)), st.lists(LETTERS))
def test_few_stems_and_many_are_found_alike(stems: set[bytes], tokens: list[bytes]) -> None:
    """The two ways of looking differ in speed alone."""
    words = [token for token in tokens if token]
    spaced = b" " + b" ".join(words)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tool_names, "_FEW_STEMS", 0)
        many = spoken_stems(stems, spaced)

    assert (
        spoken_stems(stems, spaced)
        == many
        == {stem for stem in stems if any(word.startswith(stem) for word in words)}
    )


def test_a_share_per_tool() -> None:
    """Both parts, one of two, none, and a name without parts."""
    offer = offer_of(["send_mail", "send_fax", "bash", "7"])

    assert overlaps(offer, b" send mails now") == [1.0, 0.5, 0.0, 0.0]
    assert overlaps(offer, b" ") == [0.0, 0.0, 0.0, 0.0]


@given(st.lists(st.text(st.characters(exclude_categories=())), min_size=1), st.binary())
def test_any_name_is_taken_apart_and_shares_are_shares(tools: list[str], spaced: bytes) -> None:
    """Nothing is refused, and each share lies in [0, 1]."""
    shares = overlaps(offer_of(tools), spaced)

    assert len(shares) == len(tools)
    assert all(0.0 <= share <= 1.0 for share in shares)


def test_offers_at_hand_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand different lists, and lists of a thousand tools, do not pile up."""
    monkeypatch.setattr(tool_names, "_MAX_OFFERS", 4)
    monkeypatch.setattr(tool_names, "_offers", {})
    for number in range(20):
        assert offer_of([f"t{number}", "bash"]).mean_length == (6 + (number > 9)) / 2
        assert len(tool_names._offers) <= 4

    at_hand = dict(tool_names._offers)
    assert len(offer_of(["bash"] * 1_000).stems) == 1_000
    assert tool_names._offers == at_hand
