"""Figures of a training run."""

from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from tracetier.tiers import Tier, TierSet
from tracetier.train.card import render_card
from tracetier.train.fit import HEADS
from tracetier.train.metrics import training_metrics
from tracetier.train.model import fit_model
from tracetier.train.rows import TaskRows

nan = np.nan
NAMES = ("low", "high")
TIERS = TierSet((Tier(name="low", model="small-1"), Tier(name="high")))
pytestmark = pytest.mark.usefixtures("few_trees")


@pytest.fixture(name="rows")
def _rows(make_rows: Callable[..., TaskRows]) -> TaskRows:
    return make_rows(60, groups=np.arange(60) // 2)


def logged(rows: TaskRows) -> TaskRows:
    """One tier per task."""
    unseen = np.arange(60)[:, None] % 2 == np.arange(2)
    return rows._replace(
        quality=np.where(unseen, nan, rows.quality),
        cost_usd=np.where(unseen, nan, rows.cost_usd),
        p_log=np.where(unseen, nan, 0.5),
    )


def test_figures_of_complete_tasks(rows: TaskRows) -> None:
    """Counts and means are those of the rows; plain JSON, shares that sum to 1."""
    found = training_metrics(fit_model(rows, n_jobs=1), rows, NAMES, 0.3)

    found = msgspec.json.decode(msgspec.json.encode(found))
    assert (found["n_tasks"], found["n_groups"], found["n_full_information"]) == (60, 30, 60)
    assert (found["n_propensity_known"], found["n_folds"], found["lam"]) == (0, 5, 0.3)
    assert [found["tiers"][n]["quality"] for n in NAMES] == pytest.approx(rows.quality.mean(axis=0))
    assert [found["tiers"][n]["cost_usd"] for n in NAMES] == pytest.approx(
        rows.cost_usd.mean(axis=0)
    )
    assert found["cost_ref_usd"] == pytest.approx(rows.cost_usd.mean(axis=0).max())
    assert found["buckets"] == {"type 0": 30, "type 1": 30, "other": 0}
    value = found["value"]
    assert sum(value["at_lam"]["share"].values()) == pytest.approx(1.0)
    assert value["gap_closed_by_head"].keys() == set(HEADS)
    assert value["reference"] == NAMES[int(rows.quality.mean(axis=0).argmax())]


def test_at_lambda_0_quality_alone_counts_and_at_a_huge_one_cost_alone(rows: TaskRows) -> None:
    """The figures at lambda are those of the choices that it makes."""
    model = fit_model(rows, n_jobs=1)

    cheap = training_metrics(model, rows, NAMES, 1e9)
    best = training_metrics(model, rows, NAMES, 0.0)

    at = model.held_out.quality.argmax(axis=1)
    assert cheap["value"]["at_lam"]["share"] == {"low": 1.0, "high": 0.0}  # type: ignore[index]
    assert best["value"]["at_lam"]["quality"] == pytest.approx(  # type: ignore[index]
        rows.quality[np.arange(60), at].mean()
    )


def test_logged_rows_have_no_value_of_which_the_card_says_so(rows: TaskRows) -> None:
    """No task shows every tier: what a router would have saved is not known."""
    found = training_metrics(fit_model(logged(rows), n_jobs=1), logged(rows), NAMES, 0.3)

    assert "value" not in found
    assert found["n_propensity_known"] == 60
    card = render_card(found, TIERS, table="runs")
    assert "Not known: no task shows every tier" in card
    assert "60 tasks show only some tiers" in card


def test_what_a_log_cannot_tell_is_named_in_the_card(rows: TaskRows) -> None:
    """Fifteen rows of each tier on each type are too few; the tier never tried is a guess."""
    seen = logged(rows)
    never = np.arange(60)[:, None] % 2 == np.array([[2, 0]])  # the dear tier only on odd tasks
    seen = seen._replace(
        quality=np.where(never, nan, rows.quality),
        cost_usd=np.where(never, nan, rows.cost_usd),
        p_log=np.full((60, 2), nan),
    )
    found = training_metrics(fit_model(seen, n_jobs=1), seen, NAMES, 0.3)
    told = found["logged"]
    card = render_card(found, TIERS, table="runs")

    assert told["is_observational"]  # type: ignore[index]
    assert told["overlap"]["never_tried"] == [{"bucket": "type 0", "tier": "high"}]  # type: ignore[index]
    assert "- Observational: for 30 tasks" in card
    assert "- Never tried, so what is said of it is a guess: high on type 0." in card
    assert "(effective sample size below 50): low on type 0, type 1; high on type 0" in card


def test_the_card_tells_tiers_worth_making_and_limits(rows: TaskRows) -> None:
    """In Markdown, with the model that was declared."""
    model = fit_model(rows, n_jobs=1)

    card = render_card(training_metrics(model, rows, NAMES, 0.3), TIERS, table="runs")

    assert card.startswith("# Model card\n")
    assert "table `runs`: 60 tasks in 30 independent groups" in card
    assert f"| low | small-1 | 60 | {10 * rows.quality[:, 0].mean():.2f} |" in card
    assert "| high | unknown |" in card
    assert "Context buckets: type 0 (30), type 1 (30), other (0)." in card
    assert "default lambda 0.3" in card
    assert "show only some tiers" not in card


def test_a_long_list_of_buckets_is_cut(rows: TaskRows) -> None:
    """Twelve are shown."""
    found = training_metrics(fit_model(rows, n_jobs=1), rows, NAMES, 0.3)
    found["buckets"] = {f"b{i}": i for i in range(15)}

    assert "b11 (11) and 3 more." in render_card(found, TIERS, table="t")
