"""From a table on disk to an artifact on disk."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tracetier.errors import LeakageError, SettingsError, TableError, TrainingError
from tracetier.evaluate.run import evaluate
from tracetier.features.extract import X_COLUMNS, extract_row
from tracetier.features.spec import fingerprint
from tracetier.ingest.privacy import Privacy, withhold_texts
from tracetier.records import Invocation, Task
from tracetier.route.router import Router
from tracetier.settings import Settings
from tracetier.table import TableWriter, read_table
from tracetier.table.arrays import Features, rows_table
from tracetier.tiers import Tier, TierSet
from tracetier.train import run as module
from tracetier.train.model import training_data
from tracetier.train.rows import task_rows
from tracetier.train.run import train

Rows = list[Invocation]
QUICK = Settings(n_jobs=1, folds=3)
pytestmark = pytest.mark.usefixtures("few_trees")


def outcomes(n: int = 60) -> Rows:
    """Tier ``low`` is better on easy tasks and fails on hard ones; it costs a tenth."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(n):
        kind = ("easy", "hard")[i % 2]
        base = Invocation(
            trace_id="r", task_id=f"t{i}", task_text=f"{kind} {i}", task_type=kind, tier="low"
        )
        low, high = (0.95, 0.6) if kind == "easy" else (0.1, 0.9)
        for tier, quality, cost in (("low", low, 0.001), ("high", high, 0.01)):
            rows.append(
                msgspec.structs.replace(
                    base,
                    span_id=tier,
                    tier=tier,
                    model=f"{tier}-1",
                    y_quality=float(np.clip(quality + 0.05 * rng.normal(), 0, 1)),
                    y_cost_usd=cost * float(rng.uniform(0.9, 1.1)),
                )
            )
    return rows


def change(rows: Rows, tier: str, **fields: object) -> Rows:
    """The rows with other values for one tier."""
    return [msgspec.structs.replace(r, **fields) if r.tier == tier else r for r in rows]


@pytest.fixture(name="table")
def _table(tmp_path: Path) -> Callable[[Rows], Path]:
    def write(rows: Rows) -> Path:
        with TableWriter(tmp_path / "table", tiers=("low", "high")) as writer:
            writer.write(rows)
        return tmp_path / "table"

    return write


def test_what_is_saved_routes_by_what_was_planted(
    table: Callable[[Rows], Path], tmp_path: Path
) -> None:
    """The artifact that comes back was loaded from where it was saved."""
    rows = outcomes()
    told: list[str] = []

    artifact = train(
        table(rows), tmp_path / "model", settings=QUICK, progress=lambda what, _: told.append(what)
    )

    assert artifact.tiers.names == ("low", "high")
    assert artifact.tiers.model_of("high") == "high-1"
    assert artifact.lam == 0.3
    easy, hard = (artifact.predictor.predict(row.task).quality for row in rows[:4:2])
    assert easy[0] > easy[1]
    assert hard[0] < hard[1]
    assert artifact.metrics["n_tasks"] == 60
    assert artifact.oof["quality"].shape == (60, 2)
    assert "# Model card" in artifact.card
    assert [*dict.fromkeys(told)] == ["reading", "fitting heads", "saving"]


def test_a_type_called_other_can_be_trained_and_saved(
    table: Callable[[Rows], Path], tmp_path: Path
) -> None:
    """It does not collide with the pooled bucket."""
    rows = [msgspec.structs.replace(row, task_type="other") for row in outcomes()]

    artifact = train(table(rows), tmp_path / "model", settings=QUICK)

    assert artifact.prior.buckets == ("other", "(other)")


def test_a_declared_tier_keeps_its_patterns_and_prices(
    table: Callable[[Rows], Path], tmp_path: Path
) -> None:
    """The model seen most often is added where none is named."""
    low = Tier(name="low", models=("low-*",), input_usd_per_mtok=1.0, output_usd_per_mtok=2.0)
    high = Tier(name="high", models=("high-9",))
    declared = msgspec.structs.replace(QUICK, tiers=(low, high))

    artifact = train(table(outcomes()), tmp_path / "model", settings=declared)

    assert artifact.tiers.tiers == (msgspec.structs.replace(low, model="low-1"), high)


@pytest.mark.parametrize(("lam", "seed"), [(None, None), (2.5, 7)])
def test_lambda_and_seed_come_from_the_call_else_from_the_settings(
    table: Callable[[Rows], Path], tmp_path: Path, lam: float | None, seed: int | None
) -> None:
    """The call wins."""
    settings = msgspec.structs.replace(QUICK, lam=0.7, seed=3)

    artifact = train(table(outcomes()), tmp_path / "model", lam=lam, seed=seed, settings=settings)

    assert artifact.lam == (0.7 if lam is None else lam)
    assert artifact.manifest.seed == (3 if seed is None else seed)


def chosen(lam: float, oof: dict[str, np.ndarray]) -> np.ndarray:
    """Whether each task goes to the dear tier."""
    reward = 10 * oof["quality"] - lam * oof["cost"]
    dear: np.ndarray = reward[:, 1] > reward[:, 0]
    return dear


def test_a_budget_is_kept_and_used_out_of_fold(
    table: Callable[[Rows], Path], tmp_path: Path
) -> None:
    """Half of the tasks need the dear tier: 0.0055 USD on average is what it takes."""
    rows = outcomes()

    artifact = train(table(rows), tmp_path / "model", budget_usd=0.0058, settings=QUICK)

    cost = np.array([row.y_cost_usd for row in rows], dtype=float).reshape(-1, 2)
    dear = chosen(artifact.lam, dict(artifact.oof))
    assert np.where(dear, cost[:, 1], cost[:, 0]).mean() <= 0.0058
    np.testing.assert_array_equal(dear, np.arange(60) % 2 == 1)


@pytest.mark.parametrize("budget_usd", [0.002, 0.004])
def test_a_budget_that_binds_is_kept_out_of_fold(
    table: Callable[[Rows], Path], tmp_path: Path, budget_usd: float
) -> None:
    """Less than sending each hard task to the dear tier would cost."""
    rows = outcomes()

    artifact = train(table(rows), tmp_path / "model", budget_usd=budget_usd, settings=QUICK)

    cost = np.array([row.y_cost_usd for row in rows], dtype=float).reshape(-1, 2)
    dear = chosen(artifact.lam, dict(artifact.oof))
    assert np.where(dear, cost[:, 1], cost[:, 0]).mean() <= budget_usd


def test_a_saving_is_a_budget_told_against_the_dear_tier(
    table: Callable[[Rows], Path], tmp_path: Path
) -> None:
    """The dear tier costs .01 USD, so a saving of .42 leaves .0058, which all hard tasks need."""
    path = table(outcomes())

    saved = train(path, tmp_path / "saved", saving=0.42, settings=QUICK)
    budget = train(path, tmp_path / "budget", budget_usd=0.0058, settings=QUICK)

    assert saved.lam == budget.lam
    np.testing.assert_array_equal(chosen(saved.lam, dict(saved.oof)), np.arange(60) % 2 == 1)


def test_a_floor_is_reached_at_the_least_cost_out_of_fold(
    table: Callable[[Rows], Path], tmp_path: Path
) -> None:
    """9 of 10 is what one gets by sending the hard tasks alone to the dear tier."""
    rows = outcomes()

    artifact = train(table(rows), tmp_path / "model", quality_floor=9.0, settings=QUICK)

    quality = np.array([row.y_quality for row in rows], dtype=float).reshape(-1, 2)
    dear = chosen(artifact.lam, dict(artifact.oof))
    assert np.where(dear, quality[:, 1], quality[:, 0]).mean() >= 0.9
    assert not dear[::2].any()


def test_where_the_middle_tier_does_best_a_budget_does_not_fall_to_the_cheapest(
    tmp_path: Path,
) -> None:
    """A goal is met by a lambda of the sweep, never by one that stands for a fixed tier."""
    with TableWriter(tmp_path / "table", tiers=("low", "mid", "high")) as writer:
        writer.write(
            [
                Invocation(
                    trace_id="r",
                    span_id=tier,
                    task_id=f"t{i}",
                    task_text=f"word {i}",
                    tier=tier,
                    y_quality=quality + 0.01 * (i % 3),
                    y_cost_usd=cost,
                )
                for i in range(60)
                for tier, quality, cost in (
                    ("low", 0.2, 0.001),
                    ("mid", 0.9, 0.01),
                    ("high", 0.91, 0.1),
                )
            ]
        )

    artifact = train(tmp_path / "table", tmp_path / "model", budget_usd=0.02, settings=QUICK)

    reward = 10 * artifact.oof["quality"] - artifact.lam * artifact.oof["cost"]
    assert set(reward.argmax(axis=1).tolist()) == {1}


@pytest.mark.parametrize(
    ("goal", "message"),
    [
        pytest.param({"budget_usd": 1e-6}, r"budget of 1e-06 USD.*raise the budget", id="budget"),
        pytest.param({"quality_floor": 9.9}, r"floor of 9\.9 \(of 10\).*lower", id="floor"),
        pytest.param({"lam": -1.0}, r"lam is -1, must be", id="negative"),
        pytest.param({"lam": float("nan")}, r"lam is nan, must be", id="nan"),
        pytest.param({"lam": 1.0, "budget_usd": 1.0}, r"give one of them", id="two goals"),
    ],
)
def test_a_goal_that_cannot_be_met_is_told(
    table: Callable[[Rows], Path], tmp_path: Path, goal: dict[str, float], message: str
) -> None:
    """With the mend, and nothing is saved."""
    with pytest.raises(SettingsError, match=message):
        train(table(outcomes()), tmp_path / "model", settings=QUICK, **goal)  # type: ignore[arg-type]
    assert not (tmp_path / "model").exists()


def test_a_goal_needs_the_cost_of_every_tier_on_some_task(
    table: Callable[[Rows], Path], tmp_path: Path
) -> None:
    """Every quality is known, but each task was billed on one tier only."""
    rows = [
        row if i % 4 in (0, 3) else msgspec.structs.replace(row, y_cost_usd=None)
        for i, row in enumerate(outcomes())
    ]

    with pytest.raises(TrainingError, match=r"no task shows quality and cost of every.*--lam"):
        train(table(rows), tmp_path / "model", budget_usd=1.0, settings=QUICK)


def test_a_budget_is_solved_from_logged_rows_too(
    table: Callable[[Rows], Path], tmp_path: Path
) -> None:
    """By the doubly robust value of each lambda; .006 USD buys the dear tier for half the tasks."""
    rows = [
        msgspec.structs.replace(row, p_log=0.5)
        for i, row in enumerate(outcomes(200))
        if (i // 2 % 4 in (0, 1)) == (row.tier == "low")
    ]
    artifact = train(table(rows), tmp_path / "model", budget_usd=0.006, settings=QUICK)
    picked = chosen(artifact.lam, artifact.oof)
    is_hard = np.arange(200) % 2 == 1

    assert (picked == is_hard).mean() > 0.9
    assert artifact.metrics["logged"]["n_logged"] == 200  # type: ignore[index]
    assert "How the log chose them is corrected" in (tmp_path / "model" / "CARD.md").read_text()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param(
            change(outcomes(), "high", y_cost_usd=None), "tier 'high' has no cost", id="no price"
        ),
        pytest.param(
            change(outcomes(), "low", y_quality=None), "tier 'low' has no quality", id="no quality"
        ),
        pytest.param(
            [
                msgspec.structs.replace(
                    row, **({"y_quality": None} if i % 4 == 1 else {"y_cost_usd": None})
                )
                if row.tier == "high"
                else row
                for i, row in enumerate(change(outcomes(), "low", y_quality=0.5))
                if row.tier == "low" or i % 4 != 3
            ],
            "tier 'high' has no quality in any of the 60 tasks",
            id="costs only",
        ),
        pytest.param(outcomes()[:2], "1 tasks make 1 independent", id="one task"),
        pytest.param(
            [msgspec.structs.replace(row, session_id="s") for row in outcomes()],
            "60 tasks make 1 independent",
            id="one session",
        ),
    ],
)
def test_a_table_that_cannot_be_learned_from_is_told_by_name(
    table: Callable[[Rows], Path], tmp_path: Path, rows: Rows, message: str
) -> None:
    """Before anything is fitted or saved."""
    with pytest.raises(TrainingError, match=message):
        train(table(rows), tmp_path / "model", settings=QUICK)
    assert not (tmp_path / "model").exists()


def test_a_price_on_tasks_without_quality_only_is_no_price(
    table: Callable[[Rows], Path], tmp_path: Path
) -> None:
    """Tasks without any quality are not trained on, so their costs do not count."""
    rows = change(outcomes(), "high", y_cost_usd=None)
    rows[0] = msgspec.structs.replace(rows[0], y_quality=None)
    rows[1] = msgspec.structs.replace(rows[1], y_quality=None, y_cost_usd=0.01)

    with pytest.raises(TrainingError, match="tier 'high' has no cost in any of the 59 tasks"):
        train(table(rows), tmp_path / "model", settings=QUICK)


def test_a_planted_outcome_is_refused(table: Callable[[Rows], Path], tmp_path: Path) -> None:
    """An attribute that says how many tokens came back would predict the cost all too well."""
    rows = [msgspec.structs.replace(row, attrs={"y_output_tokens": 5.0}) for row in outcomes()]

    with pytest.raises(LeakageError, match="'attr_y_output_tokens' is not known before"):
        train(table(rows), tmp_path / "model", settings=QUICK)


def test_a_table_without_tiers_is_told(tmp_path: Path) -> None:
    """With the mend."""
    with TableWriter(tmp_path / "table") as writer:
        writer.write([])

    with pytest.raises(TableError, match="names no tier"):
        train(tmp_path / "table", tmp_path / "model", settings=QUICK)


def test_the_table_is_read_once(
    table: Callable[[Rows], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be large."""
    calls: list[object] = []

    def read(path: Path) -> object:
        calls.append(path)
        return read_table(path)

    monkeypatch.setattr(module, "read_table", read)

    train(table(outcomes()), tmp_path / "model", settings=QUICK)

    assert len(calls) == 1


def withheld(rows: Rows, place: Path) -> Path:
    """The same rows as a table without texts: their features, and hashes in their place."""
    table = rows_table(rows, Features(extract_row, len(X_COLUMNS)), X_COLUMNS)
    table = withhold_texts(
        table, Privacy(no_text=True, hash_key=b"0123456789abcdef"), are_of_steps=True
    )
    with TableWriter(
        place, x_columns=X_COLUMNS, tiers=("low", "high"), feature_fingerprint=fingerprint()
    ) as writer:
        writer.write_table(table)
    return place


def test_without_texts_the_same_numbers_are_trained_on(
    table: Callable[[Rows], Path], tmp_path: Path
) -> None:
    """All but the words, which are nowhere; the hashes tell what was in training."""
    rows = [msgspec.structs.replace(row, task_type=None) for row in outcomes()]
    tiers = TierSet((Tier(name="low"), Tier(name="high")))
    told = training_data(task_rows(read_table(table(rows)), tiers))
    place = withheld(rows, tmp_path / "withheld")
    known = training_data(task_rows(read_table(place), tiers))
    artifact = train(place, tmp_path / "model", settings=QUICK)

    np.testing.assert_array_equal(known.design.x, told.design.x)
    assert known.design.words.nnz == 0
    assert told.design.words.nnz > 0
    assert len(set(artifact.oof["task_hash"].tolist())) == 60


def test_a_table_without_texts_is_not_evaluated(tmp_path: Path) -> None:
    """An artifact is asked by text; the features of none would be those of another task."""
    place = withheld(outcomes(), tmp_path / "withheld")
    artifact = train(place, tmp_path / "model", settings=QUICK)

    with pytest.raises(TableError, match="withholds the texts of 60 tasks"):
        evaluate(artifact.path, place)


def test_a_goal_tells_whether_the_incumbent_does_better(
    table: Callable[[Rows], Path], tmp_path: Path
) -> None:
    """Half of the tasks are hard, and only the dear tier does these: the router wins, and says so.

    The declared tier, the dear one, costs more than the budget.
    """
    settings = msgspec.structs.replace(QUICK, incumbent="high")
    artifact = train(table(outcomes()), tmp_path / "model", budget_usd=0.0058, settings=settings)

    goal: dict[str, Any] = artifact.metrics["goal"]  # type: ignore[assignment]
    assert (goal["best"], goal["lam"]) == ("router", artifact.lam)
    assert [each["name"] for each in goal["candidates"]][::2] == ["router", "the incumbent high"]
    assert [each["meets"] for each in goal["candidates"]] == [True, True, False]
    assert goal["told"][1:] in artifact.card
    assert "By share of calls to high, the dear tier:" in artifact.card


def test_a_goal_on_logs_is_held_against_what_they_did(
    table: Callable[[Rows], Path], tmp_path: Path
) -> None:
    """Every second task of each kind ran on the dear tier: (.95 + .1 + .6 + .9) / 4, .0055 USD."""
    rows = [r for i, r in enumerate(outcomes(120)) if (i // 4 + i) % 2]
    artifact = train(table(rows), tmp_path / "model", budget_usd=0.0058, settings=QUICK)

    goal: dict[str, Any] = artifact.metrics["goal"]  # type: ignore[assignment]
    logs = goal["candidates"][-1]
    assert logs["name"] == "what the logs did"
    assert logs["quality"] == pytest.approx(0.6375, abs=0.02)
    assert logs["cost_usd"] == pytest.approx(0.0055, rel=0.03)
    assert goal["best"] == "router"


def test_a_new_price_needs_no_training(table: Callable[[Rows], Path], tmp_path: Path) -> None:
    """The dear tier costs .01 USD, a tenth of it input; with output at half it is .0055."""
    rows = change(outcomes(), "high", y_input_tokens=1_000, y_output_tokens=900)
    path = table(change(rows, "high", y_cost_usd=0.01))
    old, new = (
        Settings(
            n_jobs=1,
            folds=3,
            tiers=(
                Tier(name="low"),
                Tier(name="high", input_usd_per_mtok=1.0, output_usd_per_mtok=output_usd),
            ),
        )
        for output_usd in (10.0, 5.0)
    )
    train(path, tmp_path / "model", settings=old)
    task = Task(text="hard 7", task_type="hard")

    def cost_of(settings: Settings, **state: Any) -> dict[str, float]:
        with Router.load(tmp_path / "model", settings=settings, seed=0, **state) as router:
            scores = router.route(task).scores
            return {name: score.cost_usd for name, score in scores.items()}

    before, now = cost_of(old), cost_of(new)
    assert before["high"] == pytest.approx(0.01, rel=0.05)
    assert now["high"] == pytest.approx(0.55 * before["high"])
    assert now["low"] == before["low"]
    # Decided elsewhere with the same state: the change is there, and is not made twice.
    kept = {"state": tmp_path / "state.db"}
    assert cost_of(new, **kept) == cost_of(new, **kept) == now
