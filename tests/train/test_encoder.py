"""Training with a sentence encoder, and deciding with it."""

from collections.abc import Callable

import numpy as np
import pytest

from tracetier.errors import ArtifactError, TrainingError
from tracetier.features import encoders
from tracetier.features.encoders import register_encoder
from tracetier.features.fitted import FittedFeatures
from tracetier.features.spec import X_COLUMNS
from tracetier.train.model import fit_model
from tracetier.train.rows import TaskRows, Withheld

pytestmark = pytest.mark.usefixtures("few_trees")


def lengths(texts: list[str]) -> np.ndarray:
    """Two numbers of a text."""
    return np.array([[len(text), text.count("a")] for text in texts], dtype=float)


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "_known", {})
    register_encoder("lengths", lengths)


def test_a_live_task_gets_the_columns_of_training(make_rows: Callable[..., TaskRows]) -> None:
    """The features file brings the axes, and the predictor its two columns."""
    rows = make_rows(60, attrs=lambda i: {"size": float(i)})

    model = fit_model(rows, n_jobs=1, n_folds=2, encoder="lengths")

    assert model.features.columns[-3:] == ("attr_size", "embedding_0", "embedding_1")
    again = FittedFeatures.from_dict(model.features.to_dict())
    assert len(again.encode(rows.tasks[0]).row) == len(again.columns)
    assert again == model.features
    got = model.predictor().predict(rows.tasks[0])
    assert np.isfinite([*got.quality, *got.cost_usd]).all()


def test_an_artifact_whose_encoder_is_not_known_is_refused(
    make_rows: Callable[..., TaskRows], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it is loaded, not at the first request."""
    saved = fit_model(make_rows(40), n_jobs=1, n_folds=2, encoder="lengths").features.to_dict()
    monkeypatch.setattr(encoders, "_known", {})

    with pytest.raises(ArtifactError, match="register_encoder"):
        FittedFeatures.from_dict(saved)


def test_withheld_texts_cannot_be_encoded(make_rows: Callable[..., TaskRows]) -> None:
    """Their words are gone; a vector of nothing would be learned from instead."""
    rows = make_rows(40)
    texts: list[str | None] = [f"h{i}" for i in range(40)]
    hidden = rows._replace(withheld=Withheld(texts, np.zeros((40, len(X_COLUMNS)))))

    with pytest.raises(TrainingError, match="no encoder can read them"):
        fit_model(hidden, n_jobs=1, n_folds=2, encoder="lengths")
