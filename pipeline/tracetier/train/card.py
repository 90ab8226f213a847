"""``CARD.md``: what an artifact was trained on, what it is worth, what it is not fit for."""

from collections.abc import Mapping, Sequence
from typing import Any

from tracetier.tiers import TierSet


def render_card(metrics: Mapping[str, Any], tiers: TierSet, *, table: str) -> str:
    """Render the card in Markdown from ``training_metrics``."""
    return "\n".join(
        [
            "# Model card",
            "",
            f"Predicts quality and cost of {len(tiers)} tiers ({', '.join(tiers.names)}) for a "
            f"task, before it runs. Trained on table `{table}`: {metrics['n_tasks']} tasks in "
            f"{metrics['n_groups']} independent groups, {metrics['n_full_information']} of them "
            "with the outcome of every tier.",
            "",
            "## Tiers, as seen in the table",
            "",
            "| tier | model | tasks | mean quality (0-10) | mean cost (USD) | prediction error |",
            "|---|---|---|---|---|---|",
            *(_tier_row(name, tiers, figures) for name, figures in metrics["tiers"].items()),
            "",
            *_worth(metrics),
            *_goal(metrics),
            *_call_share(metrics),
            "",
            "## How it was made",
            "",
            f"- Quality heads, blend `{metrics['blend']}`: {_weights(metrics, 'quality')}.",
            f"- Cost heads (log USD, smeared): {_weights(metrics, 'cost')}.",
            f"- {metrics['n_folds']} folds by task group; every figure above is out of fold.",
            f"- Context buckets: {_buckets(metrics['buckets'])}.",
            "- Reward: quality (0-10) - lambda x min(1, cost / "
            f"{metrics['cost_ref_usd']:.4g} USD); "
            f"default lambda {metrics['lam']:.4g}.",
            "",
            "## Limits",
            "",
            *_limits(metrics),
            "",
        ]
    )


def _tier_row(name: str, tiers: TierSet, figures: Mapping[str, Any]) -> str:
    return (
        f"| {name} | {tiers.model_of(name) or 'unknown'} | {figures['n']} | "
        f"{_seen(figures['quality'])} | {figures['cost_usd']:.3g} | "
        f"{10 * figures['quality_rmse']:.2f} |"
    )


def _seen(quality: float | None) -> str:
    return "compared only" if quality is None else f"{10 * quality:.2f}"


def _worth(metrics: Mapping[str, Any]) -> list[str]:
    value = metrics.get("value")
    if value is None:
        return [
            "## What it is worth",
            "",
            "Not known: no task shows every tier. Take the predictions as observational.",
        ]
    at_lam = value["at_lam"]
    share = ", ".join(f"{name} {part:.0%}" for name, part in at_lam["share"].items())
    return [
        "## What it is worth (out of fold)",
        "",
        f"- Read off in hindsight, keeps 99 % of {value['reference']}'s quality at "
        f"{100 * (1 - value['saving_at_99']):.1f} % of its cost, and all of it at "
        f"{100 * (1 - value['saving_at_100']):.1f} %.",
        f"- Gap closed between fixed tiers and oracle: {value['gap_closed']:.3f}. Each head alone: "
        + ", ".join(f"{h} {v:.3f}" for h, v in value["gap_closed_by_head"].items())
        + ".",
        f"- At the default lambda: quality {10 * at_lam['quality']:.2f}, "
        f"{at_lam['cost_usd']:.3g} USD per task; {share}.",
        "- What it keeps when it is set beforehand, with intervals and controls: "
        "`tracetier evaluate ARTIFACT TABLE --html report.html`.",
    ]


def _goal(metrics: Mapping[str, Any]) -> list[str]:
    """Say which lambda was solved for, and whether anything else meets the goal better."""
    if "goal" not in metrics:
        return []
    told = metrics["goal"]["told"]
    return [f"- {told[0].upper()}{told[1:]}."]


def _call_share(metrics: Mapping[str, Any]) -> list[str]:
    """Tell quality and cost by the share of calls that go to the dear tier."""
    if "value" not in metrics:
        return []
    found = metrics["value"]["call_share"]
    tier, points = found["tier"], found["points"]
    others = [name for name in points[0]["share"] if name != tier]
    return [
        "",
        f"By share of calls to {tier}, the dear tier:",
        "",
        f"| calls to {tier} | quality (0-10) | USD per task | "
        + " | ".join([*others, "lambda"])
        + " |",
        "|---" * (4 + len(others)) + "|",
        *(
            f"| {point['share'][tier]:.0%} | {10 * point['quality']:.2f} | "
            f"{point['cost_usd']:.3g} | "
            + " | ".join([*(f"{point['share'][name]:.0%}" for name in others), ""])
            + f"{point['lam']:.3g} |"
            for point in points
        ),
    ]


def _weights(metrics: Mapping[str, Any], target: str) -> str:
    weights = metrics["weights"][target]
    return ", ".join(f"{head} {weight:.2f}" for head, weight in weights.items() if weight)


def _buckets(buckets: Mapping[str, int], most: int = 12) -> str:
    shown = [f"{name} ({n})" for name, n in list(buckets.items())[:most]]
    more = len(buckets) - most
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _limits(metrics: Mapping[str, Any]) -> list[str]:
    limits = [
        "- Predictions hold for tasks like those in the table; a new kind of task has no bucket "
        "of its own and is judged by its text and its other fields alone.",
    ]
    if "logged" in metrics:
        limits += _logged_limits(metrics["logged"])
    return limits


def _logged_limits(logged: Mapping[str, Any]) -> list[str]:
    limits = [
        f"- {logged['n_logged']} tasks show only some tiers. How the log chose them is corrected "
        "for by doubly robust estimates, which is no better than its propensities.",
    ]
    if logged["is_observational"]:
        limits.append(
            f"- Observational: for {logged['n_propensity_estimated']} tasks the log does not say "
            "how likely it was to take the tier. That was estimated from the features; a choice "
            "that hung on more than these still misleads."
        )
    overlap = logged["overlap"]
    if overlap["never_tried"]:
        told = _cells(overlap["never_tried"])
        limits.append(f"- Never tried, so what is said of it is a guess: {told}.")
    if overlap["cannot_be_known"]:
        told = _cells(overlap["cannot_be_known"])
        limits.append(
            "- Cannot be known from these logs (effective sample size below "
            f"{overlap['min_ess']:g}): {told}."
        )
    return limits


def _cells(cells: Sequence[Mapping[str, str]], most: int = 12) -> str:
    """Name tiers on kinds of task, tier by tier."""
    by_tier: dict[str, list[str]] = {}
    for cell in cells[:most]:
        by_tier.setdefault(cell["tier"], []).append(cell["bucket"])
    shown = "; ".join(f"{tier} on {', '.join(kinds)}" for tier, kinds in by_tier.items())
    return shown + (f" and {len(cells) - most} more" if len(cells) > most else "")
