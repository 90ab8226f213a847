"""An artifact looked at: what it was trained on, what it is worth, how it decides."""

from typing import TYPE_CHECKING, Any

import msgspec
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from tracetier.artifact import Artifact

_N_BUCKETS = 8


def artifact_facts(artifact: "Artifact") -> dict[str, Any]:  # Any: the shape of JSON
    """Return everything that a machine may want to know of an artifact."""
    manifest = artifact.manifest
    return {
        "kind": "artifact",
        "path": str(artifact.path),
        "artifact_id": artifact.artifact_id,
        "created": manifest.created,
        "tiers": [
            {"name": name, "model": artifact.tiers.model_of(name)} for name in artifact.tiers.names
        ],
        "lam": artifact.lam,
        "cost_ref_usd": artifact.cost_ref,
        "seed": manifest.seed,
        "buckets": list(artifact.prior.buckets),
        "table_fingerprint": manifest.table_fingerprint,
        "feature_fingerprint": manifest.feature_fingerprint,
        "libraries": manifest.libraries,
        "files": msgspec.to_builtins(manifest.files),
        "metrics": artifact.metrics,
    }


def render_artifact(artifact: "Artifact") -> RenderableType:
    """Return what rich prints; figures are out of fold, quality 0-10."""
    metrics: dict[str, Any] = artifact.metrics
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column()
    for name, told in _facts(artifact, metrics):
        facts.add_row(name, Text(told))
    return Group(_headline(artifact), _tier_table(artifact, metrics), facts)


def _headline(artifact: "Artifact") -> Text:
    n_bytes = sum(entry.size_bytes for entry in artifact.manifest.files.values())
    return Text.assemble(
        (f"artifact {artifact.path}", "bold"),
        ", id ",
        (artifact.artifact_id, "bold green"),
        f"\nsaved {artifact.manifest.created:%Y-%m-%d %H:%M} UTC, {n_bytes / 1e6:.1f} MB, "
        "every hash and number checked",
    )


def _tier_table(artifact: "Artifact", metrics: dict[str, Any]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("tier", no_wrap=True)
    table.add_column("model", overflow="fold")
    for name in ("tasks", "quality", "error", "USD per task"):
        table.add_column(name, justify="right")
    for name, figures in metrics.get("tiers", {}).items():
        table.add_row(
            Text(name),
            Text(artifact.tiers.model_of(name) or "unknown"),
            f"{figures['n']:,}",
            "compared" if figures["quality"] is None else f"{10 * figures['quality']:.3f}",
            f"± {10 * figures['quality_rmse']:.2f}",
            f"{figures['cost_usd']:.3g}",
        )
    return table


def _facts(artifact: "Artifact", metrics: dict[str, Any]) -> list[tuple[str, str]]:
    facts = [("reward", f"quality (0-10) - lambda x min(1, cost / {artifact.cost_ref:.3g} USD)")]
    value = metrics.get("value")
    if value:
        facts += _worth(artifact.lam, value)
    else:
        facts += [("lambda", f"{artifact.lam:.3g} by default")]
        facts += [("worth", "not known: no task shows every tier; run evaluate")]
    if "goal" in metrics:
        facts.append(("goal", metrics["goal"]["told"]))
    facts += _logged(metrics.get("logged"))
    if "weights" in metrics:
        facts += [("quality heads", _weights(metrics["weights"]["quality"]))]
        facts += [("cost heads", _weights(metrics["weights"]["cost"]))]
    buckets = metrics.get("buckets", {})
    shown = [f"{name} {n:,}" for name, n in list(buckets.items())[:_N_BUCKETS]]
    more = f" and {len(buckets) - _N_BUCKETS} more" if len(buckets) > _N_BUCKETS else ""
    return [*facts, ("buckets", ", ".join(shown) + more)]


def _logged(logged: dict[str, Any] | None) -> list[tuple[str, str]]:
    """Tell what the log could not show."""
    if logged is None:
        return []
    how = "estimated: observational" if logged["is_observational"] else "logged"
    facts = [("logged", f"{logged['n_logged']:,} tasks show only some tiers; propensities {how}")]
    for name, key in (("never tried", "never_tried"), ("cannot be known", "cannot_be_known")):
        cells = [f"{cell['tier']} on {cell['bucket']}" for cell in logged["overlap"][key]]
        more = f" and {len(cells) - _N_BUCKETS} more" if len(cells) > _N_BUCKETS else ""
        if cells:
            facts.append((name, ", ".join(cells[:_N_BUCKETS]) + more))
    return facts


def _worth(lam: float, value: dict[str, Any]) -> list[tuple[str, str]]:
    at_lam = value["at_lam"]
    share = ", ".join(f"{name} {part:.0%}" for name, part in at_lam["share"].items())
    return [
        (
            "lambda",
            f"{lam:.3g} by default: quality {10 * at_lam['quality']:.2f} at "
            f"{at_lam['cost_usd']:.3g} USD per task ({share})",
        ),
        (
            "saving",
            f"{_saving(value['saving_at_99'])} of {value['reference']}'s cost at 99 % of its "
            f"quality, {_saving(value['saving_at_100'])} at all of it, read off in hindsight",
        ),
    ]


def _saving(share: float) -> str:
    return f"{100 * share:z.1f} %"


def _weights(weights: dict[str, float]) -> str:
    return ", ".join(f"{head} {weight:.2f}" for head, weight in weights.items() if weight)
