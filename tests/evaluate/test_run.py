"""An artifact on a table, end to end, in a world whose truth is known."""

import json
from typing import Any

import msgspec
import numpy as np
import pytest

from tracetier.errors import SettingsError, TableError, TierError
from tracetier.evaluate.run import Evaluation, evaluate
from tracetier.features.task_hash import task_hashes
from tracetier.records import Invocation

N_BOOT = 200


@pytest.fixture
def run(write_table: Any, use_artifact: Any) -> Any:
    """Return a function that evaluates the fake artifact on rows."""

    def evaluate_rows(rows: list[Invocation], **options: Any) -> Evaluation:
        use_artifact(oof=options.pop("oof", {}))
        return evaluate("models/fake", write_table(rows), n_boot=N_BOOT, **options)

    return evaluate_rows


def logged_rows(rows: list[Invocation], share: tuple[float, ...]) -> list[Invocation]:
    """One row per task, its tier drawn with these probabilities."""
    rng = np.random.default_rng(5)
    by_task: dict[str, list[Invocation]] = {}
    for row in rows:
        by_task.setdefault(row.task_id, []).append(row)
    return [
        msgspec.structs.replace(tiers[k], p_log=share[k])
        for tiers in by_task.values()
        for k in [int(rng.choice(3, p=share))]
    ]


def test_a_router_that_knows_the_types_saves_most_of_the_cost(
    run: Any, full_rows: list[Invocation]
) -> None:
    """Types need 1, 3 and 10 thousandths: 14/30 of the dear tier's cost at the same quality."""
    found = run(full_rows, lam=2.0)

    assert found.full.reference in ("mid", "high")
    assert found.full.router.at_lam.share == pytest.approx(
        {"low": 1 / 3, "mid": 1 / 3, "high": 1 / 3}
    )
    assert found.full.router.at_lam.cost_usd.estimate == pytest.approx(0.014 / 3, rel=0.03)
    assert found.full.router.at_lam.quality.estimate == pytest.approx(0.9, abs=0.06)
    assert found.full.router.frontier.gap_closed.low > 0.3
    assert found.full.controls["shuffled"].frontier.gap_closed.estimate < 0.2
    assert (found.n_tasks, found.n_groups, found.n_left_out) == (150, 150, 0)


def test_training_tasks_and_fresh_ones_are_counted(run: Any, full_rows: list[Invocation]) -> None:
    """60 of 150 tasks were in training; their kept predictions decide for them."""
    seen = [row.task for row in full_rows[:180:3]]
    dear = np.tile([0.0, 0.0, 1.0], (60, 1))
    oof = {"task_hash": task_hashes(seen), "quality": dear, "cost_usd": dear, "cost": dear}
    found = run(full_rows, lam=2.0, oof=oof)

    assert (found.n_out_of_fold, found.n_fresh) == (60, 90)
    assert found.notes[0].startswith("60 tasks were in training: ")
    assert run(full_rows).notes == ()
    # All 60 go to the dear tier, and a third of the other 90.
    assert found.full.router.at_lam.share["high"] == pytest.approx(90 / 150)


def test_lambda_is_the_artifacts_unless_given(run: Any, full_rows: list[Invocation]) -> None:
    """The default is .3; a huge one sends all to the cheapest tier."""
    assert run(full_rows).lam == 0.3
    found = run(full_rows, lam=1000.0)
    assert found.lam == 1000.0
    assert found.full.router.at_lam.share["low"] == 1.0


def test_the_summary_is_json_and_the_same_each_time(run: Any, full_rows: list[Invocation]) -> None:
    """Bit for bit under one seed."""
    first, again = (json.dumps(run(full_rows, seed=3).summary()) for _ in range(2))
    read = json.loads(first)

    assert first == again
    assert read["headline"].startswith("Set beforehand to keep 99 % of ")
    assert read["full"]["calibrated"]["quality_99"]["saving"]["low"] > 0
    assert read["logged"] is None
    assert (read["seed"], read["n_draws"]) == (3, N_BOOT)


def test_left_out_tasks_and_few_groups_are_noted(run: Any, full_rows: list[Invocation]) -> None:
    """31 tasks of which one lacks a tier."""
    found = run(full_rows[: 31 * 3 - 1])

    assert (found.n_tasks, found.n_left_out) == (30, 1)
    assert found.notes == (
        "1 tasks lack an outcome that is needed and are left out",
        "only 30 independent groups of tasks: the intervals are rough",
    )


def test_a_log_with_propensities_gives_importance_weighted_values(
    run: Any, full_rows: list[Invocation]
) -> None:
    """Uniform logging: the value of the router at lambda 2 agrees with full information."""
    truth = run(full_rows, lam=2.0).full.router.at_lam
    found = run(logged_rows(full_rows, (1 / 3, 1 / 3, 1 / 3)), lam=2.0)
    value = found.logged.router

    assert found.full is None
    assert value.quality.low < truth.quality.estimate < value.quality.high
    assert value.n_matched == pytest.approx(50, abs=15)
    assert any("doubly robust" in note for note in found.notes)


def test_a_tier_that_was_hardly_logged_is_not_claimed(
    run: Any, full_rows: list[Invocation]
) -> None:
    """The middle tier was taken once in twenty: about 7 of 150 rows."""
    found = run(logged_rows(full_rows, (0.05, 0.05, 0.9)))

    assert not found.logged.fixed["mid"].is_supported
    assert found.logged.fixed["high"].is_supported
    assert "too few rows were logged on low, mid to claim a value" in found.notes
    assert "too few rows" in found.headline or "would have scored" in found.headline


def test_one_group_of_tasks_is_too_few(run: Any, full_rows: list[Invocation]) -> None:
    """All tasks of one session: there is no independent second group."""
    rows = [msgspec.structs.replace(row, session_id="only") for row in full_rows[:30]]

    with pytest.raises(TableError, match="10 usable tasks, all of one text or session"):
        run(rows)


def test_progress_names_the_stages_in_order(run: Any, full_rows: list[Invocation]) -> None:
    """Each with a share between 0 and 1."""
    told: list[tuple[str, float]] = []
    run(full_rows, progress=lambda what, share: told.append((what, share)))

    assert list(dict.fromkeys(what for what, _ in told)) == [
        "reading",
        "predicting",
        "comparing",
        "weighing inputs",
        "done",
    ]
    assert all(0.0 <= share <= 1.0 for _, share in told)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lam": -1.0}, "lam is -1.0, must be finite and >= 0"),
        ({"lam": float("nan")}, "lam is nan"),
        ({"seed": -1}, "seed is -1, must be at least 0"),
        ({"n_boot": 0}, "n_boot is 0, must be at least 1"),
        ({"lam": 1.0, "budget_usd": 1.0}, "each set lambda; give one of them"),
        ({"saving": 1.0}, "saving is 1, must be a share"),
    ],
)
def test_wrong_settings_are_told_before_anything_is_read(
    options: dict[str, Any], words: str
) -> None:
    """Not after minutes, and not as figures at a lambda that cannot be."""
    with pytest.raises(SettingsError, match=words):
        evaluate("nowhere", "nowhere", **options)


def test_a_budget_is_solved_on_some_tasks_and_told_on_others(
    run: Any, full_rows: list[Invocation]
) -> None:
    """Knowing the types, .00467 USD buy all of the quality; mixed tiers give less at that.

    The declared incumbent, ``mid``, is within the budget at .003 USD and .7 quality, and loses.
    """
    found = run(full_rows, budget_usd=0.005, incumbent="mid")

    assert found.goal.best == "router"
    assert found.lam == found.goal.lam
    router, mixture, in_use = found.goal.candidates
    assert (in_use.name, in_use.meets) == ("the incumbent mid", True)
    assert in_use.cost_usd == pytest.approx(0.003, rel=0.03)
    assert router.quality > mixture.quality > in_use.quality - 0.02
    point = found.full.calibrated["goal"]
    assert point.cost_usd.estimate == pytest.approx(0.014 / 3, rel=0.05)
    assert point.cost_usd.low < point.cost_usd.estimate <= 0.005
    assert point.quality.estimate == pytest.approx(0.9, abs=0.06)
    assert found.goal.sentence in found.notes
    assert "set to the goal" in found.to_markdown()


def test_a_goal_on_logs_is_told_beside_what_they_did(run: Any, full_rows: list[Invocation]) -> None:
    """Tiers at random cost .0047 USD for a quality of .63; the router does better for that."""
    found = run(logged_rows(full_rows, (1 / 3, 1 / 3, 1 / 3)), saving=0.5)

    assert [each.name for each in found.goal.candidates][::2] == ["router", "what the logs did"]
    logs = found.goal.candidates[-1]
    assert logs.quality == pytest.approx(found.logged.as_logged.quality.estimate)
    assert logs.cost_usd == pytest.approx(found.logged.as_logged.cost_usd.estimate)
    assert found.goal.best == "router"
    at_goal = found.logged.at_goal
    assert at_goal.quality.estimate > logs.quality + 0.1
    assert at_goal.cost_usd.low < 0.0055
    assert found.summary()["goal"]["best"] == "router"


def test_an_incumbent_that_is_no_tier_is_told(run: Any, full_rows: list[Invocation]) -> None:
    """With the tiers that there are."""
    with pytest.raises(TierError, match="tier 'top' is not declared"):
        run(full_rows, saving=0.5, incumbent="top")
