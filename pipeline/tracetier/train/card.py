"""``CARD.md``: what an artifact was trained on, what it is worth, what it is not fit for."""

from collections.abc import Mapping
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
        f"{10 * figures['quality']:.2f} | {figures['cost_usd']:.3g} | "
        f"{10 * figures['quality_rmse']:.2f} |"
    )


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
        f"- 99 % of the quality of {value['reference']} at a saving of "
        f"{value['saving_at_99']:.0%} of its cost; all of it at {value['saving_at_100']:.0%}.",
        f"- Gap closed between fixed tiers and oracle: {value['gap_closed']:.3f}. Each head alone: "
        + ", ".join(f"{h} {v:.3f}" for h, v in value["gap_closed_by_head"].items())
        + ".",
        f"- At the default lambda: quality {10 * at_lam['quality']:.2f}, "
        f"{at_lam['cost_usd']:.3g} USD per task; {share}.",
        "- For intervals and controls run `tracetier evaluate`.",
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
    n_logged = metrics["n_tasks"] - metrics["n_full_information"]
    if n_logged:
        limits.append(
            f"- {n_logged} tasks show only some tiers. How the logs chose a tier is not corrected "
            "for: if dear tiers were given the hard tasks, they look worse than they are."
        )
    return limits
