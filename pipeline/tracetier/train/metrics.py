"""Figures of a training run, all out of fold, for ``metrics.json`` and the card."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tracetier.measures.call_share import call_share_lams
from tracetier.measures.frontier import choose_tiers, sweep
from tracetier.measures.hull import Hull, upper_hull
from tracetier.measures.metrics import cost_save
from tracetier.train.blend import decision_value
from tracetier.train.fit import HEADS
from tracetier.train.model import TrainedModel
from tracetier.train.rows import TaskRows
from tracetier.train.targets import join_quality

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

_CURVE_POINTS = 21
_CALL_SHARES = 6


def training_metrics(
    model: TrainedModel,
    rows: TaskRows,
    names: tuple[str, ...],
    lam: float,
    *,
    tokens: Mapping[str, Mapping[str, float]] | None = None,
) -> dict[str, object]:
    """Gather the figures.

    Parameters
    ----------
    model : TrainedModel
    rows : TaskRows
        The rows it was fitted on.
    names : tuple of str, length K
    lam : float
        Default lambda of the artifact.
    tokens : mapping, optional
        What the calls of a tier were made of, where the table tells.

    Returns
    -------
    dict
        Plain JSON types. Qualities in [0, 1], costs in USD; ``value`` is there only where enough
        tasks show every tier, ``logged`` only where some do not; ``inputs`` are deciles of the
        columns.
    """
    full = np.flatnonzero(~(np.isnan(rows.quality) | np.isnan(rows.cost_usd)).any(axis=1))
    found: dict[str, object] = {
        "n_tasks": len(rows.tasks),
        "n_groups": len(np.unique(rows.groups)),
        "n_full_information": len(full),
        "n_propensity_known": int((~np.isnan(rows.p_log)).any(axis=1).sum()),
        "n_folds": int(model.folds.max()) + 1,
        "cost_ref_usd": model.cost_ref,
        "lam": lam,
        "blend": model.blend,
        "weights": model.weights,
        "tiers": {
            name: {
                "n": int((~np.isnan(rows.quality[:, k])).sum()),
                "quality": _mean_seen(rows.quality[:, k]),
                "cost_usd": _mean_seen(rows.cost_usd[:, k]),
                "quality_rmse": float(model.prior.quality_var[k] ** 0.5),
                **({"tokens": dict(tokens[name])} if tokens and name in tokens else {}),
            }
            for k, name in enumerate(names)
        },
        "buckets": dict(zip(model.prior.buckets, map(int, model.prior.n.tolist()), strict=True)),
    }
    if model.inputs is not None:
        found["inputs"] = model.inputs
    if len(full):
        found["value"] = _value(model, rows.take(full), full, lam, names)
    if model.corrected is not None and model.overlap is not None:
        propensities = model.corrected.propensities
        found["logged"] = {
            "n_logged": propensities.n_logged,
            "n_propensity_estimated": propensities.n_estimated,
            "is_observational": propensities.n_estimated > 0,
            "correction_share": model.corrected.share,
            "n_battles": 0 if rows.pairs is None else len(rows.pairs.row),
            "overlap": model.overlap.to_dict(model.prior.buckets, names),
        }
    return found


def _mean_seen(values: Vector) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None


def _value(
    model: TrainedModel, rows: TaskRows, full: NDArray[np.intp], lam: float, names: tuple[str, ...]
) -> dict[str, object]:
    quality_hat, cost_hat = model.held_out.quality[full], model.held_out.cost[full]
    quality, cost_usd = rows.quality, rows.cost_usd
    hull = _hull(quality_hat, cost_hat, quality, cost_usd)
    choice = choose_tiers(quality_hat, cost_hat, lam)
    at = np.arange(len(choice))
    reference = int(quality.mean(axis=0).argmax())
    return {
        "gap_closed": decision_value(quality_hat, cost_hat, quality, cost_usd),
        "gap_closed_by_head": {
            head: decision_value(joined[full], cost_hat, quality, cost_usd)
            for head, joined in zip(HEADS, join_quality(model.head_held_out), strict=True)
        },
        "reference": names[reference],
        "saving_at_99": _saving(hull, quality, cost_usd, reference, 0.99),
        "saving_at_100": _saving(hull, quality, cost_usd, reference, 1.0),
        "at_lam": {
            "quality": float(quality[at, choice].mean()),
            "cost_usd": float(cost_usd[at, choice].mean()),
            "share": {name: float((choice == k).mean()) for k, name in enumerate(names)},
        },
        "curve": _curve(model, rows, full, names),
        "call_share": _call_share(quality_hat, cost_hat, quality, cost_usd, names),
    }


def _call_share(
    q_hat: Matrix, c_hat: Matrix, quality: Matrix, cost_usd: Matrix, names: tuple[str, ...]
) -> dict[str, object]:
    """Tell quality and cost by the share of calls that go to the dear tier, from few to many."""
    dear = int(cost_usd.mean(axis=0).argmax())
    lams = call_share_lams(q_hat, c_hat, dear, n_shares=_CALL_SHARES)[::-1]
    points = []
    for lam in lams.tolist():
        choice = choose_tiers(q_hat, c_hat, lam)
        at = np.arange(len(choice))
        points.append(
            {
                "lam": lam,
                "quality": float(quality[at, choice].mean()),
                "cost_usd": float(cost_usd[at, choice].mean()),
                "share": {name: float((choice == k).mean()) for k, name in enumerate(names)},
            }
        )
    return {"tier": names[dear], "points": points}


def _curve(
    model: TrainedModel, rows: TaskRows, full: NDArray[np.intp], names: tuple[str, ...]
) -> list[dict[str, object]]:
    """Tell what lambda buys: quality, cost and the tiers' shares of the calls, point by point."""
    found = sweep(
        model.held_out.quality[full],
        model.held_out.cost[full],
        rows.quality,
        rows.cost_usd,
        n_points=_CURVE_POINTS,
    )
    return [
        {
            "lam": float(lam),
            "quality": float(quality),
            "cost_usd": float(cost_usd),
            "share": dict(zip(names, share.tolist(), strict=True)),
        }
        for lam, quality, cost_usd, share in zip(*found, strict=True)
    ]


def _hull(quality_hat: Matrix, cost_hat: Matrix, quality: Matrix, cost_usd: Matrix) -> Hull:
    found = sweep(quality_hat, cost_hat, quality, cost_usd)
    return upper_hull(
        np.concatenate([found.cost_usd, cost_usd.mean(axis=0)]),
        np.concatenate([found.quality, quality.mean(axis=0)]),
    )


def _saving(
    hull: Hull, quality: Matrix, cost_usd: Matrix, reference: int, fraction: float
) -> float:
    return cost_save(
        hull,
        reference_quality=float(quality[:, reference].mean()),
        reference_cost=float(cost_usd[:, reference].mean()),
        fraction=fraction,
    )
