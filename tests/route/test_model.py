"""What a router decides with: a base and its columns."""

import math

import msgspec
import pytest

from tracetier.errors import ArtifactError
from tracetier.heads.prior import Prediction, PriorStats
from tracetier.records import Task
from tracetier.route.columns import Column
from tracetier.route.model import Base, Model, effective_outcomes
from tracetier.tiers import Tier, TierSet


class Fixed:
    """The same prediction for every task."""

    def __init__(self, quality: float = 0.5) -> None:
        self._quality = quality

    def predict(self, task: Task) -> Prediction:
        return Prediction([0.4, self._quality, 0.8], [0.01, 0.02, 0.03], [0.1, 0.2, 0.3], 0)


def _base(prior: PriorStats, tiers: TierSet, quality: float = 0.5) -> Base:
    return Base(
        predictor=Fixed(quality),
        prior=prior,
        tiers=tiers,
        cost_ref=0.02,
        artifact_id="a",
        effective={"low": 10.0, "high": 30.0},
    )


def test_a_base_as_it_is_needs_no_columns_in_the_state(prior: PriorStats, tiers: TierSet) -> None:
    """Nor another predictor; a tier that the artifact does not tell of has no outcome."""
    base = _base(prior, tiers)
    model = Model(base)

    assert model.stored_columns is None
    assert (model.predictor, model.prior) == (base.predictor, prior)
    assert model.effective == (10.0, 0.0, 30.0)
    assert (model.dearest, model.models) == (2, [None, None, "big-1"])


def test_a_renamed_tier_is_kept_with_the_state(prior: PriorStats, tiers: TierSet) -> None:
    """Although its predictions are the base's; what is declared of a name now goes with it."""
    columns = list(Model(_base(prior, tiers)).columns)
    columns[0] = msgspec.structs.replace(columns[0], tier=Tier(name="tiny"))
    model = Model(_base(prior, tiers), columns, layout=3)
    assert model.stored_columns == columns

    now = TierSet((Tier(name="tiny", context_window=9), Tier(name="mid")))
    again = Model(_base(prior, tiers)).over(columns, now, layout=4)
    assert (again.names, again.layout) == (("tiny", "mid", "high"), 4)
    assert again.tiers.tiers[0].context_window == 9
    assert again.tiers.tiers[2].models == ("big-1",)


def test_a_tier_that_joined_has_no_training_outcome(prior: PriorStats, tiers: TierSet) -> None:
    """Whatever its neighbours have."""
    columns = [*Model(_base(prior, tiers)).columns]
    columns.append(Column(tier=Tier(name="new"), low=2, high=2, has_joined=True))

    assert Model(_base(prior, tiers), columns).effective == (10.0, 0.0, 30.0, 0.0)


def test_a_prediction_that_is_not_finite_is_refused(prior: PriorStats, tiers: TierSet) -> None:
    """It would silently win or lose every comparison."""
    with pytest.raises(ArtifactError, match=r"'a' predicts .*nan.* expected finite"):
        Model(_base(prior, tiers, math.nan)).predict(Task())


@pytest.mark.parametrize(
    "metrics", [None, {}, {"logged": None}, {"logged": {"overlap": {"tiers": {"low": {}}}}}]
)
def test_figures_that_tell_nothing_are_nothing(metrics: object) -> None:
    """Those of an older version, or of a full-information table."""
    assert effective_outcomes(metrics) == {}
