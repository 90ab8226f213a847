"""An engine fits the same models as this process."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tracetier.train.model import fit_model, training_data
from tracetier.train.on_engine import read_data, write_data
from tracetier.train.rows import TaskRows

MakeRows = Callable[..., TaskRows]


def test_data_read_back_is_data_written(make_rows: MakeRows, tmp_path: Path) -> None:
    """Arrays, words and types without a name come back as they were."""
    data = training_data(make_rows(40))
    data = data._replace(task_types=[None, *data.task_types[1:]])
    folds = np.arange(len(data.task_types)) % 3

    write_data(tmp_path, data, folds, np.ones(data.targets.shape[1]))
    read, read_folds, alphas = read_data(tmp_path)

    assert read.task_types == data.task_types
    assert read.columns == data.columns
    np.testing.assert_array_equal(read.design.x, data.design.x)
    np.testing.assert_array_equal(read.design.words.toarray(), data.design.words.toarray())
    np.testing.assert_array_equal(read.targets, data.targets)
    np.testing.assert_array_equal(read_folds, folds)
    assert alphas.tolist() == [1.0] * data.targets.shape[1]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "dask://local?workers=2"])
def test_a_model_is_the_same_wherever_it_was_fitted(
    make_rows: MakeRows, engine: str, tmp_path: Path
) -> None:
    """Out-of-fold predictions and trees, to the bit; the scratch folder is left empty."""
    rows = make_rows(200)

    here = fit_model(rows, n_jobs=1)
    there = fit_model(rows, n_jobs=2, engine=engine, scratch=tmp_path)

    np.testing.assert_array_equal(here.held_out.quality, there.held_out.quality)
    np.testing.assert_array_equal(here.held_out.cost_usd, there.held_out.cost_usd)
    assert here.trees == there.trees
    assert list(tmp_path.iterdir()) == []
