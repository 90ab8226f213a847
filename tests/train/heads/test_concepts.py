"""Directions in which the texts of the training rows differ."""

from collections.abc import Callable

import numpy as np

from tracetier.records import Task
from tracetier.train.design import build_design
from tracetier.train.heads.concepts import N_CONCEPTS, fit_concepts
from tracetier.train.rows import TaskRows

CATS, SUMS = "the cat sat on the mat with a cat", "add these numbers and divide the sum"
TEXTS = [f"{CATS} {i % 3}" for i in range(20)] + [f"{SUMS} {i % 3}" for i in range(20)]


def test_texts_about_the_same_lie_together() -> None:
    """Two subjects: each text is nearer to all of its own than to any of the other."""
    design = build_design([Task(text=text) for text in TEXTS], ())

    found = fit_concepts(design).of(design)

    distance = np.linalg.norm(found[:, None] - found[None], axis=2)
    assert distance[:20, :20].max() < distance[:20, 20:].min()
    assert distance[20:, 20:].max() < distance[:20, 20:].min()


def test_a_typical_text_has_length_1(make_rows: Callable[..., TaskRows]) -> None:
    """Scaled, so that concepts weigh as much as a text's words do in the ridge."""
    design = build_design(make_rows(60).tasks, ())
    concepts = fit_concepts(design)

    scaled = concepts.of(design) * concepts.scale

    assert concepts.words.shape[1] == N_CONCEPTS
    assert np.isclose((scaled**2).sum(axis=1).mean(), 1.0)


def test_without_texts_there_is_no_concept() -> None:
    """And one distinct text has nothing to differ in."""
    for texts in ([""] * 9, ["hello"] * 9):
        design = build_design([Task(text=text) for text in texts], ())
        concepts = fit_concepts(design)
        assert concepts.of(design).shape == (9, concepts.words.shape[1])
        assert concepts.words.shape[1] <= 1
        assert np.isfinite(concepts.of(design)).all()


def test_the_same_rows_give_the_same_concepts(make_rows: Callable[..., TaskRows]) -> None:
    """To the bit: the decomposition draws from a fixed seed."""
    design = build_design(make_rows(60).tasks, ())

    np.testing.assert_array_equal(fit_concepts(design).words, fit_concepts(design).words)


def test_words_of_an_unknown_text_say_nothing(make_rows: Callable[..., TaskRows]) -> None:
    """Its concepts are 0, not nan."""
    concepts = fit_concepts(build_design(make_rows(60).tasks, ()))

    got = concepts.of(build_design([Task(text="xyzzy plugh")], ()))

    assert not got.any()
