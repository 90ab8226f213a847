"""The features as data, and the check against leakage."""

import os
import subprocess
import sys
from collections import Counter

import pytest

from tracetier.errors import LeakageError
from tracetier.features import spec
from tracetier.features.spec import (
    BEFORE_COLUMNS,
    FEATURES,
    X_COLUMNS,
    check_known_before,
    fingerprint,
)
from tracetier.table import COLUMNS


def test_each_feature_has_its_own_name_a_unit_and_a_meaning() -> None:
    """The documentation's table is made of these."""
    assert max(Counter(X_COLUMNS).values()) == 1
    assert all(name.startswith("x_") for name in X_COLUMNS)
    assert {feature.unit for feature in FEATURES} == {"1", "ln"}
    assert all(feature.doc and feature.source for feature in FEATURES)


def test_each_feature_reads_columns_that_are_known_before() -> None:
    """By the extractor's own list, and by the table's."""
    sources = {column for feature in FEATURES for column in feature.source}

    check_known_before(sources)
    assert sources <= {column.name for column in COLUMNS if column.group == "before"}


@pytest.mark.parametrize(
    "column",
    [
        *(column.name for column in COLUMNS if column.group in ("id", "action", "after")),
        "timestamp",
        "attr_y_output_tokens",
        "attr_y_whatever",
        "attr_output_tokens",
        "attr_quality",
        "attr_cost_usd",
        "attr_latency_s",
        "attr_p_log",
        "attr_tier",
        "x_words",
        "difficulty",
    ],
)
def test_an_outcome_planted_among_the_features_is_refused_by_name(column: str) -> None:
    """The message names it and says where outcomes belong."""
    with pytest.raises(LeakageError, match=rf"'{column}' is not known before .* y_\* column"):
        check_known_before(["task_text", column, "attr_team"])


def test_every_offender_is_named() -> None:
    """Sorted, so that the message is the same each time."""
    with pytest.raises(LeakageError, match="'attr_quality', 'y_cost_usd' is not known before"):
        check_known_before(["y_cost_usd", "level", "attr_quality"])


def test_known_columns_and_the_users_own_pass() -> None:
    """``attr_`` makes a column a feature; a name that merely contains an outcome's is fine."""
    check_known_before([*BEFORE_COLUMNS, "attr_team", "attr_quality_target", "attr_prior_cost_usd"])


def test_the_fingerprint_follows_the_version_but_not_added_columns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Other values are another extractor; more columns are not, since a model names its own."""
    first = fingerprint()
    monkeypatch.setattr(spec, "X_COLUMNS", (*X_COLUMNS, "x_new"))
    assert fingerprint() == first

    monkeypatch.setattr(spec, "EXTRACTOR_VERSION", spec.EXTRACTOR_VERSION + 1)
    assert fingerprint() != first


def test_the_fingerprint_is_the_same_in_a_fresh_process() -> None:
    """Else no artifact could be loaded by another process."""
    done = subprocess.run(
        [sys.executable, "-c", "from tracetier.features import spec; print(spec.fingerprint())"],
        env={**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == fingerprint()
