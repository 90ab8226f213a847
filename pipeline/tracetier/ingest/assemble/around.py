"""What a step takes over from the steps around it: names, the user's own values, the session."""

from typing import NamedTuple

from tracetier.ingest.assemble.conversations import Conversations
from tracetier.ingest.assemble.tree import LEAF_KINDS, NONE, Tree
from tracetier.records import AttrValue


class Around(NamedTuple):
    """Values of a step, or else of the nearest step around it that tells them.

    A task's id goes no further than a tool: what a sub-agent is given is another task.
    """

    session_id: str | None = None
    task_id: str | None = None
    task_type: str | None = None
    agent_name: str | None = None
    attrs: dict[str, AttrValue] | None = None


def around_all(tree: Tree, places: Conversations) -> list[Around]:
    """Return what each span takes over, its own values first."""
    found = [Around()] * len(tree.spans)
    for i in tree.order:
        span, parent = tree.spans[i], tree.parents[i]
        base = Around(session_id=places.sessions[i]) if parent == NONE else found[parent]
        if parent != NONE and tree.kinds[parent] in LEAF_KINDS and base.task_id:
            base = base._replace(task_id=None)
        agent_name = span.name if tree.kinds[i] == "agent" else None
        is_same_type = span.task_type is None or span.task_type == base.task_type
        if span.task_id or span.attrs or agent_name or not is_same_type:
            base = base._replace(
                task_id=span.task_id or base.task_id,
                task_type=span.task_type or base.task_type,
                agent_name=agent_name or base.agent_name,
                attrs={**(base.attrs or {}), **(span.attrs or {})} or None,
            )
        found[i] = base
    return found
