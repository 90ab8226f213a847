"""Carrying over what was learned: to the bit where nothing moved, and sensibly where it did."""

from random import Random

import msgspec
import pytest

from tracetier.heads.prior import PriorStats
from tracetier.route.carry import carry
from tracetier.route.channel import ChannelState
from tracetier.route.columns import column_prior, plain_columns
from tracetier.route.event import Decided, Reported
from tracetier.route.learner import Learner, start_document
from tracetier.route.move import Move
from tracetier.route.residual import ResidualState
from tracetier.route.state.document import StateDocument, decode_document, encode_document
from tracetier.route.strategy import StrategyName
from tracetier.tiers import TierSet

SAME = Move(tiers_from=[0, 1, 2], buckets_from=[0, 1], cost_scale=[1.0] * 3)
STRATEGIES: tuple[StrategyName, ...] = ("residual", "thompson", "seed", "greedy")


def _fresh(
    prior: PriorStats, names: list[str], strategy: str = "residual", cost_ref: float = 0.02
) -> StateDocument:
    return start_document(
        strategy,
        prior,
        params=None,
        artifact_id="a2",
        tiers=names,
        cost_ref_usd=cost_ref,
        lam=0.3,
    )


def _used(prior: PriorStats, strategy: str = "residual") -> StateDocument:
    """A state after 300 decisions, two in three reported; the last two are open."""
    learner = Learner(_fresh(prior, ["low", "mid", "high"], strategy))
    world = Random(3)
    for n in range(300):
        bucket, tier = world.randrange(2), world.randrange(3)
        quality = [0.5 + 0.1 * a + world.gauss(0, 0.05) for a in range(3)]
        learner.fold(Decided(f"d{n}", bucket, tier, quality, [0.05, 0.2, 0.9], 0.3, 0.5, float(n)))
        if n % 3 and n < 298:
            learner.fold(Reported(f"d{n}", 10 * world.random(), 0.02 * world.random(), float(n)))
    return learner.document()


def _copy(document: StateDocument) -> StateDocument:
    return decode_document(encode_document(document), where="copy")


def _q(document: StateDocument, bucket: int) -> list[float]:
    return Learner(_copy(document)).strategy.q(bucket, 0.3)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_where_nothing_moved_everything_stays_to_the_bit(prior: PriorStats, strategy: str) -> None:
    """The whole document, but for the artifact's name."""
    old = _copy(_used(prior, strategy))
    new = carry(_copy(old), _fresh(prior, old.tiers, strategy), SAME)
    new.artifact_id = old.artifact_id

    assert encode_document(new) == encode_document(old)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_new_model_that_says_the_same_changes_no_belief(prior: PriorStats, strategy: str) -> None:
    """Hot swap of an artifact whose predictions are equal: Q is the same."""
    old = _copy(_used(prior, strategy))
    if isinstance(old.strategy, ResidualState):  # as if no decision had moved the running means
        for channel, mean in (
            (old.strategy.quality, prior.quality_mean),
            (old.strategy.cost, prior.cost_mean),
        ):
            channel.cell_mean = mean.tolist()
    move = msgspec.structs.replace(SAME, is_same_model=False)
    new = carry(_copy(old), _fresh(prior, old.tiers, strategy), move)

    for bucket in range(2):
        assert _q(new, bucket) == pytest.approx(_q(old, bucket), abs=1e-12)


def test_a_new_model_does_not_overrule_what_reports_said(prior: PriorStats) -> None:
    """It says 2 of 10 more; beliefs of cells with thirty reports move by half of that."""
    old = _copy(_used(prior))
    better = msgspec.structs.replace(prior, quality_mean=prior.quality_mean + 0.2)
    move = msgspec.structs.replace(SAME, is_same_model=False)
    new = carry(_copy(old), _fresh(better, old.tiers), move)

    fresh = Learner(_fresh(better, old.tiers)).strategy.q(0, 0.3)
    for before, after, unlearned in zip(_q(old, 0), _q(new, 0), fresh, strict=True):
        assert abs(after - before) < 1.2
        assert abs(unlearned - before) > abs(after - before)


def test_tiers_and_buckets_are_matched_where_they_come_from(prior: PriorStats) -> None:
    """Middle tier gone, one new at the end; the buckets in the other order, one new."""
    old = _copy(_used(prior))
    order = [1, 0]
    three = msgspec.structs.replace(
        prior,
        buckets=("other", "edit", "new"),
        n=prior.n[[*order, 0]],
        quality_mean=prior.quality_mean[[*order, 0]],
        cost_mean=prior.cost_mean[[*order, 0]],
    )
    move = Move(tiers_from=[0, 2, -1], buckets_from=[1, 0, -1], cost_scale=[1.0] * 3)
    new = carry(_copy(old), _fresh(three, ["low", "high", "x"]), move)

    assert isinstance(new.strategy, ResidualState)
    assert isinstance(old.strategy, ResidualState)
    mine, theirs = new.strategy.quality, old.strategy.quality
    assert mine.cell_sum[0] == [theirs.cell_sum[1][0], theirs.cell_sum[1][2], 0.0]
    assert mine.cell_sum[2] == [0.0] * 3
    assert new.decisions[1] == [old.decisions[0][0], old.decisions[0][2], 0]
    assert mine.trust_most == [40.0, 40.0, 4.0]
    assert Learner(_copy(new)).snapshot().counts.decisions == 300


def test_open_decisions_of_a_tier_that_left_are_known_and_teach_nothing(
    prior: PriorStats, tiers: TierSet
) -> None:
    """Those of the others wait on, at their new index."""
    old = _copy(_used(prior))
    move = Move(tiers_from=[1, 2], buckets_from=[0, 1], cost_scale=[1.0] * 2)
    narrow = column_prior(prior, plain_columns(tiers)[1:])
    new = carry(_copy(old), _fresh(narrow, ["mid", "high"]), move)
    gone = {name for name, each in old.pending.items() if each.tier == 0}

    assert gone
    assert gone <= set(new.applied)
    assert {name: each.tier + 1 for name, each in new.pending.items()} == {
        name: each.tier for name, each in old.pending.items() if name not in gone
    }
    learner = Learner(_copy(new))
    receipt = learner.fold(Reported(min(gone), 5.0, 0.01, 400.0))
    assert receipt is not None
    assert not receipt


def test_a_price_scales_what_was_learned_of_the_cost(prior: PriorStats) -> None:
    """High at a tenth: its cost belief is a tenth, its quality is untouched, the others too."""
    old = _copy(_used(prior))
    cheap = msgspec.structs.replace(
        prior,
        cost_mean=prior.cost_mean * [1.0, 1.0, 0.1],
        cost_var=prior.cost_var * [1.0, 1.0, 0.01],
        cost_tau2=prior.cost_tau2 * [1.0, 1.0, 0.01],
    )
    move = msgspec.structs.replace(SAME, cost_scale=[1.0, 1.0, 0.1])
    new = carry(_copy(old), _fresh(cheap, old.tiers), move)

    def beliefs(document: StateDocument) -> tuple[list[float], list[float]]:
        strategy = Learner(_copy(document)).strategy
        return strategy.q(0, 0.0), strategy.q(0, 1.0)

    (quality, joined), (quality_new, joined_new) = beliefs(old), beliefs(new)
    cost = [q - j for q, j in zip(quality, joined, strict=True)]
    cost_new = [q - j for q, j in zip(quality_new, joined_new, strict=True)]
    assert quality_new == pytest.approx(quality)
    assert cost_new == pytest.approx([cost[0], cost[1], 0.1 * cost[2]])


def test_every_number_of_a_channel_is_carried() -> None:
    """A field that is added to the state must be thought of here."""
    assert set(ChannelState.__struct_fields__) == {
        *("sigma2", "tau2_prior", "tau2", "tier_sum", "tier_n", "slope_xy", "slope_xx", "slope_n"),
        *("cell_mean", "cell_sum", "cell_n", "cell_reports", "n_reports", "trust_most"),
    }
