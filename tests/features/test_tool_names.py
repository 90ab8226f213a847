"""Names of tools, taken apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.features.tool_names import overlaps, split_tool_name, spoken_stems


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
    assert split_tool_name("listOfFiles").stems == {b"list", b"file"}


def test_a_share_per_tool() -> None:
    """Both parts, one of two, none, and a name without parts."""
    tokens = [b"send", b"mails", b"now"]

    assert overlaps(["send_mail", "send_fax", "bash", "7"], tokens) == [1.0, 0.5, 0.0, 0.0]


_words = st.lists(st.from_regex(rb"[a-c_]{1,6}", fullmatch=True), max_size=30)


@given(st.lists(st.text(st.characters(exclude_categories=()))), _words)
def test_any_name_is_taken_apart_and_shares_are_shares(
    tools: list[str], tokens: list[bytes]
) -> None:
    """Nothing is refused, and each share lies in [0, 1]."""
    shares = overlaps(tools, tokens)

    assert len(shares) == len(tools)
    assert all(0.0 <= share <= 1.0 for share in shares)


@given(st.frozensets(st.from_regex(rb"[a-c]{3,4}", fullmatch=True), max_size=32), _words)
def test_many_stems_are_found_as_few_are(few: frozenset[bytes], tokens: list[bytes]) -> None:
    """Padding the set beyond the limit takes the other way, with the same result."""
    padding = {b"zz%02d" % i for i in range(33)}

    assert spoken_stems(set(few) | padding, tokens) == spoken_stems(set(few), tokens)
