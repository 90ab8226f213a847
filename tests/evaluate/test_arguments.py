"""What a caller may give, and what is told where it is something else."""

from pathlib import Path
from typing import Any

import pytest

from tracetier.errors import ArtifactError, SettingsError, TableError, TracetierError
from tracetier.evaluate.arguments import lam_given, opened_artifact, table_path, whole_number
from tracetier.evaluate.run import evaluate


def test_paths_may_be_texts_or_paths() -> None:
    """Both become a path."""
    assert table_path("data/table") == table_path(Path("data/table")) == Path("data/table")


def test_lambda_is_a_finite_number_or_nothing() -> None:
    """Whole numbers are numbers; truth values are none."""
    assert (lam_given(None), lam_given(2)) == (None, 2.0)
    for wrong in (True, "2", [1.0]):
        with pytest.raises(SettingsError, match="expected a number"):
            lam_given(wrong)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="must be finite"):
        lam_given(float("inf"))


@pytest.mark.parametrize("wrong", [True, 1.0, "3", None])
def test_a_seed_is_a_whole_number(wrong: Any) -> None:
    """As numpy would not say."""
    with pytest.raises(SettingsError, match=r"seed is .*, expected a whole number"):
        whole_number("seed", wrong, least=0)


def test_neither_artifact_nor_path_is_told_by_its_type() -> None:
    """A data frame, say."""
    with pytest.raises(ArtifactError, match="artifact is a dict, expected the path"):
        opened_artifact({})  # type: ignore[arg-type]
    with pytest.raises(TableError, match="table is a list, expected the path"):
        table_path([])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [
        {"artifact": None},
        {"table": 3},
        {"lam": "x"},
        {"seed": None},
        {"n_boot": 1.5},
        {"split": "tme"},
        {"n_jobs": 0},
    ],
)
def test_evaluate_tells_every_wrong_argument(options: dict[str, Any]) -> None:
    """With an error of ours, before anything is read."""
    given = {"artifact": "nowhere", "table": "nowhere"} | options
    with pytest.raises(TracetierError, match=r"expected|known|at least"):
        evaluate(given.pop("artifact"), given.pop("table"), **given)
