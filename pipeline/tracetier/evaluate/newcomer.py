"""A tier that joins on the way must be new to the model as well, or the replay would flatter.

What an artifact predicts of it is replaced by what a router would have to start from: its
neighbours by cost.
"""

from collections.abc import Sequence

from tracetier.evaluate.stream import Stream
from tracetier.heads.prior import Prediction
from tracetier.route.columns import (
    Column,
    ColumnPredictor,
    column_prior,
    joined_column,
    mean_costs_usd,
    plain_columns,
)
from tracetier.tiers import TierSet


class _AsGiven:
    """Stands for a model where predictions were made beforehand."""

    def predict(self, task: Prediction) -> Prediction:
        return task


def as_newcomers(stream: Stream, tiers: TierSet, mean_usd: Sequence[float]) -> Stream:
    """Return the stream with the tiers that its scenario adds predicted from their neighbours.

    Parameters
    ----------
    stream : Stream
    tiers : TierSet
        Of the artifact.
    mean_usd : sequence of float, length K
        Mean cost of each tier, which is known of a new one from its price.
    """
    added = set(stream.scenario.added()) & set(tiers.names)
    if not added:
        return stream
    plain = plain_columns(tiers)
    costs = mean_costs_usd(stream.prior, plain, stream.cost_ref)
    present = [k for k, tier in enumerate(tiers.names) if tier not in added]
    columns: list[Column] = [
        joined_column(
            column.tier,
            [plain[i] for i in present],
            [costs[i] for i in present],
            max(mean_usd[k], 1e-12),
        )
        if column.tier.name in added
        else column
        for k, column in enumerate(plain)
    ]
    predictor = ColumnPredictor(_AsGiven(), columns)  # type: ignore[arg-type]
    return stream._replace(
        predictions=[predictor.predict(p) for p in stream.predictions],  # type: ignore[arg-type]
        prior=column_prior(stream.prior, columns),
    )
