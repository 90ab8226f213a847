"""How commands speak: the result goes to stdout, everything else to stderr.

So ``tracetier ... --json > file`` holds one JSON document whatever happens beside it. Text is
never read as markup: names from logs may hold brackets.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec
from rich.console import Console, RenderableType
from rich.text import Text

Tell = Callable[[str, float], None]
"""Called with what is being done and the share that is done, 0 to 1."""

_PIPED_WIDTH = 100


def show(*parts: RenderableType) -> None:
    """Print the result for people."""
    console = _console(is_stderr=False)
    for part in parts:
        console.print(part)


def show_line(line: str, *, style: str = "") -> None:
    """Print one line of the result as it is, however long: it may be copied."""
    _console(is_stderr=False).print(Text(line, style), soft_wrap=True)


def show_json(content: object) -> None:
    """Print the result for machines: one JSON document and nothing else."""
    text = msgspec.json.format(msgspec.json.encode(content, enc_hook=_as_list), indent=2)
    sys.stdout.write(text.decode() + "\n")


def _as_list(value: object) -> list[object]:
    """Reasons of a decision that nobody looked at so far; anything else is a mistake."""
    if isinstance(value, Sequence):
        return list(value)
    # As msgspec asks of such a function.
    raise NotImplementedError(f"{type(value).__name__} has no form in JSON")


def say(message: str, *, label: str = "", style: str = "") -> None:
    """Tell something beside the result, on one line however long: it may be searched for."""
    console = _console(is_stderr=True)
    console.print(Text.assemble((label, style), message), soft_wrap=True)


@contextmanager
def progress() -> Iterator[Tell]:
    """Show a bar while the block runs, where someone sits at the terminal.

    Yields
    ------
    callable
        To be told what is being done, and the share that is done.
    """
    console = _console(is_stderr=True)
    if not console.is_terminal:
        yield lambda what, share: None
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=1.0)
        yield lambda what, share: bar.update(task, description=what, completed=share)


def _console(*, is_stderr: bool) -> Console:
    """Return a console on the stream as it is now; a test or a pipe may have replaced it."""
    file = sys.stderr if is_stderr else sys.stdout
    width = None if file.isatty() or "COLUMNS" in os.environ else _PIPED_WIDTH
    return Console(file=file, width=width, markup=False, emoji=False, highlight=False)
