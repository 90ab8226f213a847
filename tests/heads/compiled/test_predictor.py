"""Compiled predictions are the plain ones, whatever the task."""

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tracetier.features.extract import extract, known_features
from tracetier.features.spec import X_COLUMNS
from tracetier.heads.compiled import predictor as compiled_predictor
from tracetier.heads.compiled import whole
from tracetier.heads.compiled.predictor import CompiledPredictor
from tracetier.heads.predictor import TierPredictor
from tracetier.heads.prior import Prediction
from tracetier.records import Task

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # half surrogate pairs too
# What the counters of the text look for, close together.
MARKS = st.text(
    st.sampled_from("(B)\n.0123,:?$\\`_ aA\thtp'\"{;é日😀\u0130\u212a\x00"), max_size=200
)
WORDS = st.lists(
    st.sampled_from(
        ("not", "explain", "list", "Listing", "send", "mail", "3.14", "日本", "ß", "_")
    ),
    max_size=60,
).map(" ".join)
NAME = st.sampled_from([None, "code", "mail", "poem", "日", ""])
COUNT = st.none() | st.integers()
TASKS = st.builds(
    Task,
    text=ANY_TEXT | MARKS | WORDS,
    task_type=NAME,
    agent_name=NAME,
    tools=st.none()
    | st.lists(st.sampled_from(["send_mail", "listFiles", "bash", "gcd", "7", "日"]), max_size=8),
    n_tools=COUNT,
    prompt_tokens_est=COUNT,
    context_tokens=COUNT,
    latency_limit_s=st.none() | st.floats(),
    turn_index=COUNT,
    idle_s=st.none() | st.floats(),
    last_tier=NAME,
    last_failed=st.none() | st.booleans(),
    level=st.sampled_from([None, "call", "task"]),
    attrs=st.none() | st.fixed_dictionaries({"size": st.floats() | ANY_TEXT, "team": ANY_TEXT}),
)


@pytest.fixture(scope="module")
def compiled(noise_model: TierPredictor) -> CompiledPredictor:
    """The same model, compiled."""
    return CompiledPredictor(noise_model)


def numbers(found: Prediction) -> np.ndarray:
    """All that is predicted."""
    return np.array([*found.quality, *found.cost_usd, *found.cost])


def assert_alike(plain: TierPredictor, compiled: CompiledPredictor, task: Task) -> None:
    """The features to the bit, the bucket, and the predictions to 1e-12."""
    got = compiled.predict(task)
    known = known_features(task)  # as the compiled code left them
    row = extract(task).row

    assert known == {n: v for n, v in zip(X_COLUMNS, row, strict=True) if v == v}
    expected = plain.predict(task)
    assert got.bucket == expected.bucket
    np.testing.assert_allclose(numbers(got), numbers(expected), rtol=1e-12, atol=1e-12)


@settings(deadline=None, max_examples=300)
@given(TASKS)
def test_any_task_is_predicted_alike(
    noise_model: TierPredictor, compiled: CompiledPredictor, task: Task
) -> None:
    """Unicode, halves of characters, absurd counts, no words, unknown types."""
    assert_alike(noise_model, compiled, task)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("\x00" * 50, id="zero bytes"),
        pytest.param("?!. ,;" * 20, id="no words"),
        pytest.param("1.2.3.4 5:6:7 8", id="decimals that overlap"),
        pytest.param("(B)(B)\nB.\nB)B.\n", id="options"),
        pytest.param("httphttps ahttp htt", id="links"),
        pytest.param("a" * 300 + " " + "a" * 300, id="words of 300 bytes"),
        pytest.param("a" * 5_000_000, id="one word of 5 MB"),
        pytest.param("日本語" * 500_000, id="4.5 MB of CJK, cut within a character"),
        pytest.param("x日y😀" * 2_000, id="words of one letter between others"),
        pytest.param("é" * 9_000, id="letters of two bytes"),
        pytest.param(" ".join(f"w{i}" for i in range(4_000)), id="thousands of words"),
        pytest.param(" ".join(map(str, range(4_000))), id="thousands of numbers"),
    ],
)
def test_extreme_texts_are_read_alike(
    noise_model: TierPredictor, compiled: CompiledPredictor, text: str
) -> None:
    """With and without a task type, and with more tools than are kept."""
    assert_alike(noise_model, compiled, Task(text=text))
    many = [f"tool{i}_w{i}" for i in range(200)]
    assert_alike(noise_model, compiled, Task(text=text, task_type="code", tools=many))


def test_a_task_among_equal_points_is_predicted_alike(noise_model: TierPredictor) -> None:
    """Where all that is near lies at distance 0, rounding must not decide."""
    task = Task(text="not to explain", task_type="code")
    row = np.array([*extract(task).row, np.nan])
    heads = noise_model.heads
    filled = np.where(np.isnan(row), heads.center, row).clip(heads.low, heads.high)
    at = np.concatenate([filled - heads.center, np.zeros(3)]) * heads.near_scale
    same = replace(
        heads,
        concepts=np.zeros_like(heads.concepts),
        near_points=np.tile(at, (len(heads.near_points), 1)),
        near_kind=np.zeros_like(heads.near_kind),
    )
    plain = TierPredictor(noise_model.features, same, None, 4.0)

    assert_alike(plain, CompiledPredictor(plain), task)


def test_parts_that_a_model_lacks_are_left_out(noise_model: TierPredictor) -> None:
    """No trees, no neighbours, no concepts, no difficulty tree."""
    heads, features = noise_model.heads, noise_model.features
    fewer = replace(
        heads,
        concepts=heads.concepts[:, :0],
        near_scale=heads.near_scale[:-3],
        near_points=heads.near_points[:0, :-3],
        near_kind=heads.near_kind[:0],
        near_values=heads.near_values[:0],
    )
    pooled = replace(features, buckets=replace(features.buckets, splits=()))
    plain = TierPredictor(pooled, fewer, None, 4.0)

    for task in (Task(), Task(text="send the mail", task_type="mail"), Task(text="send")):
        assert_alike(plain, CompiledPredictor(plain), task)


def test_threads_do_not_disturb_one_another(compiled: CompiledPredictor) -> None:
    """Four threads, different tasks: each gets what one alone gets."""
    tasks = [Task(text=f"send mail {i} to {i * i}", tools=["bash"] * (i % 5)) for i in range(200)]
    expected = [compiled.predict(task) for task in tasks]
    found: dict[int, list[Prediction]] = {}

    def work(number: int) -> None:
        found[number] = [compiled.predict(task) for _ in range(5) for task in tasks]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(found[number] == expected * 5 for number in range(4))


@pytest.fixture
def few_names(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A cache of four."""
    monkeypatch.setattr(compiled_predictor, "_MAX_NAMED", 4)
    return iter([4])


def test_names_at_hand_are_few(noise_model: TierPredictor, few_names: Iterator[int]) -> None:
    """Callers who make up names fill no memory, and are answered all the same."""
    compiled, most = CompiledPredictor(noise_model), next(few_names)
    for number in range(20):
        assert_alike(noise_model, compiled, Task(text="send", agent_name=f"a{number}"))
        assert len(compiled._named) <= most


def test_tasks_together_are_predicted_as_one_by_one(compiled: CompiledPredictor) -> None:
    """To the bit, and their rows are at hand."""
    tasks = [Task(text=f"send mail {i}", tools=["bash"] * (i % 3)) for i in range(7)]

    assert compiled.predict_many(tasks) == [compiled.predict(task) for task in tasks]
    assert known_features(tasks[2]) == known_features(Task(text="send mail 2", tools=["bash"] * 2))


def test_no_task_needs_a_kernel_of_its_own(compiled: CompiledPredictor) -> None:
    """Another type of argument would be compiled for seconds, while a caller waits."""
    compiled.predict(Task())
    kernel: Any = whole.predict
    before = len(kernel.signatures)
    for task in (
        Task(text="é", task_type="code", attrs={"team": "a", "size": 1.0}),
        Task(text="send", tools=[f"tool_{i}" for i in range(100)]),
        Task(text="send", tools=["send_mail"], last_failed=True, context_tokens=3),
        Task(tools=[]),
    ):
        compiled.predict(task)

    assert len(kernel.signatures) == before
