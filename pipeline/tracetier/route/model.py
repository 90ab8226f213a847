"""What a router decides with: a model's predictions over the tiers of now; replaced as a whole."""

import math
from collections.abc import Sequence

from msgspec import Struct, structs

from tracetier.errors import ArtifactError
from tracetier.features.deciles import Deciles, deciles_of
from tracetier.heads.accelerate import as_fast_as
from tracetier.heads.prior import Prediction, Predictor, PriorStats, predict_many
from tracetier.records import Task
from tracetier.route.columns import (
    Column,
    ColumnPredictor,
    column_prior,
    is_unchanged,
    plain_columns,
    tiers_of,
)
from tracetier.route.guard_settings import declared
from tracetier.route.token_mix import TokenMix, token_mixes
from tracetier.settings import Settings
from tracetier.tiers import TierSet


class Base(Struct, frozen=True, kw_only=True):
    """A model as an artifact holds it.

    Attributes
    ----------
    predictor : Predictor
    prior : PriorStats
    tiers : TierSet
        Its K tiers, cheap to dear.
    cost_ref : float
        USD that make a reward cost of 1.
    artifact_id : str
    path : str, optional
        Where it was loaded from.
    effective : dict of str to float
        Effective training outcomes by tier, where the artifact tells them: those that logged
        choices are worth. Empty where every tier was seen on every task.
    deciles : Deciles, optional
        Of the training table's columns, where the artifact tells them.
    trained : TierSet, optional
        Its tiers as they were declared when it was trained: at their prices costs are predicted.
    tokens : dict of str to TokenMix
        What the calls of a tier were made of, where the artifact tells it.
    """

    predictor: Predictor
    prior: PriorStats
    tiers: TierSet
    cost_ref: float
    artifact_id: str
    path: str | None = None
    effective: dict[str, float] = {}
    deciles: Deciles | None = None
    trained: TierSet | None = None
    tokens: dict[str, TokenMix] = {}


def base_at(path: str, settings: Settings, *, like: Predictor) -> Base:
    """Return the artifact at a path, audited, its tiers as the settings declare them now.

    Its predictions are compiled where those of ``like`` are.
    """
    from tracetier.artifact.load import load_artifact

    artifact = load_artifact(path)
    return Base(
        predictor=as_fast_as(like, artifact.predictor),
        prior=artifact.prior,
        tiers=declared(artifact.tiers, settings),
        cost_ref=artifact.cost_ref,
        artifact_id=artifact.artifact_id,
        path=path,
        effective=effective_outcomes(artifact.metrics),
        deciles=deciles_of(artifact.metrics),
        trained=artifact.tiers,
        tokens=token_mixes(artifact.metrics),
    )


def effective_outcomes(metrics: object) -> dict[str, float]:
    """Return the effective training outcomes by tier that an artifact's figures tell, if any.

    Examples
    --------
    >>> effective_outcomes({"logged": {"overlap": {"tiers": {"low": {"n": 90, "ess": 41.5}}}}})
    {'low': 41.5}
    >>> effective_outcomes({"value": 1.0})
    {}
    """
    for key in ("logged", "overlap", "tiers"):
        metrics = metrics.get(key) if isinstance(metrics, dict) else None
    if not isinstance(metrics, dict):
        return {}
    return {
        name: float(tier["ess"])
        for name, tier in metrics.items()
        if isinstance(tier, dict) and isinstance(tier.get("ess"), (int, float))
    }


class Model:
    """A base with its tiers as columns; immutable.

    Parameters
    ----------
    base : Base
    columns : sequence of Column, optional
        By default the base's own tiers.
    layout : int
        Changes of the tiers so far, to know an old one by.
    """

    def __init__(
        self, base: Base, columns: Sequence[Column] | None = None, *, layout: int = 0
    ) -> None:
        self.base = base
        self.layout = layout
        own = plain_columns(base.tiers)
        self.columns = own if columns is None else tuple(columns)
        is_plain = is_unchanged(self.columns, len(base.tiers))
        self.tiers = tiers_of(self.columns)
        self.predictor = (
            base.predictor if is_plain else ColumnPredictor(base.predictor, self.columns)
        )
        self.prior = base.prior if is_plain else column_prior(base.prior, self.columns)
        self.artifact_id = base.artifact_id
        self.cost_ref = base.cost_ref
        self.names = self.tiers.names
        self.models = [self.tiers.model_of(name) for name in self.names]
        self.everything = list(range(len(self.tiers)))
        self.dearest = len(self.tiers) - 1
        self.effective: tuple[float, ...] = ()
        if base.effective:
            self.effective = tuple(
                0.0 if c.has_joined else base.effective.get(base.tiers.names[c.low], 0.0)
                for c in self.columns
            )

    @property
    def stored_columns(self) -> list[Column] | None:
        """The columns as a state keeps them: ``None`` where they are the base's own tiers."""
        names = self.names == self.base.tiers.names
        return (
            None if names and is_unchanged(self.columns, len(self.base.tiers)) else [*self.columns]
        )

    def tokens_of(self, column: Column) -> TokenMix | None:
        """Return what the calls were made of that a column's cost is predicted from, if known."""
        return self.base.tokens.get(self.base.tiers.names[column.low])

    def predict(self, task: Task) -> Prediction:
        """Return the predictions for one task; `ArtifactError` where one is not finite."""
        return self._checked(task, self.predictor.predict(task))

    def predict_many(self, tasks: Sequence[Task]) -> list[Prediction]:
        """Return the predictions for n tasks, in less time than those of each by itself."""
        return list(map(self._checked, tasks, predict_many(self.predictor, tasks)))

    def _checked(self, task: Task, prediction: Prediction) -> Prediction:
        # One sum finds any NaN or infinity.
        if not math.isfinite(sum(prediction.quality) + sum(prediction.cost)):
            raise ArtifactError(
                f"artifact {self.artifact_id!r} predicts {prediction} for a task of "
                f"{len(task.text):,} characters, expected finite numbers; train it again"
            )
        return prediction

    def over(self, columns: Sequence[Column] | None, declared: TierSet, *, layout: int) -> "Model":
        """Return the same base with other columns, each tier as it is declared now."""
        if columns is None:
            return Model(self.base, layout=layout)
        by_name = dict(zip(declared.names, declared.tiers, strict=True))
        return Model(
            self.base,
            [
                structs.replace(column, tier=by_name.get(column.tier.name, column.tier))
                for column in columns
            ],
            layout=layout,
        )
