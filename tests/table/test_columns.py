"""The columns as data, and the Arrow schema that follows from them."""

import msgspec
import pyarrow as pa
import pytest

from tracetier.features.spec import BEFORE_COLUMNS
from tracetier.records import SCHEMA_VERSION, Invocation
from tracetier.table import COLUMNS, arrow_schema, attr_type, column_names


def test_columns_are_the_fields_of_an_invocation_and_where_it_came_from() -> None:
    """A field that had no column would be lost without a word."""
    fields = set(Invocation.__struct_fields__) - {"attrs", "x"}

    assert set(column_names()) == fields | {"source_format", "source_file"}
    assert len(set(column_names())) == len(COLUMNS)


def test_what_is_known_before_the_decision_is_what_features_may_read() -> None:
    """Two lists of the same thing; the time of day is no feature."""
    assert set(column_names("before")) == BEFORE_COLUMNS | {"timestamp"}


def test_every_outcome_is_marked_by_its_name() -> None:
    """``y_*`` is how people and the check for leaks tell an outcome."""
    assert all(name.startswith("y_") for name in column_names("after"))
    assert not any(name.startswith("y_") for name in column_names("id", "before", "action"))


def test_schema_puts_attributes_and_features_between_before_and_action() -> None:
    """Order, types and version of a schema with one column of each kind."""
    schema = arrow_schema({"attr_team": pa.string()}, ["x_words"], tiers=["low", "high"])

    places = [schema.get_field_index(name) for name in ("level", "attr_team", "x_words", "model")]
    assert places == list(range(places[0], places[0] + 4))
    assert schema.field("x_words").type == pa.float64()
    assert schema.metadata[b"tracetier.schema_version"] == str(SCHEMA_VERSION).encode()
    assert msgspec.json.decode(schema.metadata[b"tracetier.tiers"]) == ["low", "high"]


def test_schema_states_unit_and_group_of_each_field() -> None:
    """So that a reader of the Parquet needs no documentation."""
    schema = arrow_schema()

    assert schema.field("y_cost_usd").metadata[b"unit"] == b"USD"
    assert schema.field("y_cost_usd").metadata[b"group"] == b"after"
    assert schema.field("timestamp").type == pa.timestamp("us", "UTC")
    assert schema.field("tools").type == pa.list_(pa.string())


@pytest.mark.parametrize(
    ("value", "kind"),
    [(1, "float64"), (0.5, "float64"), (True, "bool"), ("1", "string")],
)
def test_attribute_types_keep_truth_values_apart_from_numbers(value: object, kind: str) -> None:
    """``True`` is an ``int`` in Python, but not in a table."""
    assert attr_type(value) == kind  # type: ignore[arg-type]
