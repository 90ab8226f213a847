"""What people see at the terminal."""

from typing import Any

import numpy as np
import pytest
from rich.console import Console

from tracetier.evaluate.render import render
from tracetier.evaluate.render_replay import render_replay
from tracetier.evaluate.replay import replay
from tracetier.evaluate.run import evaluate
from tracetier.records import Invocation


def text_of(renderable: Any, width: int = 100) -> str:
    """As it would be printed, without colour."""
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


@pytest.fixture
def table(write_table: Any, use_artifact: Any, full_rows: list[Invocation]) -> Any:
    use_artifact()
    return write_table(full_rows)


def test_an_evaluation_leads_with_its_headline_and_shows_every_policy(table: Any) -> None:
    """Tiers, router, calibrated points and controls, once per table that they belong to."""
    found = evaluate("models/fake", table, n_boot=50)
    text = text_of(render(found))

    assert text.startswith("Set beforehand to keep 99 % of ")
    for name in ("always low", "always mid", "always high", "set to keep 99 %", "majority tier"):
        assert text.count(name) == 1
    for name in ("bucket mean", "shuffled", "random", "oracle"):
        assert text.count(f"\n{name} ") == 2
    assert text.count("\nfixed mixtures ") == 1
    assert "150 tasks in 150 independent groups" in text
    assert "seed 0" in text


def test_both_fit_a_narrow_terminal(table: Any) -> None:
    """At 80 columns no line is longer and no word is cut off."""
    pages = (
        render(evaluate("models/fake", table, n_boot=50)),
        render_replay(replay("models/fake", table, orders=3)),
    )
    for text in (text_of(page, width=80) for page in pages):
        assert max(len(line) for line in text.splitlines()) <= 80
        assert "…" not in text


@pytest.mark.parametrize("width", [80, 100])
def test_no_interval_of_a_table_is_torn(table: Any, width: int) -> None:
    """In a row of a table an opened bracket is closed on the same line."""
    found = evaluate("models/fake", table, n_boot=50)
    pages = (render(found), render_replay(replay("models/fake", table, orders=3)))
    for page in pages:
        rows = [line for line in text_of(page, width=width).splitlines() if "  " in line.strip()]
        assert all(line.count("[") == line.count("]") for line in rows)


def test_one_order_is_told_without_intervals(table: Any) -> None:
    """And few orders are called rough."""
    one, few = (text_of(render_replay(replay("models/fake", table, orders=n))) for n in (1, 3))

    assert one.startswith("Over 1 order of 150 tasks")
    assert "no intervals, which take more than one order" in " ".join(one.split())
    assert "[..] 95 % intervals over orders, rough with so few as 3" in " ".join(few.split())


def test_a_log_shows_what_is_not_claimed(
    write_table: Any, use_artifact: Any, full_rows: list[Invocation]
) -> None:
    """All rows on the dear tier: nothing is known of the others."""
    from msgspec.structs import replace

    use_artifact()
    rows = [replace(row, p_log=0.5) for row in full_rows[2::3]]
    text = text_of(render(evaluate("models/fake", write_table(rows), n_boot=50)))

    assert text.count("not claimed") >= 4
    assert "always high" in text
    assert "Note: too few rows were logged on low, mid to claim a value." in text


def test_a_replay_shows_strategies_and_comparisons(table: Any) -> None:
    """Regret at each checkpoint, and the ratio to both baselines."""
    text = text_of(render_replay(replay("models/fake", table, orders=3)))

    assert text.startswith("Over 3 orders of 150 tasks, residual scored ")
    for name in ("at 50", "at 150", "better in", "p (sign)", "seed-warm"):
        assert name in text
    assert np.char.count(text, "of 3 ") >= 2
