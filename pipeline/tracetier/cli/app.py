"""The commands put together, and the one place where an error becomes an exit code.

0 good, 1 the work failed, 2 the user's input is wrong. An error that we raise on purpose is one
line on stderr; anything else is a bug and keeps its traceback.
"""

from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tracetier import __version__
from tracetier.cli.compare import compare
from tracetier.cli.demo import demo
from tracetier.cli.evaluate import evaluate
from tracetier.cli.feedback import feedback
from tracetier.cli.hook import hook
from tracetier.cli.ingest import ingest
from tracetier.cli.inspect import inspect
from tracetier.cli.ledger import ledger
from tracetier.cli.mcp import mcp
from tracetier.cli.policy import policy
from tracetier.cli.predict import predict
from tracetier.cli.replay import replay
from tracetier.cli.retrain import retrain
from tracetier.cli.route import route
from tracetier.cli.serve import serve
from tracetier.cli.state import state
from tracetier.cli.train import train
from tracetier.errors import TracetierError

EXAMPLES = (
    (demo, "tracetier demo"),
    (ingest, "tracetier ingest logs/ --out data/table"),
    (inspect, "tracetier inspect logs/monday.jsonl"),
    (train, "tracetier train data/table --out models/prod"),
    (evaluate, "tracetier evaluate models/prod data/table"),
    (compare, "tracetier compare models/prod models/new data/table"),
    (replay, "tracetier replay models/prod data/table --orders 20"),
    (predict, "tracetier predict models/prod data/table --out predictions.parquet"),
    (route, 'tracetier route models/prod --text "Rename foo to bar" --state bandit.json'),
    (feedback, "tracetier feedback bandit.json 91f0c2a87d3e4b65 --quality 8.5"),
    (serve, "tracetier serve models/prod --state sqlite://state/bandit.db"),
    (mcp, "tracetier mcp models/prod --state sqlite://state/bandit.db"),
    (retrain, "tracetier retrain models/prod --log log --out models --serve http://127.0.0.1:8080"),
    (policy, "tracetier policy --task-type security_review --tool bash"),
    (ledger, "tracetier ledger bandit.json --session 4f1c"),
)
"""Every command in the order of the help, with the example that its own help shows."""


class _ErrorEdge(TyperGroup):
    """Turns our errors into one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:  # Any: typer does not export the type of its contexts' core
        try:
            return super().invoke(ctx)
        except TracetierError as error:
            from tracetier.cli.terminal import say

            say(str(error), label="tracetier: error: ", style="bold red")
            raise typer.Exit(error.exit_code) from error


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"tracetier {__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=_ErrorEdge,
    invoke_without_command=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def start(
    ctx: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Learn from agent traces which model tier each task needs, prove the saving, route live."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def _help_of(command: Callable[..., None]) -> str:
    """Return the docstring, each paragraph on one line: the terminal's width is not known here."""
    paragraphs = (command.__doc__ or "").split("\n\n")
    text = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    return text.replace("[", "\\[")  # tracetier[demo] is no markup


for _command, _example in EXAMPLES:
    app.command(help=_help_of(_command), epilog=f"[dim]Example:[/dim]\n\n  {_example}")(_command)

app.add_typer(hook, name="hook")
app.add_typer(state, name="state")


def main() -> None:
    """Run the command line."""
    app(prog_name="tracetier")
