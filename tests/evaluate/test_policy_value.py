"""Policies valued row by row: exact where all is known, corrected where it is not."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tracetier.errors import TableError, TierError
from tracetier.evaluate.policy_value import LOGS, policy_value_rows, quality_estimates
from tracetier.evaluate.value_table import ValueTable, value_rows
from tracetier.records import Invocation, Task
from tracetier.tiers import Tier, TierSet
from tracetier.train.heads import boosting
from tracetier.train.rows import TaskRows

TIERS = TierSet((Tier(name="low"), Tier(name="high")))
N = 1_500


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosting, "n_trees", lambda n_rows: 3)


def rows_of(quality: NDArray[np.float64], p_log: NDArray[np.float64] | None = None) -> TaskRows:
    """Tasks of two types in turn; a call costs .001 or .004 USD."""
    seen = ~np.isnan(quality)
    return TaskRows(
        task_ids=[f"t{i}" for i in range(len(quality))],
        tasks=[Task(text=f"task {i}", task_type=f"type {i % 2}") for i in range(len(quality))],
        groups=np.arange(len(quality)),
        quality=quality,
        cost_usd=np.where(seen, [0.001, 0.004], np.nan),
        p_log=np.full(quality.shape, np.nan) if p_log is None else p_log,
        models=(None, None),
    )


def confounded() -> tuple[NDArray[np.float64], TaskRows]:
    """Outcomes of both tiers, and a log in which hard luck got the dear one."""
    rng = np.random.default_rng(5)
    luck = rng.random(N)
    quality = np.stack([luck < 0.5, luck < 0.7], axis=1).astype(float)
    p_high = np.where(luck > 0.6, 0.8, 0.2)
    high = rng.random(N) < p_high
    taken = np.stack([~high, high], axis=1)
    p_log = np.where(taken, np.stack([1 - p_high, p_high], axis=1), np.nan)
    return quality, rows_of(np.where(taken, quality, np.nan), p_log)


@pytest.fixture(scope="module", name="logged")
def _logged() -> tuple[NDArray[np.float64], ValueTable]:
    quality, rows = confounded()
    return quality, value_rows(rows, TIERS)


def test_where_every_tier_ran_a_value_is_the_outcome_itself() -> None:
    """Reward 10 q - 2 c, and the dear tier costs 1."""
    quality = np.array([[0.25, 0.5], [1.0, 0.75], [0.0, 0.5]])
    table = value_rows(rows_of(quality), TIERS)
    found = policy_value_rows("high", table, lam=2.0)

    np.testing.assert_allclose(found.quality, quality[:, 1])
    np.testing.assert_allclose(found.cost_usd, 0.004)
    np.testing.assert_allclose(found.reward, 10 * quality[:, 1] - 2.0)
    assert (found.ess, found.n_logged, found.is_observational) == (3.0, 0, False)
    assert table.cost_ref == pytest.approx(0.004)


def test_a_mixture_is_worth_what_it_mixes() -> None:
    """A quarter of the dear tier."""
    quality = np.array([[0.0, 1.0], [0.5, 0.5]])
    table = value_rows(rows_of(quality), TIERS)

    found = policy_value_rows(np.tile([0.75, 0.25], (2, 1)), table, lam=0.0)

    np.testing.assert_allclose(found.quality, [0.25, 0.5])


def test_a_log_that_gave_the_dear_tier_hard_luck_does_not_fool(
    logged: tuple[NDArray[np.float64], ValueTable],
) -> None:
    """As logged the dear tier does worse; it is worth .7 against .5."""
    quality, table = logged
    seen = np.where(table.seen, quality, np.nan)
    values = [policy_value_rows(name, table, lam=0.3) for name in TIERS.names]

    assert np.nanmean(seen, axis=0)[1] < np.nanmean(seen, axis=0)[0]
    for k, found in enumerate(values):
        se = found.quality.std() / N**0.5
        assert found.quality.mean() == pytest.approx(quality[:, k].mean(), abs=3 * se)
        assert found.quality.mean() == pytest.approx(quality[:, k].mean(), abs=0.06)
        assert found.cost_usd.mean() == pytest.approx((0.001, 0.004)[k])
        assert 50 < found.ess < N


def test_what_the_logs_did_is_what_was_seen(
    logged: tuple[NDArray[np.float64], ValueTable],
) -> None:
    """Every row counts once."""
    _, table = logged
    found = policy_value_rows(LOGS, table, lam=0.0)

    assert found.quality.mean() == pytest.approx(np.nanmean(table.quality))
    assert (found.ess, found.n_logged) == (N, N)
    np.testing.assert_allclose(found.reward, 10 * found.quality)


def test_rows_average_to_the_self_normalised_estimate(
    logged: tuple[NDArray[np.float64], ValueTable],
) -> None:
    """And the other estimators are told of the same policy."""
    _, table = logged
    told = quality_estimates("high", table, lam=0.0, n_draws=20, seed=0)
    found = policy_value_rows("high", table, lam=0.0)

    assert found.quality.mean() == pytest.approx(told.sndr.estimate)
    assert told.dr.estimate == pytest.approx(0.7, abs=0.06)
    assert told.dm.estimate < told.dr.estimate - 0.1  # the model alone is fooled


def test_unknown_propensities_are_estimated_and_said_to_be() -> None:
    """From the features only."""
    _, rows = confounded()
    table = value_rows(rows._replace(p_log=np.full((N, 2), np.nan)), TIERS)

    assert policy_value_rows("low", table, lam=0.0).is_observational
    assert table.propensities.n_estimated == N


def test_an_artifact_is_valued_by_what_it_chooses(
    artifact: Any, full_rows: list[Invocation], write_table: Callable[..., Any]
) -> None:
    """At lambda 0 it takes the tier that its types need, of equals the cheapest."""
    from tracetier.evaluate.value_table import value_table
    from tracetier.table import read_table

    table = value_table(read_table(write_table(full_rows)), artifact.tiers)
    found = policy_value_rows(artifact, table, lam=0.0)

    choice = np.array([{"easy": 0, "medium": 1, "hard": 2}[str(t.task_type)] for t in table.tasks])
    np.testing.assert_allclose(found.quality, table.quality[np.arange(len(choice)), choice])


def test_a_policy_of_other_tiers_is_refused(artifact: Any) -> None:
    """By its name, or by what the artifact knows."""
    table = value_rows(rows_of(np.array([[0.0, 1.0]])), TIERS)

    with pytest.raises(TierError, match="'mid' is none of the tiers low, high"):
        policy_value_rows("mid", table, lam=0.0)
    with pytest.raises(TierError, match="artifact knows the tiers low, mid, high"):
        policy_value_rows(replace(artifact), table, lam=0.0)


def test_where_every_tier_ran_the_logs_chose_none() -> None:
    """There is nothing to compare with."""
    table = value_rows(rows_of(np.array([[0.0, 1.0]])), TIERS)

    with pytest.raises(TableError, match="the logs chose none"):
        policy_value_rows(LOGS, table, lam=0.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quality": np.full((2, 2), np.nan)}, "none of the 2 tasks has both the quality"),
        ({"p_log": np.array([[0.5, np.nan], [1.5, np.nan]])}, r"p_log of task 't1' is 1\.5"),
    ],
)
def test_what_cannot_be_valued_is_told(change: dict[str, Any], message: str) -> None:
    """With the task, where it is one."""
    rows = rows_of(np.array([[0.0, np.nan], [1.0, np.nan]]))._replace(**change)

    with pytest.raises(TableError, match=message):
        value_rows(rows, TIERS)
