"""The links between spans, and what broken logs do to them."""

from collections.abc import Callable
from math import inf

import pytest

from tracetier.ingest.assemble.tree import NONE, Tree, build_tree
from tracetier.ingest.span import Span

Step = Callable[..., Span]


def _ids(tree: Tree, places: list[int]) -> list[str | None]:
    return [None if i == NONE else tree.spans[i].span_id for i in places]


def test_children_may_come_first(step: Step) -> None:
    """Places are by start; a parent that starts with its child stands where its id does."""
    tree = build_tree(
        [
            step("tool", "tool", "call", 2, 3),
            step("call", "call", "run", 1, 2),
            step("agent", "run", None, 0, 9),
        ]
    )

    assert _ids(tree, tree.parents) == [None, "run", "call"]
    assert _ids(tree, tree.roots) == ["run", "run", "run"]
    assert _ids(tree, tree.runs) == [None, "run", "run"]
    assert tree.depths == [0, 1, 2]
    assert _ids(tree, tree.order) == ["run", "call", "tool"]


@pytest.mark.parametrize("parent", [None, "", "lost"])
def test_a_span_without_its_parent_is_a_root(step: Step, parent: str | None) -> None:
    """Null, empty, or never in the log."""
    tree = build_tree([step("call", "a", parent, 0, 1)])

    assert (tree.parents, tree.cut) == ([NONE], [])


def test_ids_are_of_their_trace(step: Step) -> None:
    """The same ids in two traces do not meet."""
    tree = build_tree(
        [
            step("agent", "a", None, 0, 9),
            step("call", "b", "a", 1, 2, trace_id="other"),
        ]
    )

    assert tree.parents == [NONE, NONE]


def test_a_circle_is_cut_where_it_started(step: Step) -> None:
    """b > a > c > b, and d below: b started first, so it becomes the root."""
    tree = build_tree(
        [
            step("group", "a", "b", 2, 8),
            step("group", "b", "c", 1, 9),
            step("group", "c", "a", 3, 7),
            step("call", "d", "c", 4, 5),
        ]
    )

    assert _ids(tree, tree.cut) == ["b"]
    assert dict(zip("bacd", _ids(tree, tree.parents), strict=True)) == {
        "b": None,
        "a": "b",
        "c": "a",
        "d": "c",
    }
    assert _ids(tree, tree.order) == ["b", "a", "c", "d"]


def test_a_span_that_is_its_own_parent_is_a_root(step: Step) -> None:
    """The smallest circle."""
    tree = build_tree([step("call", "a", "a", 0, 1)])

    assert (_ids(tree, tree.cut), tree.parents) == (["a"], [NONE])


def test_a_hundred_thousand_levels_are_no_deeper_than_one(step: Step) -> None:
    """Nothing recurses, and nothing walks the whole height for each span."""
    spans = [step("group", str(i), str(i - 1) if i else None) for i in range(100_000)]
    tree = build_tree(spans)

    assert max(tree.depths) == 99_999


def test_a_step_starts_no_later_than_what_it_does(step: Step) -> None:
    """The agent's machine is two seconds ahead of the gateway's; an unknown start is told too."""
    tree = build_tree(
        [
            step("group", "root", None, None, 20),
            step("agent", "run", "root", 10, 20),
            step("call", "call", "run", 8, 12),
        ]
    )
    starts = {span.span_id: tree.starts[i] for i, span in enumerate(tree.spans)}

    assert starts["run"] == starts["call"] == starts["root"]


def test_an_end_is_told_by_the_latency_too(step: Step) -> None:
    """Else it is unknown, and nothing comes after it."""
    tree = build_tree(
        [
            step("call", "a", None, 0, 2.5),
            step("call", "b", None, 0, latency_s=2.5),
            step("call", "c", None, 0),
            step("call", "d"),
        ]
    )

    assert tree.ends[0] == tree.ends[1]
    assert tree.ends[2:] == [inf, inf]


def test_nothing_ends_when_it_starts(step: Step) -> None:
    """Of two steps at one instant neither came first; so too where the end is told too early."""
    tree = build_tree([step("call", "a", None, 5, 5), step("call", "b", None, 5, 4)])

    assert all(0 < end - start < 1e-6 for start, end in zip(tree.starts, tree.ends, strict=True))


def test_only_groups_stand_between_reporters_of_one_call(step: Step) -> None:
    """What a tool or a sub-agent calls is another call; it is also what makes it delegated."""
    tree = build_tree(
        [
            step("call", "outer", None, 0, 9),
            step("group", "http", "outer", 1, 8),
            step("call", "inner", "http", 2, 7),
            step("tool", "tool", "outer", 3, 6),
            step("agent", "sub", "tool", 4, 5),
            step("call", "other", "sub", 4.5, 5),
        ]
    )

    assert _ids(tree, tree.outer_calls) == [None, "outer", "outer", "outer", None, None]
    assert _ids(tree, tree.runs) == [None, None, None, None, None, "sub"]
    assert tree.is_delegated == [False, True, True, True, True, False]
