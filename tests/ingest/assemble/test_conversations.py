"""Which steps continue one another."""

from collections.abc import Callable
from itertools import combinations

from tracetier.ingest.assemble.conversations import find_conversations, sessions_of
from tracetier.ingest.assemble.tree import build_tree
from tracetier.ingest.span import Span

Step = Callable[..., Span]
Pairs = set[tuple[str, str]]


def _pairs(spans: list[Span]) -> tuple[Pairs, Pairs]:
    """Return the spans that stand beside one another, and those that share a context."""
    tree = build_tree(spans)
    places = find_conversations(tree)
    ids = [f"{span.trace_id}/{span.span_id}" for span in tree.spans]
    siblings, chains = (
        {(ids[i], ids[j]) for i, j in combinations(range(len(ids)), 2) if numbers[i] == numbers[j]}
        for numbers in (places.siblings, places.chains)
    )
    return siblings, chains


def test_turns_of_a_main_agent_share_a_context(step: Step) -> None:
    """And so do their calls, but not the sub-agent's."""
    siblings, chains = _pairs(
        [
            step("agent", "main", None, 0, 99, name="main"),
            step("turn", "turn1", "main", 1, 9),
            step("call", "c1", "turn1", 2, 3),
            step("tool", "task", "c1", 4, 8),
            step("agent", "sub", "task", 5, 7),
            step("call", "s1", "sub", 6, 7),
            step("turn", "turn2", "main", 10, 19),
            step("call", "c2", "turn2", 11, 12),
        ]
    )

    assert ("t/turn1", "t/turn2") in siblings & chains
    assert ("t/c1", "t/c2") in chains
    assert ("t/turn2", "t/c1") in chains | {(b, a) for a, b in chains}
    assert not any("t/s1" in pair and "t/sub" not in pair for pair in chains)


def test_sub_agents_of_one_turn_stand_side_by_side_without_a_common_context(step: Step) -> None:
    """Also where each is an agent within an agent: two reporters of one run."""
    spans = [step("agent", "main", None, 0, 99)]
    for i in "ab":
        spans += [
            step("tool", f"task_{i}", "main", 1, 9),
            step("agent", f"sub_{i}", f"task_{i}", 2, 8, name="explore"),
            step("agent", f"inner_{i}", f"sub_{i}", 3, 7, name="explore"),
            step("call", f"call_{i}", f"inner_{i}", 4, 5),
        ]
    siblings, chains = _pairs(spans)

    assert {("t/sub_a", "t/sub_b"), ("t/inner_a", "t/inner_b")} <= siblings
    assert (
        not {("t/sub_a", "t/sub_b"), ("t/inner_a", "t/inner_b"), ("t/call_a", "t/call_b")} & chains
    )
    assert ("t/sub_a", "t/main") not in siblings


def test_the_runs_of_one_agent_in_a_session_share_a_context(step: Step) -> None:
    """One trace per message of the user; another agent has its own, whatever it is wrapped in."""
    spans = []
    for trace, name in (("1", "chat"), ("2", "chat"), ("3", "coder")):
        spans += [
            step("group", "root", None, 0, 9, trace_id=trace, session_id="s"),
            step("agent", "run", "root", 1, 8, trace_id=trace, name=name),
            step("call", "c", "run", 2, 3, trace_id=trace),
        ]
    siblings, chains = _pairs(spans)

    assert {("1/run", "2/run"), ("1/run", "3/run")} <= siblings
    assert ("1/c", "2/c") in chains
    assert ("1/c", "3/c") not in chains


def test_steps_of_a_run_that_is_not_there_belong_together(step: Step) -> None:
    """Its span comes only when it ends."""
    spans = [
        step("call", "a", "run", 0, 1),
        step("call", "b", "run", 2, 3),
        step("call", "c", "other", 4, 5),
    ]

    assert _pairs(spans) == ({("t/a", "t/b")}, {("t/a", "t/b")})


def test_a_trace_is_in_the_session_of_its_root(step: Step) -> None:
    """A sub-agent with a conversation id of its own does not part from its parent."""
    tree = build_tree(
        [
            step("agent", "boss", None, 1, 9, session_id="zzz"),
            step("agent", "helper", "boss", 0, 8, session_id="aaa"),
            step("call", "lone", None, 0, 1, trace_id="other"),
        ]
    )

    assert sessions_of(tree) == {"t": "zzz"}
    assert sorted(find_conversations(tree).sessions) == ["other", "zzz", "zzz"]


def test_nobody_knows_what_came_before_a_lone_call(step: Step) -> None:
    """Without session and parent; with either, its place is told."""
    tree = build_tree(
        [
            step("call", "a", None, 0, 1, trace_id="1"),
            step("call", "b", None, 1, 2, trace_id="2", session_id="s"),
            step("call", "c", "lost", 2, 3, trace_id="3"),
        ]
    )

    assert find_conversations(tree).is_placed == [False, True, True]
