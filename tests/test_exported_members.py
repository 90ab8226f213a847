"""The public names: sorted, complete, light to import, and the verbs always the verbs."""

import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import tracetier
from tracetier import api


def _run(code: str, root: Path) -> str:
    """Run code in a fresh interpreter that sees only the source root."""
    start = f"import sys; sys.path.insert(0, {str(root / 'pipeline')!r})\n"
    done = subprocess.run(
        [sys.executable, "-c", start + code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_all_is_sorted_and_equals_the_public_namespace() -> None:
    """What is bound here from our own modules, and the names that are looked up late."""
    bound = {
        name
        for name, value in vars(tracetier).items()
        if not name.startswith("_")
        and not isinstance(value, ModuleType)
        and getattr(value, "__module__", "").startswith("tracetier")
    }

    assert tracetier.__all__ == sorted(bound | set(tracetier._LAZY))
    assert dir(tracetier) == tracetier.__all__


@pytest.mark.parametrize("name", tracetier.__all__)
def test_every_public_name_can_be_imported_and_tells_what_it_is(name: str) -> None:
    """None is a promise without a thing behind it."""
    assert getattr(tracetier, name).__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As for any module, so that ``hasattr`` works."""
    assert not hasattr(tracetier, "Ruoter")


def test_the_version_is_that_of_the_project(root: Path) -> None:
    """Stated twice, since a checkout has no installed metadata."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]

    assert tracetier.__version__ == project["version"]


def test_importing_the_package_loads_nothing_heavy(root: Path) -> None:
    """The command line answers ``--help`` at once."""
    code = "import tracetier; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = set(_run(code, root).split())

    assert "tracetier" in loaded
    heavy = {"numpy", "pandas", "pyarrow", "sklearn", "lightgbm", "typer", "rich", "httpx"}
    assert not loaded & (heavy | {"msgspec", "tomllib", "pathlib", "datetime", "inspect"})


STAGES = {
    "ingest": "tracetier.ingest.run",
    "train": "tracetier.train.run",
    "evaluate": "tracetier.evaluate.run",
    "replay": "tracetier.evaluate.replay",
}


@pytest.mark.parametrize("verb", STAGES)
@pytest.mark.parametrize("first", ["package", "stage"])
def test_a_verb_is_the_verb_whatever_was_imported_before(root: Path, verb: str, first: str) -> None:
    """``tracetier.ingest`` is also a package, which would take the name when it is loaded."""
    stage = f"from {STAGES[verb]} import {verb} as inner\n"
    package = "import tracetier as tt\n"
    check = (
        "from tracetier import api\n"
        f"assert tt.{verb} is api.{verb} and tt.{verb} is not inner\n"
        f"import {STAGES[verb]}\n"
        f"assert tt.{verb} is api.{verb}\n"
    )

    _run(package + stage + check if first == "package" else stage + package + check, root)


@pytest.mark.parametrize("verb", STAGES)
def test_in_this_process_too_the_verbs_hold_their_names(verb: str) -> None:
    """Whatever the test runner has collected before."""
    assert getattr(tracetier, verb) is getattr(api, verb)
