"""The shape of a text, statistic by statistic."""

from math import log1p

import pytest

from tracetier.features.shape import shape_row
from tracetier.features.spec import SHAPE_FEATURES
from tracetier.features.text import view_text

NAMES = [feature.name for feature in SHAPE_FEATURES]


def shape_of(text: str) -> dict[str, float]:
    """Statistics by name."""
    view = view_text(text)
    return dict(zip(NAMES, shape_row(view, set(view.tokens)), strict=True))


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("abc de", "x_bytes", log1p(6)),
        ("né", "x_bytes", log1p(3)),
        ("abc de", "x_words", log1p(2)),
        ("a\nb\n", "x_lines", log1p(2)),
        ("Hi. You! Me?", "x_sentences", log1p(3)),
        ("ab.cdef.g", "x_longest_sentence", log1p(4)),
        ("ab abcd", "x_word_length", 3.0),
        ("a" * 300, "x_word_length", 255.0),
        ("different cities eightlet", "x_long_words", 1 / 3),
        ("a a b b", "x_unique_words", 0.5),
        ("1 22 1", "x_numbers", log1p(3)),
        ("1 22 1", "x_distinct_numbers", log1p(2)),
        ("1 4096 1", "x_longest_number", log1p(4)),
        ("3.14, 2024-01-02 4, 2", "x_decimals", log1p(3)),
        ("a1b2", "x_digits", 0.5),
        ("AbC d", "x_upper", 0.4),
        ("The Big Bad x", "x_capitalised", log1p(2)),
        ("aé", "x_non_ascii", 2 / 3),
        ("a!?-", "x_punctuation", 0.75),
        ("f(x)[0]", "x_brackets", log1p(4)),
        ("{a;b}", "x_code", log1p(3)),
        ("1+1=2%", "x_operators", log1p(3)),
        ("a,b,c", "x_commas", log1p(2)),
        ("a:b", "x_colons", log1p(1)),
        ("'a' \"b\"", "x_quotes", log1p(4)),
        ("why? how?", "x_questions", log1p(2)),
        ("why? \n", "x_ends_with_question", 1.0),
        ("why?!", "x_ends_with_question", 0.0),
        ("Abc", "x_starts_upper", 1.0),
        (" Abc", "x_starts_upper", 0.0),
        ("$5 and $6", "x_dollars", log1p(2)),
        ("\\frac", "x_backslashes", log1p(1)),
        ("`x`", "x_backticks", log1p(2)),
        ("a_b_c", "x_underscores", log1p(2)),
        ("http://a https://b", "x_links", log1p(2)),
        ("(A) x (B) y", "x_options", log1p(1)),
        ("A. x\nB. y", "x_options", log1p(1)),
        ("not never not", "x_cue_negation", log1p(2)),
        ("plus also", "x_cue_conjunction", log1p(2)),
        ("if unless", "x_cue_condition", log1p(2)),
        ("each total", "x_cue_quantity", log1p(2)),
        ("half twice", "x_cue_ratio", log1p(2)),
        ("more than", "x_cue_comparison", log1p(2)),
        ("who where", "x_cue_question", log1p(2)),
        ("my your", "x_cue_person", log1p(2)),
        ("please calculate", "x_cue_request", log1p(2)),
        ("explain why", "x_cue_reasoning", log1p(1)),
        ("fix BUG", "x_cue_coding", log1p(2)),
    ],
)
def test_statistics_on_paper(text: str, name: str, expected: float) -> None:
    """One text whose statistic can be counted by eye."""
    assert shape_of(text)[name] == pytest.approx(expected, abs=1e-12)


def test_every_statistic_has_a_case_above() -> None:
    """A new feature needs a value worked by hand."""
    marks = test_statistics_on_paper.pytestmark  # type: ignore[attr-defined]

    assert {case[1] for case in marks[0].args[1]} == set(NAMES)


def test_an_empty_text_gives_zeros() -> None:
    """No word, no byte, no division by zero."""
    assert set(shape_of("").values()) == {0.0}
