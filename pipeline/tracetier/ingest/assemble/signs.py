"""What is seen of each invocation afterwards, for the proxies of quality."""

from collections import defaultdict
from collections.abc import Sequence

from tracetier.ingest.assemble.conversations import Conversations
from tracetier.ingest.assemble.proxy import Signs
from tracetier.ingest.assemble.row import Facts
from tracetier.ingest.assemble.tree import NONE, Tree
from tracetier.ingest.assemble.units import Unit
from tracetier.ingest.span import Span


def signs_of_units(
    tree: Tree, places: Conversations, units: Sequence[Unit], facts: Sequence[Facts]
) -> list[Signs]:
    """Gather the signs of each unit: its end, its tools, its calls, and what was asked next."""
    tools = _tools(tree, units)
    after: dict[int, str] = {}
    texts: dict[int, str] = {}
    for k in reversed(range(len(units))):
        sibling = places.siblings[units[k].place]
        after[k] = texts.get(sibling, "")
        texts[sibling] = facts[k].text
    return [
        Signs(known.span, known.end.failed, tools[k], known.calls, known.text, after[k])
        for k, known in enumerate(facts)
    ]


def _tools(tree: Tree, units: Sequence[Unit]) -> defaultdict[int, list[Span]]:
    """Return the tools that each run or task ran itself."""
    found: defaultdict[int, list[Span]] = defaultdict(list)
    unit_of = [NONE] * len(tree.spans)
    at = {unit.place: k for k, unit in enumerate(units) if unit.level != "call"}
    for i in tree.order:
        parent = tree.parents[i]
        unit_of[i] = at.get(i, NONE if parent == NONE else unit_of[parent])
        if tree.kinds[i] == "tool" and unit_of[i] != NONE:
            found[unit_of[i]].append(tree.spans[i])
    return found
