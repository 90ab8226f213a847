"""Figures at any width: an interval stays whole, a name may be folded."""

import pytest
from rich.console import Console

from tracetier.evaluate.figure_table import FigureTable


def drawn(width: int) -> list[str]:
    """Lines of a table of two rows in two sections."""
    table = FigureTable("Policies", ("policy", "kept %", "cost %"))
    table.add_row("always mistral-large", "100.0 [100.0, 100.0]", "3.4 [3.3, 3.5]")
    table.add_section()
    table.add_row("[router]", "99.0 [98.6, 99.4]", "4.0 [3.8, 4.2]")
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(table)
    return [line.strip() for line in capture.get().splitlines() if line.strip()]


def test_a_wide_terminal_has_a_line_a_row() -> None:
    """Brackets in a name are no markup."""
    assert [line.split() for line in drawn(100)][3:] == [
        ["always", "mistral-large", "100.0", "[100.0,", "100.0]", "3.4", "[3.3,", "3.5]"],
        ["[router]", "99.0", "[98.6,", "99.4]", "4.0", "[3.8,", "4.2]"],
    ]


@pytest.mark.parametrize("width", [40, 50, 60])
def test_a_narrow_one_has_intervals_below(width: int) -> None:
    """Whole at every width, also where the name must be folded."""
    text = "\n".join(drawn(width))

    for figure in ("100.0", "[100.0, 100.0]", "[3.3, 3.5]", "[98.6, 99.4]", "[3.8, 4.2]"):
        assert figure in text
    assert "…" not in text
