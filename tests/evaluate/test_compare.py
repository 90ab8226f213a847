"""The gate: a candidate passes only where its whole interval lies above the incumbent."""

import re
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from rich.console import Console

from tracetier.errors import ArtifactError, SettingsError, TableError, TierError
from tracetier.evaluate import arguments, policy_value
from tracetier.evaluate.compare import compare
from tracetier.evaluate.comparison import Comparison
from tracetier.evaluate.render_comparison import render_comparison
from tracetier.features.task_hash import task_hashes
from tracetier.records import Invocation
from tracetier.tiers import Tier, TierSet


@pytest.fixture
def run(write_table: Any, artifact: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that compares policies on rows; the candidate knows the types."""
    manifest = SimpleNamespace(table_fingerprint="another")
    candidate = SimpleNamespace(
        **{n: getattr(artifact, n) for n in ("tiers", "predictor", "cost_ref", "lam", "oof")},
        artifact_id="candidate",
        manifest=manifest,
    )
    for module in (arguments, policy_value):
        monkeypatch.setattr(module, "Artifact", SimpleNamespace)

    def compare_rows(rows: list[Invocation], incumbent: Any = "high", **options: Any) -> Comparison:
        changed = SimpleNamespace(**{**vars(candidate), **options.pop("candidate", {})})
        if isinstance(incumbent, dict):
            incumbent = SimpleNamespace(**{**vars(candidate), **incumbent})
        options = {"lam": 2.0, "n_boot": 200} | options
        return compare(incumbent, changed, write_table(rows), **options)

    return compare_rows


def one_tier_each(rows: list[Invocation], **changed: Any) -> list[Invocation]:
    """Uniform logging: a third of the tasks on each tier, of every type alike."""
    return [
        msgspec.structs.replace(row, **changed)
        for i, row in enumerate(rows)
        if i % 3 == (i // 9) % 3
    ]


def test_a_router_that_saves_without_loss_passes(run: Any, full_rows: list[Invocation]) -> None:
    """Types need 1, 3 and 10 thousandths: about 2 * (1 - 14 / 30) of reward over the dear tier."""
    found = run(full_rows)

    assert found.passes
    assert found.gain.low > 0
    assert found.cost_saved_usd.estimate == pytest.approx(0.010 - 0.014 / 3, rel=0.05)
    assert found.gain.estimate == pytest.approx(
        found.candidate.reward.estimate - found.incumbent.reward.estimate
    )
    assert found.headline.startswith("Passes: candidate against always high gains +")
    assert (found.n_rows, found.n_groups, found.n_logged) == (150, 150, 0)


def test_a_candidate_does_not_beat_itself(run: Any, full_rows: list[Invocation]) -> None:
    """A gain of 0 in every resample is not above 0."""
    found = run(full_rows, incumbent={"artifact_id": "incumbent"})

    assert not found.passes
    assert (found.gain.low, found.gain.estimate, found.gain.high) == (0.0, 0.0, 0.0)
    assert "its lower bound is not above 0" in found.headline


def test_a_tier_beats_no_tier_that_is_better(run: Any, full_rows: list[Invocation]) -> None:
    """At lambda 0 the router is no better than the dear tier beyond doubt."""
    assert not run(full_rows, lam=0.0).passes
    assert run(full_rows, incumbent="low", lam=0.0).passes


def test_what_the_logs_did_can_be_the_incumbent(run: Any, full_rows: list[Invocation]) -> None:
    """One tier per task with known propensities; every tier for a third of the tasks."""
    found = run(one_tier_each(full_rows, p_log=1 / 3), incumbent="logs")

    assert found.n_logged == 150
    assert not found.is_observational
    assert found.incumbent.kind == "logs"
    assert found.incumbent.ess == 150
    assert found.candidate.ess < 80
    assert found.gain.low < 2.0 < found.gain.high + 2.0


def test_estimated_propensities_are_called_observational(
    run: Any, full_rows: list[Invocation]
) -> None:
    """The log does not say how likely it was to take a tier."""
    found = run(one_tier_each(full_rows), incumbent="logs")

    assert found.is_observational
    assert any("propensities were estimated" in note for note in found.notes)


def test_too_few_rows_do_not_pass_however_large_the_gain(
    run: Any, full_rows: list[Invocation]
) -> None:
    """Forty-five logged rows speak of the router with some fifteen."""
    found = run(one_tier_each(full_rows, p_log=1 / 3)[:45], incumbent="low")

    assert not found.passes
    assert "too few rows speak of" in found.headline
    assert any("effective sample size" in note for note in found.notes)


def test_full_outcomes_have_no_logs(run: Any, full_rows: list[Invocation]) -> None:
    """The message says what to name instead."""
    with pytest.raises(TableError, match="so the logs chose none; name the tier"):
        run(full_rows, incumbent="logs")


def test_tasks_of_the_training_are_counted_and_flagged(
    run: Any, full_rows: list[Invocation]
) -> None:
    """Their predictions are the kept ones, of models that had not seen them: all dear here."""
    tasks = [row.task for row in full_rows[:180:3]]
    dear = np.tile([0.0, 0.0, 1.0], (60, 1))
    oof = {"task_hash": task_hashes(tasks), "quality": dear, "cost_usd": dear, "cost": dear}
    found = run(full_rows, candidate={"oof": oof})

    assert found.candidate.n_in_training == 60
    assert found.notes[0].startswith("the candidate was trained on tasks of this table: 60 tasks")
    assert found.cost_saved_usd.estimate < run(full_rows).cost_saved_usd.estimate


def test_other_scales_and_lambdas_of_the_incumbent_are_noted(
    run: Any, full_rows: list[Invocation]
) -> None:
    """Both decide at one lambda, each by its own scale of cost."""
    found = run(full_rows, incumbent={"cost_ref": 1.0, "lam": 9.0})

    assert any("counts 1 USD as cost 1" in note for note in found.notes)
    assert any("the incumbent's own is 9" in note for note in found.notes)


def test_other_tiers_are_refused(run: Any, full_rows: list[Invocation]) -> None:
    """Two artifacts that do not know the same tiers cannot be compared."""
    other = TierSet((Tier(name="a"), Tier(name="b")))

    with pytest.raises(TierError, match="the incumbent knows the tiers a, b, the candidate low"):
        run(full_rows, incumbent={"tiers": other})


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"incumbent": "gpt"}, SettingsError, "none of the candidate's tiers (low, mid, high)"),
        ({"incumbent": 3}, ArtifactError, "artifact is a int, expected the path"),
        ({"lam": "much"}, SettingsError, "lam is 'much', expected a number"),
        ({"seed": 1.5}, SettingsError, "seed is 1.5, expected a whole number"),
        ({"n_boot": 0}, SettingsError, "n_boot is 0, must be at least 1"),
    ],
)
def test_wrong_arguments_are_told(
    run: Any, full_rows: list[Invocation], options: dict[str, Any], error: type, words: str
) -> None:
    """In a sentence, not as an error of numpy."""
    with pytest.raises(error, match=re.escape(words)):
        run(full_rows, **options)


def test_the_result_is_shown_with_both_sides(run: Any, full_rows: list[Invocation]) -> None:
    """And is JSON."""
    found = run(full_rows)
    console = Console(width=100, color_system=None)
    with console.capture() as capture:
        console.print(render_comparison(found))

    for words in ("incumbent always high", "candidate candidate", "difference", "150 tasks"):
        assert words in capture.get()
    summary = found.summary()
    assert summary["headline"] == found.headline
    assert msgspec.json.decode(msgspec.json.encode(summary)) == summary
