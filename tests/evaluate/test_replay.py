"""An artifact replayed over a table, end to end."""

import json
from typing import Any

import numpy as np
import pytest

from tracetier.errors import SettingsError
from tracetier.evaluate.predictions import TaskPredictions
from tracetier.evaluate.replay import Replay, budget_lams, replay
from tracetier.evaluate.scenario import Scenario, parse_event
from tracetier.records import Invocation


@pytest.fixture
def run(write_table: Any, use_artifact: Any, full_rows: list[Invocation]) -> Any:
    """Return a function that replays the fake artifact over the small world."""
    use_artifact()
    table = write_table(full_rows)

    def replay_rows(**options: Any) -> Replay:
        return replay("models/fake", table, **{"orders": 4, "lam": 2.0, **options})

    return replay_rows


def test_a_good_prior_misses_less_than_the_published_rule(run: Any) -> None:
    """In every order, and by a factor: the rule must first find out what the prior knows."""
    found = run()
    cold = found.versus["seed"]

    assert (cold.n_better[-1], cold.n_worse[-1]) == (4, 0)
    assert cold.regret_ratio[-1].high < 0.9
    assert found.checkpoints == (50, 150)
    assert list(found.strategies) == ["residual", "greedy", "seed-warm", "seed"]
    assert found.oracle_reward > found.bucket_reward


def test_greedy_with_the_true_means_has_no_regret_against_the_bucket_tiers(run: Any) -> None:
    """It takes the tier that is best in truth; the table's own best can be a little better."""
    found = run(strategy="greedy").strategies["greedy"]

    assert found.explored == 0.0
    assert found.regret_bucket[-1].estimate == pytest.approx(0.0, abs=30.0)
    assert found.regret_oracle[-1].low == pytest.approx(found.regret_oracle[-1].high)


def test_a_baseline_is_not_compared_with_itself(run: Any) -> None:
    """The seed strategy is told against the model alone and the cold rule."""
    found = run(strategy="seed-warm")

    assert list(found.strategies) == ["seed-warm", "greedy", "seed"]
    assert list(found.versus) == ["greedy", "seed"]


def test_the_same_seed_gives_the_same_replay_on_any_number_of_workers(run: Any) -> None:
    """Bit for bit; another seed another."""
    assert run(seed=1) == run(seed=1, n_jobs=2)
    assert run(seed=2) != run(seed=1)


def test_the_summary_is_json(run: Any) -> None:
    """With the headline in it."""
    read = json.loads(json.dumps(run().summary()))

    assert read["headline"].startswith("Over 4 orders of 150 tasks, residual scored ")
    assert read["versus"]["seed-warm"]["regret_ratio"][-1]["estimate"] > 0
    assert (read["orders"], read["n_tasks"], read["n_left_out"]) == (4, 150, 0)


def test_a_budget_is_met_as_predicted(run: Any) -> None:
    """Half way between all cheap and all as needed: (.001 + .014 / 3) / 2 USD, greedy."""
    budget = (0.001 + 0.014 / 3) / 2
    found = run(strategy="greedy", lam=None, budget_usd=budget)

    assert found.strategies["greedy"].cost_usd[-1].estimate == pytest.approx(budget, rel=0.1)
    assert found.budget_usd == budget


def test_a_budget_mixes_two_neighbouring_lambdas() -> None:
    """One type of task: all dear at a small lambda, all cheap at a large one, half of each."""
    n = 20_000
    ones = np.ones((n, 1))
    predictions = TaskPredictions(
        quality=ones * [0.5, 0.9],
        cost_usd=ones * [1.0, 3.0],
        cost=ones * [0.3, 1.0],
        bucket=np.zeros(n, dtype=np.int64),
        is_out_of_fold=np.zeros(n, dtype=np.bool_),
    )
    lams = budget_lams(predictions, 2.0, np.random.default_rng(0))

    # The switch is at 10 * .4 / .7; below it the dear tier is taken. Five standard errors.
    assert len(set(lams.tolist())) == 2
    assert (lams < 4 / 0.7).mean() == pytest.approx(0.5, abs=0.018)
    with pytest.raises(SettingsError, match=r"0\.5 USD per task is below 1 USD"):
        budget_lams(predictions, 0.5, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"orders": 0}, "orders is 0, must be at least 1"),
        ({"budget_usd": 1.0}, "give lam or budget_usd, not both"),
        ({"strategy": "ucb"}, "'ucb' cannot be replayed"),
        ({"lam": -2.0}, "lam is -2.0, must be finite and >= 0"),
        ({"lam": float("nan")}, "lam is nan"),
        ({"seed": -1}, "seed is -1, must be at least 0"),
    ],
    ids=["no order", "two aims", "unknown strategy", "negative lambda", "nan lambda", "no seed"],
)
def test_wrong_settings_are_told(run: Any, options: dict[str, Any], words: str) -> None:
    """Before any work is done."""
    with pytest.raises(SettingsError, match=words):
        run(**options)


def test_progress_names_the_stages_in_order(run: Any) -> None:
    """A step for each strategy and order."""
    told: list[tuple[str, float]] = []
    run(progress=lambda what, share: told.append((what, share)))

    assert list(dict.fromkeys(what for what, _ in told)) == [
        "reading",
        "predicting",
        "replaying",
        "done",
    ]
    assert len([1 for what, _ in told if what == "replaying"]) == 16


def test_phases_are_told_with_what_was_spent_of_the_budget(run: Any) -> None:
    """A price that falls to a tenth half-way: the budget is held before it."""
    budget = 0.004
    scenario = Scenario(events=(parse_event("price:high:0.1@75"),))
    found = run(lam=None, budget_usd=budget, scenario=scenario, baselines=("greedy",))
    own = found.strategies["residual"]

    assert [(phase.start, phase.end) for phase in own.phases] == [(0, 75), (75, 150)]
    first, second = own.phases
    assert first.cost_share is not None
    assert first.cost_share.estimate == pytest.approx(first.cost_usd.estimate / budget)
    assert first.most is not None
    assert first.most >= first.cost_share.estimate
    assert second.share["high"] > first.share["high"]
    assert own.spent[0] <= own.spent[1] < 1.1
    assert list(found.strategies) == ["residual", "greedy"]
    assert found.summary()["scenario"]["events"][0]["kind"] == "price"


def test_without_events_there_is_one_phase_and_no_budget(run: Any) -> None:
    """Its means are those at the last checkpoint."""
    own = run().strategies["residual"]

    assert len(own.phases) == 1
    assert own.phases[0].quality.estimate == pytest.approx(own.quality[-1].estimate)
    assert own.phases[0].cost_share is None
    assert own.spent == []


def test_a_tier_that_joins_is_new_to_the_model_too(run: Any) -> None:
    """Its costs and quality start from the neighbours; it is not taken before it comes."""
    scenario = Scenario(events=(parse_event("add:high@75"),))
    own = run(scenario=scenario, baselines=()).strategies["residual"]

    before, after = own.phases
    assert before.share["high"] == 0.0
    assert after.share["high"] > 0.1


def test_a_phase_of_an_unknown_tier_is_told_before_any_work(run: Any) -> None:
    """With the tiers that there are."""
    with pytest.raises(SettingsError, match="about tier 'top'; the artifact has low, mid, high"):
        run(scenario=Scenario(events=(parse_event("remove:top@5"),)))
