"""What lies ready for operators names flags, variables and metrics that there are."""

import json
import re
from itertools import count
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tracetier.cli.app import EXAMPLES, app
from tracetier.settings import SETTINGS

pytest.importorskip("fastapi", reason='needs pip install "tracetier[serve]"')

from tracetier.route.router import Router
from tracetier.serve.auth import TOKENS_ENV, Access
from tracetier.serve.metrics import Metrics
from tracetier.serve.service import Service
from tracetier.serve.standing import Standing

DEPLOY = Path(__file__).parents[2] / "deploy"
DOCS = Path(__file__).parents[2] / "docs"
COMMANDS = ("deploy/Dockerfile", "deploy/compose.yaml", "deploy/tracetier.service")
PAGES = ("docs/serve.md", "docs/runbook.md")

# What others are told by these files: their flags are not ours.
OF_OTHERS = {
    *("--appendonly", "--appendfsync", "--build", "--now", "--no-cache-dir", "--system", "--uid"),
    *("--no-install-recommends", "--create-home", "--home-dir", "--from", "--interval"),
    *("--timeout", "--start-period", "--version", "--minutes"),
}


@pytest.fixture
def flags(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every flag of every command, by its help."""
    monkeypatch.setenv("COLUMNS", "200")
    names = [command.__name__ for command, _ in EXAMPLES]
    helps = [
        CliRunner().invoke(app, [*command, "--help"]) for command in ([], *([n] for n in names))
    ]
    assert {each.exit_code for each in helps} == {0}
    return set(re.findall(r"--[a-z][a-z-]+", "".join(each.output for each in helps)))


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    """The metrics of a service that has done nothing yet."""
    service = Service(Router.load(root / "tests" / "golden" / "artifact_v1" / "artifact"))
    return Metrics(Standing(service)).page().decode()


def _metrics(text: str) -> set[str]:
    names = set(re.findall(r"\btracetier_[a-z_]+", text))
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}


def test_every_metric_of_the_dashboard_is_exported(page: str) -> None:
    """Histograms by their family; and the other way about, none is left out."""
    dashboard = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    asked = _metrics("\n".join(t["expr"] for p in dashboard["panels"] for t in p["targets"]))
    exported = set(re.findall(r"# TYPE (tracetier_[a-z_]+)", page))

    assert len(asked) > 10
    assert asked <= exported
    assert asked == exported


@pytest.mark.parametrize("name", [*COMMANDS, *PAGES])
def test_every_flag_is_one_that_the_command_has(name: str, flags: set[str], root: Path) -> None:
    """Of the service's own; flags of others are listed above."""
    used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", (root / name).read_text()))

    assert used - OF_OTHERS <= flags
    assert "--state" in used


@pytest.mark.parametrize("name", [*COMMANDS, *PAGES])
def test_every_variable_is_one_that_is_read(name: str, root: Path) -> None:
    """So that a typo in a guide does not leave a service open."""
    known = {TOKENS_ENV, "TRACETIER_REDIS_PASSWORD", *(spec.env for spec in SETTINGS)}

    assert set(re.findall(r"TRACETIER_[A-Z_]+", (root / name).read_text())) <= known


@pytest.mark.parametrize("name", PAGES)
def test_every_metric_of_a_guide_is_exported(name: str, page: str, root: Path) -> None:
    """An alert on a metric that there is not never rings."""
    exported = set(re.findall(r"# TYPE (tracetier_[a-z_]+)", page))

    assert _metrics((root / name).read_text()) <= exported


@pytest.mark.parametrize("name", [*COMMANDS, *PAGES])
def test_tokens_that_are_shown_are_of_the_form_that_is_read(name: str, root: Path) -> None:
    """Each example, with its command replaced by what it would print."""
    numbers = count(10)
    text = re.sub(
        r"\$\(openssl rand -hex 24\)|(?<=:)%s",
        lambda _: str(next(numbers)) * 24,
        (root / name).read_text(),
    )
    for entry in re.findall(r"[\"'](\w+:[a-z,]+:\d{48}[^\"']*)[\"']", text):
        assert not Access.from_text(entry.replace("\\n", "\n"), where=name).is_open
