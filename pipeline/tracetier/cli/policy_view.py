"""Rules and caps as people like to read them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tracetier.cli.decision_view import bullets
from tracetier.errors import PolicyError

if TYPE_CHECKING:
    from tracetier.records import Task
    from tracetier.route.policy.caps import Cap
    from tracetier.route.policy.policy import Policy
    from tracetier.settings import Settings

_ABOVE = (
    *("budget_usd", "budget_usd_per_day", "budget_requests", "quality_floor", "saving"),
    *("affinity", "switch_cost", "escalate_after", "incumbent", "shadow"),
)
"""Settings above the learner that are worth a line where they are set."""


def policy_facts(
    policy: "Policy", caps: "Sequence[Cap]", settings: "Settings", task: "Task | None"
) -> dict[str, Any]:  # Any: the shape of JSON
    """Return the rules, caps and limits, and what they do for a task."""
    names = policy.tiers.names
    rules = [(rule.name, *rule.told(names)) for rule in policy.rules]
    return {
        "tiers": [
            {
                "name": tier.name,
                "context_window": tier.context_window,
                "tools": tier.tools,
                "vision": tier.vision,
            }
            for tier in policy.tiers.tiers
        ],
        "rules": [{"name": name, "when": when, "asks": asks} for name, when, asks in rules],
        "caps": [{"cap": cap.told, "at_cap": _at_cap(cap)} for cap in caps],
        "settings": {
            name: getattr(settings, name)
            for name in _ABOVE
            if settings.sources.get(name, "default") != "default"
        },
        "task": None if task is None else _tried(policy, task),
    }


def _at_cap(cap: "Cap") -> str:
    if cap.unit == "explorations":
        return "no exploration"
    return "the cheapest tier" if cap.at_cap == "cheapest" else "refuse"


def _tried(policy: "Policy", task: "Task") -> dict[str, Any]:
    names = policy.tiers.names
    try:
        terms = policy.terms(task, range(len(names)))
    except PolicyError as error:
        return {"allowed": [], "explore": False, "rules": [], "reasons": [], "error": str(error)}
    return {
        "allowed": [names[tier] for tier in terms.allowed],
        "explore": terms.explore,
        "rules": list(terms.rules),
        "reasons": list(terms.reasons),
        "error": None,
    }


def render_policy(facts: dict[str, Any]) -> RenderableType:
    """Return the tiers, the rules, the caps, and the outcome for a task."""
    parts: list[RenderableType] = [_tiers(facts["tiers"])]
    if facts["rules"]:
        parts.append(_table("rule", "when", "asks", rows=facts["rules"]))
        parts.append(
            Text(
                "All rules whose conditions hold apply: deny before pin, pin before floor, floor "
                "before ceiling.",
                "dim",
            )
        )
    else:
        parts.append(Text("no rules"))
    if facts["caps"]:
        parts.append(_table("cap", "at the cap", rows=facts["caps"]))
    else:
        parts.append(Text("no caps"))
    if facts["settings"]:
        listed = ", ".join(f"{name} = {value}" for name, value in facts["settings"].items())
        parts.append(Text.assemble(("also set: ", "dim"), listed))
    if facts["task"] is not None:
        parts += ["", *_outcome(facts["task"])]
    return Group(*parts)


def _tiers(tiers: Sequence[dict[str, Any]]) -> Text:
    told = []
    for tier in tiers:
        window = tier["context_window"]
        limits = [] if window is None else [f"{window:,} tokens"]
        limits += [f"no {name}" for name in ("tools", "vision") if tier[name] is False]
        told.append(tier["name"] + (f" ({', '.join(limits)})" if limits else ""))
    return Text.assemble(("tiers, cheap to dear: ", "dim"), ", ".join(told))


def _table(*columns: str, rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(value)) for value in row.values()))
    return table


def _outcome(task: dict[str, Any]) -> list[RenderableType]:
    if task["error"] is not None:
        return [Text.assemble(("refused: ", "bold red"), task["error"])]
    explored = "" if task["explore"] else ", never at random"
    head = Text.assemble(
        "this task may go to ", (", ".join(task["allowed"]), "bold green"), explored
    )
    return [head, bullets(task["reasons"] or ["no rule or limit is for it"])]
