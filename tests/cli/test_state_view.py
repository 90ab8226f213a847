"""Q tables: against the model, or against an earlier time."""

from io import StringIO

from rich.console import Console, RenderableType

from tracetier.cli.state_view import q_table, render_state, state_facts
from tracetier.route.alarm import Alarm
from tracetier.route.learner import Cell, Snapshot
from tracetier.route.tally import Counts


def _cell(bucket: str, tier: str, q: float, n: int = 0) -> Cell:
    return Cell(bucket, tier, q, prior_q=8.0, n_decisions=n, n_reports=n, n_pending=0)


def _lines(part: RenderableType) -> list[list[str]]:
    console = Console(file=StringIO(), width=120)
    console.print(part)
    assert isinstance(console.file, StringIO)
    return [line.split() for line in console.file.getvalue().splitlines()]


def test_q_is_told_against_the_model_unless_an_earlier_time_is_given() -> None:
    """9 is 1 above the model's 8, and .5 above what it was before."""
    now, before = [_cell("qa", "low", 9.0, 3)], [_cell("qa", "low", 8.5, 2)]

    assert ["qa", "low", "3", "3", "8.000", "9.000", "+1.000"] in _lines(q_table(now))
    assert ["qa", "low", "3", "3", "8.500", "9.000", "+0.500"] in _lines(q_table(now, before))


def test_a_change_that_rounds_to_nothing_has_no_minus() -> None:
    """-0.0001 is shown as +0.000."""
    assert _lines(q_table([_cell("qa", "low", 7.9999)]))[3][-1] == "+0.000"


def test_only_buckets_that_saw_a_decision_are_shown_the_busiest_first() -> None:
    """A router may have hundreds of buckets."""
    cells = [_cell("idle", "low", 8.0), _cell("qa", "low", 8.0, 1), _cell("code", "low", 8.0, 5)]
    snapshot = Snapshot("residual", "a1", 0.3, Counts(decisions=6, feedback=6), 0, cells)
    shown = [line[0] for line in _lines(render_state("s.json", snapshot)) if line]

    assert "idle" not in shown
    assert shown.index("code") < shown.index("qa")


def test_alarms_are_told_with_their_day() -> None:
    """Above the table, and in the JSON."""
    alarm = Alarm(kind="outcomes", name="mid", value=-2.0, z=-4.5, time_s=1_700_000_000.0)
    snapshot = Snapshot("residual", "a1", 0.3, Counts(), 0, [_cell("qa", "mid", 5.0)], [alarm])

    lines = [" ".join(line) for line in _lines(render_state("s.json", snapshot))]

    assert any(line.startswith("alarm of 2023-11-14 22:13 UTC: mid became worse") for line in lines)
    assert state_facts("s.json", snapshot)["alarms"][0]["name"] == "mid"
