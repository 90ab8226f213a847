"""Acceleration is asked for, checked, and never in the way."""

import logging
import sys
import threading
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from tracetier.errors import SettingsError
from tracetier.features.encoders import Embedding
from tracetier.heads import accelerate
from tracetier.heads.accelerate import Accelerated, accelerated, as_fast_as, obstacle
from tracetier.heads.predictor import TierPredictor
from tracetier.heads.prior import Prediction
from tracetier.records import Task

COMPILED = "tracetier.heads.compiled.predictor"
TASK = Task(text="send the mail", task_type="mail")


def finish() -> None:
    """Wait for whoever compiles in the background."""
    for thread in threading.enumerate():
        if thread.name == "tracetier-compile":
            thread.join()


@pytest.fixture
def no_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the extra is not installed."""
    monkeypatch.setitem(sys.modules, COMPILED, None)


def pretend(monkeypatch: pytest.MonkeyPatch, predict: object) -> None:
    """Put another in the place of the compiled predictor."""
    stand_in = SimpleNamespace(predict=predict)
    monkeypatch.setitem(
        sys.modules, COMPILED, SimpleNamespace(CompiledPredictor=lambda _: stand_in)
    )


def test_what_is_compiled_agrees_and_is_used(noise_model: TierPredictor) -> None:
    """Whether one waits for it or not."""
    pytest.importorskip("numba", reason="the extra 'fast' is not installed")
    at_once, later = accelerated(noise_model, True), accelerated(noise_model, "auto")
    finish()

    for faster in (at_once, later):
        assert isinstance(faster, Accelerated)
        assert faster.is_compiled
        assert faster.predict(TASK).quality == pytest.approx(noise_model.predict(TASK).quality)


def test_nobody_who_did_not_ask_gets_it(noise_model: TierPredictor) -> None:
    """Commands and hooks would wait a second for numba to load."""
    assert accelerated(noise_model, False) is noise_model


def test_the_environment_switches_it_off(
    noise_model: TierPredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks."""
    monkeypatch.setenv("TRACETIER_NO_NUMBA", "1")

    assert accelerated(noise_model, True) is noise_model
    assert accelerated(noise_model, "auto") is noise_model


@pytest.mark.usefixtures("no_numba")
def test_without_numba_the_plain_predictor_stays(noise_model: TierPredictor) -> None:
    """``"auto"`` is content with it."""
    faster = accelerated(noise_model, "auto")
    finish()

    assert isinstance(faster, Accelerated)
    assert not faster.is_compiled
    assert faster.predict(TASK) == noise_model.predict(TASK)


@pytest.mark.usefixtures("no_numba")
def test_who_insists_without_numba_is_told_what_to_install(noise_model: TierPredictor) -> None:
    """``True`` is no wish but a demand."""
    with pytest.raises(SettingsError, match=r"pip install 'tracetier\[fast\]'"):
        accelerated(noise_model, True)


def test_what_disagrees_is_not_used(
    noise_model: TierPredictor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """By a millionth, for one task type; a warning says so."""

    def slightly_off(task: Task) -> Prediction:
        found = noise_model.predict(task)
        if task.task_type == "mail":
            found = found._replace(quality=[q + 1e-6 for q in found.quality])
        return found

    pretend(monkeypatch, slightly_off)
    with caplog.at_level(logging.WARNING, "tracetier.heads"):
        faster = accelerated(noise_model, True)

    assert isinstance(faster, Accelerated)
    assert not faster.is_compiled
    assert faster.predict(TASK) == noise_model.predict(TASK)
    assert "differ from the plain ones by 1e-06" in caplog.text


def test_another_bucket_is_a_disagreement(
    noise_model: TierPredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The router learns by bucket."""
    pretend(monkeypatch, lambda task: noise_model.predict(task)._replace(bucket=4))

    assert accelerate.largest_difference(noise_model, noise_model) == 0.0
    assert not Accelerated(noise_model).compile()


def test_a_compiler_that_fails_leaves_the_plain_predictor(
    noise_model: TierPredictor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In the background nobody would see it raise."""

    def broken(task: Task) -> Prediction:
        raise RuntimeError("no such instruction")

    pretend(monkeypatch, broken)
    with caplog.at_level(logging.WARNING, "tracetier.heads"):
        faster = accelerated(noise_model, "auto")
        finish()

    assert faster.predict(TASK) == noise_model.predict(TASK)
    assert "no such instruction" in caplog.text


def test_models_that_cannot_be_compiled_stay_as_they_are(noise_model: TierPredictor) -> None:
    """An encoder's columns, an older extractor's columns, or a predictor of another make."""
    features = noise_model.features
    embedding = Embedding(encoder="minilm", mean=(0.0,), axes=((1.0,),))
    encoded = TierPredictor(replace(features, embedding=embedding), noise_model.heads, None, 4.0)
    fewer = replace(features, x_columns=features.x_columns[:-1])
    older = TierPredictor(fewer, noise_model.heads, None, 4.0)
    other = Accelerated(noise_model)

    assert "encoder" in (obstacle(encoded) or "")
    assert "other columns" in (obstacle(older) or "")
    assert "Accelerated is no predictor" in (obstacle(other) or "")
    for predictor in (encoded, older, other):
        assert accelerated(predictor, True) is predictor


@pytest.mark.usefixtures("no_numba")
def test_a_model_that_is_swapped_in_is_compiled_like_the_one_before(
    noise_model: TierPredictor,
) -> None:
    """Who asked once need not ask again; who did not, need not fear it."""
    assert isinstance(as_fast_as(Accelerated(noise_model), noise_model), Accelerated)
    assert as_fast_as(noise_model, noise_model) is noise_model
    finish()
