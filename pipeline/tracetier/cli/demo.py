"""``tracetier demo``: every stage of the loop, one after the other, on traces that come along."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracetier.cli.params import JsonFlag
from tracetier.errors import InputError
from tracetier.settings import Settings

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tracetier.artifact import Artifact
    from tracetier.demo.source import DemoSource

_N_ORDERS = 10
_N_REPORTS = 150


def demo(
    folder: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Where data/ and models/ are made.")
    ] = Path(),
    sample: Annotated[
        bool,
        typer.Option(
            "--sample", "--offline", help="Run on the synthetic sample, not on real outcomes."
        ),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Run the whole loop, in about a minute.

    From traces to table, model, proof, routing and learning. Runs on the real outcomes that
    come with the extra tracetier[demo], else on a small synthetic
    sample. Leaves the table, the artifact and the state to go on with.
    """
    _Demo(_source(folder, is_sample=sample), folder, as_json=as_json).run()


def _source(folder: Path, *, is_sample: bool) -> "DemoSource":
    from tracetier.cli.terminal import say
    from tracetier.demo.pareto import real_source
    from tracetier.demo.source import sample_source

    if not is_sample:
        try:
            return real_source()
        except InputError as error:
            say(f"{error}. Going on with the synthetic sample.", label="note: ", style="yellow")
    return sample_source(folder / "data" / "sample")


class _Demo:
    """The stages of one demo; what each found is shown, or gathered for JSON."""

    def __init__(self, source: "DemoSource", folder: Path, *, as_json: bool) -> None:
        name = "synthetic-table" if source.is_synthetic else "table"
        self.source = source
        self.table = folder / "data" / "demo" / name
        self.artifact = folder / "models" / "demo"
        self.state = folder / "data" / "demo" / "bandit-state.json"
        self._found: dict[str, Any] = {"title": source.title, "is_synthetic": source.is_synthetic}
        self._as_json = as_json
        # A demo is the same everywhere: neither tracetier.toml nor the environment counts.
        self._settings = Settings(tiers=source.tiers.tiers)
        self._n_stages = 0
        self._start_s = time.monotonic()

    def run(self) -> None:
        """Run all stages."""
        from tracetier.cli.demo_view import ending, next_commands, opening
        from tracetier.cli.terminal import show_json, show_line

        self._show(opening(self.source))
        self._ingest()
        self._inspect()
        artifact = self._train()
        self._evaluate()
        decision_id = self._route(artifact)
        self._report(artifact)
        self._replay()
        took_s = time.monotonic() - self._start_s
        paths = {"table": self.table, "artifact": self.artifact, "state": self.state}
        self._found |= {name: str(path) for name, path in paths.items()} | {"took_s": took_s}
        if self._as_json:
            show_json(self._found)
            return
        self._show(ending(self.source, paths, took_s=took_s))
        for command in next_commands(paths, decision_id):
            show_line(f"  {command}", style="bold")

    def _ingest(self) -> None:
        from tracetier.api import ingest
        from tracetier.cli.demo_view import short_paths
        from tracetier.cli.ingest_view import render

        with self._stage("Ingest", "traces → feature table"):
            summary = ingest(
                self.source.files, self.table, tiers=self.source.tiers, settings=self._settings
            )
            self._keep("ingest", summary.to_dict())
            self._show(render(short_paths(summary, self.table)))

    def _inspect(self) -> None:
        from tracetier.cli.contents import render_known
        from tracetier.cli.table_view import render_headline, table_facts

        with self._stage("Inspect", "what the table knows"):
            facts = table_facts(self.table)
            self._keep("inspect", facts)
            self._show(render_headline(facts))
            self._show(render_known(facts.contents))

    def _train(self) -> "Artifact":
        from tracetier.api import train
        from tracetier.cli.artifact_view import artifact_facts, render_artifact
        from tracetier.cli.terminal import progress

        with self._stage("Train", "feature table → quality and cost of each tier → artifact"):
            with progress() as tell:
                artifact = train(
                    self.table,
                    self.artifact,
                    lam=self.source.lam,
                    settings=self._settings,
                    progress=tell,
                )
            self._keep("train", artifact_facts(artifact))
            self._show(render_artifact(artifact))
        return artifact

    def _evaluate(self) -> None:
        from tracetier.api import evaluate
        from tracetier.cli.demo_view import render_savings
        from tracetier.cli.terminal import progress

        with self._stage("Evaluate", "what the router would have saved, and at which loss"):
            with progress() as tell:
                found = evaluate(self.artifact, self.table, progress=tell)
            self._keep("evaluate", found.summary())
            self._show(render_savings(found, self.source))

    def _route(self, artifact: "Artifact") -> str:
        from tracetier.cli.demo_live import route_live, tiers_by_lam
        from tracetier.cli.demo_view import render_dial, render_live

        live = self.source.live
        with self._stage("Route", "new tasks, with reasons"):
            decisions = route_live(self.artifact, live, self.state)
            dial = tiers_by_lam(artifact, live[1])
            self._keep("route", {"decisions": decisions, "second_task_by_lam": dial})
            self._show(render_live(live, decisions))
            self._show(render_dial(dial))
        return decisions[0].decision_id

    def _report(self, artifact: "Artifact") -> None:
        from tracetier.cli.demo_live import learned_facts, report_outcomes
        from tracetier.cli.demo_view import render_learned

        with self._stage("Feedback", "outcomes come back, Q moves"):
            learned = report_outcomes(
                artifact, self.table, self.state, like=self.source.live[0], n_most=_N_REPORTS
            )
            self._keep("feedback", learned_facts(learned))
            self._show(render_learned(learned))

    def _replay(self) -> None:
        from tracetier.api import replay
        from tracetier.cli.terminal import progress
        from tracetier.evaluate.render_replay import render_replay

        with self._stage("Replay", "the whole table as if live: our rule beside the published one"):
            with progress() as tell:
                found = replay(self.artifact, self.table, orders=_N_ORDERS, progress=tell)
            self._keep("replay", found.summary())
            self._show(render_replay(found))

    @contextmanager
    def _stage(self, name: str, told: str) -> Iterator[None]:
        from tracetier.cli.demo_view import heading, took

        self._n_stages += 1
        self._show(heading(self._n_stages, name, told))
        start_s = time.monotonic()
        yield
        self._show(took(time.monotonic() - start_s))

    def _keep(self, name: str, found: object) -> None:
        self._found[name] = found

    def _show(self, part: "RenderableType") -> None:
        from tracetier.cli.terminal import show

        if not self._as_json:
            show(part)
