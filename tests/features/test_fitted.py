"""Columns and buckets as they are kept in an artifact."""

from math import isnan, log, nan

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.errors import ArtifactError
from tracetier.features.buckets import Buckets, Split
from tracetier.features.extract import extract
from tracetier.features.fitted import FittedFeatures
from tracetier.features.spec import X_COLUMNS, fingerprint
from tracetier.records import Task

N_COLUMNS = len(X_COLUMNS) + 2


def fitted(**changes: object) -> FittedFeatures:
    """Two attributes, one type, a tree of one split on the second attribute."""
    buckets = Buckets(
        names=("code", "small", "big", "other"),
        types={"code": 0},
        splits=(Split(N_COLUMNS - 1, 2.0, -2, -3),),
    )
    whole = FittedFeatures(
        x_columns=X_COLUMNS, attrs=("flag", "size"), buckets=buckets, fingerprint=fingerprint()
    )
    return msgspec.structs.replace(whole, **changes)


def test_a_task_is_encoded_as_its_features_then_its_attributes() -> None:
    """In the order of the columns; a missing attribute or a text is nan."""
    task = Task(text="a", attrs={"size": 1.5, "flag": True, "team": "x"})

    row, ids, bucket = fitted().encode(task)

    assert row[-2:] == [1.0, 1.5]
    assert fitted().columns == (*X_COLUMNS, "attr_flag", "attr_size")
    assert len(row) == len(fitted().columns)
    assert ids.tolist() == extract(task).ids.tolist()
    assert bucket == 1
    assert all(isnan(x) for x in fitted().encode(Task(attrs={"size": "big"})).row[-2:])
    assert fitted().encode(Task()).bucket == 2
    assert fitted().encode(Task(task_type="code")).bucket == 0


@pytest.mark.parametrize("x_columns", [X_COLUMNS, ("x_words", "x_bytes")])
def test_numbers_alone_are_those_of_the_encoded_task(x_columns: tuple[str, ...]) -> None:
    """Whether the task was encoded just now or another one since, and as often as one asks."""
    features = fitted(x_columns=x_columns)
    task = Task(text="a b", task_type="code", attrs={"size": 2.0})

    expected = features.encode(task).row
    at_hand = [features.numbers(task), features.numbers(task)]
    features.encode(Task(text="another", task_type="code"))

    assert [repr(row) for row in [*at_hand, features.numbers(task)]] == [repr(expected)] * 3


def test_what_is_written_is_read_back() -> None:
    """By way of JSON, as an artifact does it."""
    content = msgspec.json.decode(msgspec.json.encode(fitted().to_dict()))

    assert FittedFeatures.from_dict(content) == fitted()


def test_features_of_another_extractor_are_refused() -> None:
    """The same task would mean something else."""
    with pytest.raises(ArtifactError, match=r"made by extractor 0123.*train again"):
        FittedFeatures.from_dict(fitted(fingerprint="0123").to_dict())


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({}, id="empty"),
        pytest.param([], id="a list"),
        pytest.param({**fitted().to_dict(), "attrs": "size"}, id="a text for a list"),
        pytest.param({**fitted().to_dict(), "buckets": None}, id="no buckets"),
    ],
)
def test_malformed_content_is_told(content: object) -> None:
    """With the file's name and the mend."""
    with pytest.raises(ArtifactError, match=r"features\.json: .*train the artifact again"):
        FittedFeatures.from_dict(content)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"names": ()}, id="no bucket"),
        pytest.param({"names": ("a", "a"), "splits": ()}, id="a name twice"),
        pytest.param({"types": {"code": 4}}, id="a type without bucket"),
        pytest.param({"splits": (Split(N_COLUMNS, 2.0, -2, -3),)}, id="no such column"),
        pytest.param({"splits": (Split(-1, 2.0, -2, -3),)}, id="a negative column"),
        pytest.param({"splits": (Split(0, nan, -2, -3),)}, id="no threshold"),
        pytest.param({"splits": (Split(0, 2.0, -2, 0),)}, id="a circle"),
        pytest.param({"splits": (Split(0, 2.0, -2, 1),)}, id="no such node"),
        pytest.param({"splits": (Split(0, 2.0, -2, -5),)}, id="no such leaf"),
    ],
)
def test_a_bucket_or_split_that_points_outside_is_damage(changes: dict[str, object]) -> None:
    """Told when loading, not by a wrong route or an endless walk."""
    broken = msgspec.structs.replace(fitted().buckets, **changes)

    with pytest.raises(ArtifactError, match="the artifact is damaged"):
        FittedFeatures.from_dict(fitted(buckets=broken).to_dict())


SPLITS = st.lists(
    st.builds(
        Split,
        feature=st.integers(0, N_COLUMNS - 1),
        threshold=st.floats(-2, 2),
        left=st.integers(-4, 6),
        right=st.integers(-4, 6),
    ),
    min_size=1,
    max_size=6,
)


@given(SPLITS, st.lists(st.floats(), min_size=N_COLUMNS, max_size=N_COLUMNS))
def test_a_tree_that_passes_the_audit_ends_in_a_bucket(
    splits: list[Split], row: list[float]
) -> None:
    """For any row; a tree that could run for ever does not pass."""
    buckets = msgspec.structs.replace(fitted().buckets, splits=tuple(splits))
    try:
        found = FittedFeatures.from_dict(fitted(buckets=buckets).to_dict())
    except ArtifactError:
        return

    assert 0 <= found.buckets.assign(None, row) < len(buckets.names)


def test_a_model_of_fewer_columns_is_served_those_alone() -> None:
    """An extractor that has learned more columns since gives an older model what it took."""
    older = FittedFeatures(
        x_columns=("x_words", "x_bytes"),
        attrs=("size",),
        buckets=Buckets(names=("other",), types={}),
        fingerprint=fingerprint(),
    )

    row = older.encode(Task(text="two words", attrs={"size": 7.0})).row

    assert row == pytest.approx([log(3), log(10), 7.0])


def test_a_column_that_is_not_made_any_more_is_told() -> None:
    """By name: nothing stands in for it."""
    content = {
        "x_columns": ["x_words", "x_moon_phase"],
        "attrs": [],
        "buckets": {"names": ["other"], "types": {}, "splits": []},
        "fingerprint": fingerprint(),
    }

    with pytest.raises(ArtifactError, match="takes the columns x_moon_phase, which this"):
        FittedFeatures.from_dict(content)
