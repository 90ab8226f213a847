"""Alarms on inputs: what raises one, what does not, and which tasks are looked at."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.features.deciles import Deciles, deciles
from tracetier.records import Task
from tracetier.route.input_drift import InputDrift, TaskSampler, psi, sampler_for

NAN = float("nan")


def _drift(*columns: list[float]) -> InputDrift:
    """Of columns named a, b and so on."""
    found = [deciles(values) for values in columns]
    return InputDrift(
        Deciles(
            columns=tuple("abc"[: len(columns)]),
            edges=tuple(tuple(edges) for edges, _ in found),
            shares=tuple(tuple(shares) for _, shares in found),
        )
    )


def test_psi_by_hand() -> None:
    """(.9 - .5) ln(.9 / .5) + (.1 - .5) ln(.1 / .5), but for ten tasks as expected."""
    assert psi([0.5, 0.5], [90_000, 10_000]) == pytest.approx(0.8789, abs=0.002)
    assert psi([0.5, 0.5], [0.0, 0.0]) == 0.0


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1e4)), min_size=2, max_size=10))
def test_psi_is_never_negative(bins: list[tuple[float, float]]) -> None:
    """It is a sum of (q - p) log(q / p)."""
    assert psi([p for p, _ in bins], [n for _, n in bins]) >= 0.0


def test_inputs_that_move_are_told_and_those_that_stay_are_not() -> None:
    """Two features of 1,000 training tasks; the second shifts by one standard deviation."""
    rng = Random(5)
    drift = _drift(*([rng.gauss(0, 1) for _ in range(1_000)] for _ in range(2)))

    for _ in range(600):
        drift.note([rng.gauss(0, 1), rng.gauss(1, 1)])

    assert [moved.column for moved in drift.moved()] == ["b"]


def test_what_comes_back_is_calm_again_however_long_it_lasted() -> None:
    """Only about the last 500 count, also after the weights were scaled down."""
    drift = _drift([float(i) for i in range(100)])
    for i in range(20_000):
        drift.note([float(i % 100) + 100.0])
    assert [moved.column for moved in drift.moved()] == ["a"]

    for i in range(3_000):
        drift.note([float(i % 100)])

    assert drift.moved() == []


def test_few_tasks_raise_no_alarm() -> None:
    """However odd they are."""
    drift = _drift([float(i) for i in range(100)])
    for _ in range(150):
        drift.note([1e9])

    assert drift.moved() == []


def test_unknown_values_and_repeated_ones_have_their_place() -> None:
    """Nine tenths zeros: their edges coincide, and shares tell it; NaN is left out."""
    values = [0.0] * 90 + [1.0] * 10 + [NAN] * 50
    drift = _drift(values)
    for value in values * 3:
        drift.note([value])

    assert drift.moved(limit=0.02) == []
    assert deciles([NAN]) == ([0.0] * 9, [0.1] * 10)


class _Features:
    """Counts how often it is asked; a row is two other columns, then the text's length."""

    columns = ("x", "y", "a")
    n = 0

    def numbers(self, task: Task) -> list[float]:
        self.n += 1
        return [0.0, 0.0, float(len(task.text))]


def test_every_task_is_looked_at_first_and_then_one_in_sixteen() -> None:
    """1,000 after the first 500 are 62 more: those whose number 16 divides."""
    features, drift = _Features(), _drift([1.0, 2.0, 3.0])
    sampler = TaskSampler(drift, features)  # type: ignore[arg-type]

    for _ in range(1_500):
        sampler.see(Task(text="ab"))

    assert features.n == drift.n_noted == 500 + 62


def test_a_model_without_deciles_or_features_is_not_watched() -> None:
    """As artifacts of earlier versions, and predictors composed by hand."""
    expected = _drift([1.0]).expected

    assert sampler_for(object(), expected) is None
    assert sampler_for(object(), None) is None
