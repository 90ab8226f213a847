"""The one extractor: total, finite, and blind to what it must not see."""

import hashlib
from datetime import UTC, datetime
from math import inf, isnan, log, nan

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.features.extract import attr_value, extract, extract_row
from tracetier.features.spec import EXTRACTOR_VERSION, FEATURES, STATE_FEATURES, X_COLUMNS
from tracetier.features.words import HASH_BITS
from tracetier.records import Invocation, Task

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # half surrogate pairs too
NAME = st.none() | ANY_TEXT
COUNT = st.none() | st.integers()
TASKS = st.builds(
    Task,
    text=ANY_TEXT,
    task_type=NAME,
    agent_name=NAME,
    tools=st.none() | st.lists(ANY_TEXT, max_size=4),
    n_tools=COUNT,
    prompt_tokens_est=COUNT,
    context_tokens=COUNT,
    latency_limit_s=st.none() | st.floats(),
    turn_index=COUNT,
    n_prior_errors=COUNT,
    n_prior_retries=COUNT,
    n_files_touched=COUNT,
    idle_s=st.none() | st.floats(),
    last_tier=NAME,
    last_failed=st.none() | st.booleans(),
    level=st.sampled_from([None, "call", "agent_run", "task"]),
    attrs=st.none() | st.dictionaries(ANY_TEXT, st.floats() | ANY_TEXT | st.booleans(), max_size=3),
    session_id=NAME,
)
COLUMN_OF_FIELD = {"text": "task_text", "attrs": "attr_*"}

N_STATE = len(STATE_FEATURES)

PINNED = {1: ((53, "0ea4cd56f511"), (57, "9b236ee8c07c"))}
"""Version of the extractor → how many columns it had, ever more, and the digest of them all."""
PROBES = (
    Task(),
    Task(text="Rename foo_1 to bar? (B) 3.5 > 2, `x` http://a.b", task_type="code", tools=["edit"]),
    Task(text="Größe 日本 😀 " * 2_000, n_tools=7, prompt_tokens_est=40, attrs={"team": "a"}),
    Task(text="def f(x):\n    return {x;}\n", context_tokens=9, latency_limit_s=2.5, turn_index=3),
    Task(text="x" * 20_000, agent_name="a", last_tier="low", level="task", n_prior_errors=1),
    Task(n_prior_retries=1, n_files_touched=3, idle_s=2.5, last_failed=False),
)
PROBES_OF = {53: 5, 57: 6}


def by_name(task: Task) -> dict[str, float]:
    """Features by column."""
    return dict(zip(X_COLUMNS, extract(task).row, strict=True))


def test_a_row_stands_in_the_order_of_the_columns() -> None:
    """Every state feature, worked by hand, found under its own name."""
    task = Task(
        text="List files",
        tools=["list_files", "mail.box"],
        context_tokens=99,
        latency_limit_s=1.0,
        turn_index=0,
        n_prior_errors=2,
        n_prior_retries=1,
        n_files_touched=3,
        idle_s=0.0,
        last_failed=True,
    )

    found = by_name(task)

    assert {name: found[name] for name in X_COLUMNS[-N_STATE:]} == pytest.approx(
        {
            "x_tools": log(3),
            "x_tool_overlap_max": 1.0,
            "x_tool_overlap_mean": 0.5,
            "x_tool_name_bytes": 9.0,
            "x_tool_dotted": 0.5,
            "x_prompt_tokens": log(4),  # 10 bytes are estimated at 3 tokens
            "x_context_tokens": log(100),
            "x_latency_limit": log(2),
            "x_turn": 0.0,
            "x_prior_errors": log(3),
            "x_prior_retries": log(2),
            "x_files_touched": log(4),
            "x_idle": 0.0,
            "x_last_failed": 1.0,
        }
    )


def test_unknown_is_nan_and_no_tools_are_zero_tools() -> None:
    """``None`` means unknown; an empty list says that there is none."""
    assert isnan(by_name(Task(text="a"))["x_tools"])
    assert by_name(Task(text="a", tools=[]))["x_tools"] == 0.0
    assert isnan(by_name(Task(text="a", tools=[]))["x_tool_overlap_max"])
    assert by_name(Task(text="a", n_tools=3))["x_tools"] == pytest.approx(log(4))
    assert by_name(Task(text="a", tools=["b"], n_tools=3))["x_tools"] == pytest.approx(log(2))
    assert by_name(Task(prompt_tokens_est=7))["x_prompt_tokens"] == pytest.approx(log(8))


@given(TASKS)
def test_any_task_gives_finite_numbers_or_nan_and_sound_ids(task: Task) -> None:
    """No text, no count, however odd, is refused or becomes infinite."""
    row, ids = extract(task)

    assert len(row) == len(X_COLUMNS)
    assert not np.isinf(row).any()
    assert not np.isnan(row[: len(X_COLUMNS) - N_STATE]).any()
    assert (np.diff(ids.astype(np.int64)) > 0).all()
    assert not ids.size or ids[-1] < 2**HASH_BITS


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(Task(text="\ud800"), id="half a surrogate pair"),
        pytest.param(Task(text="\x00" * 50), id="zero bytes"),
        pytest.param(Task(text="日本語" * 500_000), id="4.5 MB of CJK"),
        pytest.param(Task(text="a" * 5_000_000), id="one word of 5 MB"),
        pytest.param(Task(context_tokens=10**400), id="a count beyond any float"),
        pytest.param(Task(turn_index=-3), id="a negative count"),
        pytest.param(Task(latency_limit_s=inf), id="no limit"),
        pytest.param(Task(latency_limit_s=nan), id="nan"),
    ],
)
def test_extremes_are_extracted(task: Task) -> None:
    """What a hostile or careless caller may send."""
    assert not np.isinf(extract_row(task)).any()


@given(TASKS, TASKS)
def test_a_feature_reads_only_the_columns_it_names(task: Task, other: Task) -> None:
    """Change a field: only features that name it as a source may change."""
    before = extract(task).row
    for field in Task.__struct_fields__:
        changed = msgspec.structs.replace(task, **{field: getattr(other, field)})
        after = extract(changed).row
        moved = {
            feature.name
            for feature, old, new in zip(FEATURES, before, after, strict=True)
            if old != new and not (isnan(old) and isnan(new))
        }
        column = COLUMN_OF_FIELD.get(field, field)
        assert moved <= {feature.name for feature in FEATURES if column in feature.source}


@given(TASKS, NAME)
def test_the_session_is_never_a_feature(task: Task, session_id: str | None) -> None:
    """Neither a number nor a word."""
    row, ids = extract(task)
    other_row, other_ids = extract(msgspec.structs.replace(task, session_id=session_id))

    np.testing.assert_array_equal(row, other_row)
    np.testing.assert_array_equal(ids, other_ids)


@given(
    st.fixed_dictionaries(
        {
            name: {"y_quality": st.floats(0, 1), "y_cost_usd": st.floats(0, 9)}.get(
                name,
                st.text() if name.endswith(("source", "status", "type")) else st.integers(0, 9),
            )
            for name in Invocation.__struct_fields__
            if name.startswith("y_")
        }
    ),
    st.floats(0.1, 1.0),
    st.text(min_size=1),
)
def test_no_outcome_and_no_action_changes_a_feature(
    outcomes: dict[str, object], p_log: float, tier: str
) -> None:
    """Whatever came of an invocation, its task has the same features."""
    row = Invocation(
        trace_id="r",
        task_id="t",
        task_text="Say 1 + 1",
        tools=["calc"],
        timestamp=datetime(2025, 1, 2, tzinfo=UTC),
        attrs={"team": "a"},
    )
    changed = msgspec.structs.replace(row, p_log=p_log, tier=tier, model=tier, **outcomes)

    np.testing.assert_array_equal(extract(row.task).row, extract(changed.task).row)
    np.testing.assert_array_equal(extract(row.task).ids, extract(changed.task).ids)


def test_a_task_sent_as_json_has_the_same_features() -> None:
    """The service and a caller in process see one thing."""
    for task in PROBES:
        sent = msgspec.json.decode(msgspec.json.encode(task), type=Task)
        np.testing.assert_array_equal(extract(task).row, extract(sent).row)
        np.testing.assert_array_equal(extract(task).ids, extract(sent).ids)


@pytest.mark.parametrize(("n_columns", "pinned"), PINNED[EXTRACTOR_VERSION])
def test_other_features_need_another_version(n_columns: int, pinned: str) -> None:
    """Where this fails, raise ``EXTRACTOR_VERSION``; only columns at the end need none."""
    content = [
        ([None if isnan(x) else round(x, 9) for x in row[:n_columns]], ids.tolist())
        for row, ids in map(extract, PROBES[: PROBES_OF[n_columns]])
    ]

    digest = hashlib.sha256(msgspec.json.encode(content)).hexdigest()

    assert digest.startswith(pinned)


def test_every_column_is_pinned() -> None:
    """A new column comes with a digest of its own."""
    assert PINNED[EXTRACTOR_VERSION][-1][0] == len(X_COLUMNS)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(2.5, 2.5, id="number"),
        pytest.param(7, 7.0, id="whole number"),
        pytest.param(True, 1.0, id="true is 1"),
        pytest.param("2.5", nan, id="a text is a word, not a number"),
        pytest.param(inf, nan, id="infinite"),
        pytest.param(nan, nan, id="nan"),
        pytest.param(10**400, nan, id="beyond any float"),
        pytest.param(-1e31, nan, id="beyond single precision's squares"),
    ],
)
def test_value_of_a_numeric_attribute(value: float | str, expected: float) -> None:
    """A finite number of sane size, or nan."""
    np.testing.assert_equal(attr_value(Task(attrs={"n": value}), "n"), expected)


def test_a_missing_attribute_is_nan() -> None:
    """With other attributes, and with none."""
    assert isnan(attr_value(Task(attrs={"m": 1.0}), "n"))
    assert isnan(attr_value(Task(), "n"))
