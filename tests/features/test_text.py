"""One reading of a text: its bytes, words, numbers and classes of bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.features.text import MAX_TEXT_BYTES, to_utf8, view_text
from tracetier.ingest.coerce import text as stored_text

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # half surrogate pairs too
HALF = MAX_TEXT_BYTES // 2


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        pytest.param("", [], id="empty"),
        pytest.param(" \n\t?!", [], id="no word"),
        pytest.param("Hello, World", ["hello", "world"], id="lower case, no punctuation"),
        pytest.param("snake_case x2 3.5", ["snake_case", "x2", "3", "5"], id="underscore, digits"),
        pytest.param("Größe ÀB", ["größe", "àb"], id="accents belong to the word"),
        pytest.param("Привет, мир", ["привет", "мир"], id="Cyrillic"),
        pytest.param("日本", ["日", "本"], id="CJK: a character is a token"),
        pytest.param("a😀b", ["a", "😀", "b"], id="four bytes part words"),
        pytest.param("« bonjour »", ["bonjour"], id="Latin-1 punctuation is no letter"),
    ],
)
def test_words_of_a_text(text: str, tokens: list[str]) -> None:
    """Lower-cased words in order, in scripts with spaces and without."""
    assert view_text(text).tokens == [token.encode() for token in tokens]


@given(st.text(st.characters(codec="ascii")))
def test_one_accent_changes_no_other_word(text: str) -> None:
    """The fast path for ASCII and the general one agree."""
    assert view_text(text + " é").tokens == [*view_text(text).tokens, "é".encode()]


def test_numbers_are_runs_of_digits_in_order() -> None:
    """A point parts them, zeros in front stay."""
    assert view_text("3.14 and 007b").numbers == [b"3", b"14", b"007"]


def test_of_a_long_text_head_and_tail_are_read_and_the_length_is_that_of_all() -> None:
    """5 + 2 * 20,000 + 4 bytes; what is read is the limit and a line break between the halves."""
    view = view_text("head " + "x " * 20_000 + "tail")

    assert view.n_bytes == 40_009
    assert len(view.data) == MAX_TEXT_BYTES + 1
    assert (view.tokens[0], view.tokens[-1]) == (b"head", b"tail")


def test_a_text_of_exactly_the_limit_is_read_whole() -> None:
    """No line break is put into it."""
    assert view_text("x" * MAX_TEXT_BYTES).data == b"x" * MAX_TEXT_BYTES


@pytest.mark.parametrize("ahead", [0, 1, 2, 3])
@pytest.mark.parametrize("letter", ["é", "日", "😀"])
def test_a_cut_through_a_character_makes_no_new_word(ahead: int, letter: str) -> None:
    """Wherever the cut falls, all words are of the letters that the text holds."""
    tokens = view_text("a" * ahead + letter * MAX_TEXT_BYTES).tokens

    assert set(b"".join(tokens).decode()) <= {"a", letter}
    assert b"".join(tokens).count(letter.encode()) >= MAX_TEXT_BYTES // len(letter.encode()) - 2


@given(ANY_TEXT)
def test_every_byte_has_a_class(text: str) -> None:
    """Nothing is refused, and the classes stand byte for byte below the text."""
    view = view_text(text)

    assert len(view.classes) == len(view.data)
    assert set(view.classes) <= set(b"dUl \nbcmnp")
    assert view.n_bytes == len(to_utf8(text))


def test_two_halves_of_a_pair_become_their_character_and_one_alone_a_replacement() -> None:
    """JSON may write a character beyond U+FFFF as two escapes."""
    assert to_utf8("\ud83d\ude00") == "😀".encode()
    assert to_utf8("\ude00\ud83d") == "��".encode()


@given(ANY_TEXT)
def test_a_live_text_is_read_as_the_table_keeps_it(text: str) -> None:
    """Ingest and the extractor have one rule for what UTF-8 cannot hold."""
    assert to_utf8(text) == stored_text(text).encode()
