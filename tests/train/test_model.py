"""One training run: what it promises of any table."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tracetier.errors import TrainingError
from tracetier.heads.predictor import HeadArrays
from tracetier.records import Task
from tracetier.train import model as module
from tracetier.train.fit import FittedHeads, predict_heads
from tracetier.train.fuse import fuse_heads
from tracetier.train.model import TrainedModel, fit_model, training_data
from tracetier.train.rows import TaskRows

nan = np.nan
Matrix = NDArray[np.float64]
MakeRows = Callable[..., TaskRows]
Change = Callable[[TaskRows], TaskRows]


def keep(rows: TaskRows, seen: np.ndarray) -> TaskRows:
    """Rows with the outcomes of some cells only."""
    return rows._replace(
        quality=np.where(seen, rows.quality, nan), cost_usd=np.where(seen, rows.cost_usd, nan)
    )


def seen_on(n_rows: int) -> Change:
    """The dear tier ran on the first rows only."""
    return lambda rows: keep(
        rows, np.stack([np.ones(len(rows.tasks)), np.arange(len(rows.tasks)) < n_rows], axis=1) > 0
    )


def with_cost(tier: int, every: int) -> Change:
    """Some or all calls of a tier are free."""

    def change(rows: TaskRows) -> TaskRows:
        cost_usd = rows.cost_usd.copy()
        cost_usd[::every, tier] = 0.0
        return rows._replace(cost_usd=cost_usd)

    return change


def one_tier_per_task(rows: TaskRows) -> TaskRows:
    """As logs have it."""
    return keep(rows, np.arange(len(rows.tasks))[:, None] % 2 == np.arange(2))


def as_it_is(rows: TaskRows) -> TaskRows:
    """Change nothing."""
    return rows


def check(model: TrainedModel, rows: TaskRows) -> None:
    """Whatever the table, all numbers are finite and in their ranges."""
    predictor = model.predictor()
    unseen = Task(text="xyzzy 日本", task_type="never seen", tools=["x"], context_tokens=10**9)
    for task in [*rows.tasks, unseen, Task()]:
        got = predictor.predict(task)
        assert len(got.quality) == len(got.cost_usd) == len(got.cost) == rows.quality.shape[1]
        assert all(0.0 <= q <= 1.0 for q in got.quality)
        assert all(0.0 < c < 1e3 for c in got.cost_usd)
        assert all(0.0 <= c <= 1.0 for c in got.cost)
        assert 0 <= got.bucket < len(model.prior.buckets)
    for array in (*model.held_out, *model.heads.to_dict().values()):
        assert np.isfinite(array).all()
    prior = model.prior
    assert (prior.quality_var > 0).all()
    assert (prior.cost_var > 0).all()
    assert (prior.quality_tau2 > 0).all()
    assert prior.n.sum() == len(rows.tasks)


@pytest.mark.usefixtures("few_trees")
@pytest.mark.parametrize(
    ("table", "change"),
    [
        pytest.param({}, as_it_is, id="plain"),
        pytest.param({"n_types": 0}, as_it_is, id="no task types"),
        pytest.param({"n": 200, "n_types": 0}, as_it_is, id="no task types, enough for leaves"),
        pytest.param({"n_types": 1}, as_it_is, id="one task type only"),
        pytest.param({"n_types": 48}, as_it_is, id="each task a type"),
        pytest.param({"has_tools": False}, as_it_is, id="no tools"),
        pytest.param({"has_text": False}, as_it_is, id="empty texts"),
        pytest.param(
            {"has_text": False, "has_tools": False, "n_types": 0}, as_it_is, id="nothing known"
        ),
        pytest.param({}, one_tier_per_task, id="logged rows only"),
        pytest.param({}, seen_on(3), id="a tier on three rows"),
        pytest.param({}, seen_on(1), id="a tier on one row"),
        pytest.param({}, with_cost(0, every=1), id="a free tier"),
        pytest.param({}, with_cost(1, every=3), id="free calls of a tier"),
        pytest.param({}, lambda rows: rows._replace(quality=np.ones((48, 2))), id="always perfect"),
        pytest.param(
            {},
            lambda rows: rows._replace(quality=np.ones((48, 2)), cost_usd=np.ones((48, 2))),
            id="nothing varies",
        ),
        pytest.param({"n_tiers": 1}, as_it_is, id="one tier"),
        pytest.param({"n_tiers": 4}, as_it_is, id="four tiers"),
        pytest.param(
            {"attrs": lambda i: {"size": float(i), "team": "ab"[i % 2], "on": i % 3 == 0}},
            as_it_is,
            id="numbers, texts and truth values of the user's",
        ),
        pytest.param(
            {"attrs": lambda i: {"size": [np.inf, nan, 1e300, 1.0][i % 4]}},
            as_it_is,
            id="absurd numbers",
        ),
        pytest.param({"n": 19}, as_it_is, id="19 tasks"),
        pytest.param({"n": 5}, as_it_is, id="5 tasks"),
        pytest.param({"n": 2}, as_it_is, id="2 tasks"),
        pytest.param({"groups": np.arange(48) % 2}, as_it_is, id="two groups"),
    ],
)
def test_any_table_that_can_be_learned_from_gives_a_sound_model(
    make_rows: MakeRows, table: dict[str, object], change: Change
) -> None:
    """No crash, no warning, no number out of range."""
    rows = change(make_rows(**table))

    check(fit_model(rows, n_folds=3, n_jobs=1), rows)


@pytest.mark.parametrize(
    ("table", "change", "message"),
    [
        pytest.param(
            {"groups": [0] * 48}, as_it_is, r"48 tasks make 1 independent", id="one group"
        ),
        pytest.param({"n": 1}, as_it_is, r"1 tasks make 1 independent group", id="one task"),
        pytest.param({"n": 0}, as_it_is, r"0 tasks make 0 independent group", id="no task"),
        pytest.param({}, seen_on(0), r"tier number 2 of 2 .* no quality", id="a tier never seen"),
        pytest.param(
            {},
            lambda rows: rows._replace(cost_usd=rows.cost_usd * [1.0, nan]),
            r"tier number 2 of 2 .* no cost",
            id="a tier without a price",
        ),
        pytest.param(
            {},
            lambda rows: rows._replace(cost_usd=rows.cost_usd * 0),
            r"nothing to save",
            id="free",
        ),
    ],
)
def test_a_table_that_cannot_be_learned_from_is_told(
    make_rows: MakeRows, table: dict[str, object], change: Change, message: str
) -> None:
    """What is missing, and the mend; before anything is fitted."""
    with pytest.raises(TrainingError, match=message):
        fit_model(change(make_rows(**table)), n_jobs=1)


def assert_equal(one: TrainedModel, other: TrainedModel) -> None:
    """Two models are the same to the bit."""
    assert one.trees == other.trees
    assert one.features == other.features
    assert (one.blend, one.weights, one.cost_ref) == (other.blend, other.weights, other.cost_ref)
    for name, array in one.heads.to_dict().items():
        np.testing.assert_array_equal(array, getattr(other.heads, name))
    for mine, theirs in zip(one.held_out, other.held_out, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    for name in one.prior.__struct_fields__:
        np.testing.assert_array_equal(getattr(one.prior, name), getattr(other.prior, name))


@pytest.mark.usefixtures("few_trees")
@pytest.mark.parametrize("n_jobs", [1, 3])
def test_a_seed_gives_its_model_whatever_the_number_of_jobs(
    make_rows: MakeRows, n_jobs: int
) -> None:
    """Text of the trees and arrays, to the bit."""
    one, other = (fit_model(make_rows(200), seed=5, n_jobs=jobs) for jobs in (1, n_jobs))

    assert re.search("num_leaves=[2-9]", str(one.trees))  # there is something to differ in
    assert_equal(one, other)


@pytest.mark.usefixtures("few_trees")
def test_another_seed_gives_other_folds_and_trees(make_rows: MakeRows) -> None:
    """So that an average over seeds is one."""
    one, other = (fit_model(make_rows(200), seed=seed, n_jobs=1) for seed in (0, 1))

    assert (one.folds != other.folds).any()
    assert one.trees != other.trees


@pytest.mark.usefixtures("few_trees")
@pytest.mark.parametrize("n_types", [2, 0])
def test_the_predictor_says_what_blend_and_calibration_make_of_the_heads(
    make_rows: MakeRows, monkeypatch: pytest.MonkeyPatch, n_types: int
) -> None:
    """Heads → weights → lines, unfolded, on every training task, to 1e-9."""
    rows = make_rows(120, n_types=n_types)
    kept: list[tuple[FittedHeads, Matrix, Matrix, Matrix]] = []

    def fuse_and_keep(*parts: Any) -> HeadArrays:
        kept.append(parts)
        return fuse_heads(*parts)

    monkeypatch.setattr(module, "fuse_heads", fuse_and_keep)
    model = fit_model(rows, n_jobs=1)
    heads, weights, intercept, scales = kept[0]

    score = (weights[:, None] * predict_heads(heads, training_data(rows))).sum(axis=0) + intercept

    got = [model.predictor().predict(task) for task in rows.tasks]
    cost_usd = np.exp(score[:, 3:])
    np.testing.assert_allclose(
        [p.quality for p in got], (score[:, :2] + score[:, [2]]).clip(0, 1), rtol=0, atol=1e-9
    )
    np.testing.assert_allclose([p.cost_usd for p in got], cost_usd, rtol=1e-9)
    np.testing.assert_allclose(
        [p.cost for p in got], np.minimum(1, scales * cost_usd / model.cost_ref), rtol=1e-9
    )


@pytest.mark.usefixtures("few_trees")
def test_held_out_predictions_are_calibrated(make_rows: MakeRows) -> None:
    """Mean quality per tier, total cost per tier and mean capped cost are those that were seen."""
    rows = make_rows(100)

    model = fit_model(rows, n_jobs=1)

    # Nothing is clipped here, so that the means are met exactly.
    assert ((model.held_out.quality > 0) & (model.held_out.quality < 1)).all()
    np.testing.assert_allclose(model.held_out.quality.mean(axis=0), rows.quality.mean(axis=0))
    np.testing.assert_allclose(model.held_out.cost_usd.sum(axis=0), rows.cost_usd.sum(axis=0))
    np.testing.assert_allclose(
        model.held_out.cost.mean(axis=0),
        np.minimum(1, rows.cost_usd / model.cost_ref).mean(axis=0),
    )
    assert model.cost_ref == pytest.approx(rows.cost_usd.mean(axis=0).max())


@pytest.mark.usefixtures("few_trees")
def test_folds_respect_the_groups_and_progress_ends_at_1(make_rows: MakeRows) -> None:
    """Told in steps of one fit, rising."""
    rows = make_rows(40, groups=np.arange(40) // 4)
    told: list[tuple[str, float]] = []

    model = fit_model(rows, n_folds=3, n_jobs=1, progress=lambda *step: told.append(step))

    assert all(len(set(model.folds[rows.groups == g])) == 1 for g in range(10))
    assert {what for what, _ in told} == {"fitting heads"}
    assert [share for _, share in told] == sorted({share for _, share in told})
    assert told[-1][1] == 1.0


@pytest.mark.usefixtures("few_trees")
def test_a_row_without_type_is_not_a_row_of_the_empty_type(make_rows: MakeRows) -> None:
    """``None`` is unknown, ``""`` is a name."""
    rows = make_rows(60)
    tasks = [Task(text=t.text, task_type="" if i % 2 else None) for i, t in enumerate(rows.tasks)]

    model = fit_model(rows._replace(tasks=tasks), n_jobs=1)

    assert model.prior.buckets == ("", "other")
    assert model.prior.n.tolist() == [30.0, 30.0]


@pytest.mark.usefixtures("few_trees")
def test_the_mean_of_a_sole_type_has_no_weight(make_rows: MakeRows) -> None:
    """It is the same for every task: half of the blend would be a constant."""
    sole, none, two = (fit_model(make_rows(60, n_types=n), n_jobs=1) for n in (1, 0, 2))

    assert sole.weights == none.weights
    assert sole.weights["quality"]["bucket_mean"] == 0.0
    assert two.weights["quality"]["bucket_mean"] > 0.0
