"""The wheel: what is in it, and that it works where nothing of the checkout is."""

import os
import subprocess
import sys
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

pytestmark = pytest.mark.slow


def _run(*command: str | Path, cwd: Path) -> str:
    """Run a command as a user would, away from this checkout's settings."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheel built from the source distribution, so that both are proven."""
    out = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "build", "--outdir", out, root, cwd=out)
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_the_package_and_nothing_else(root: Path, wheel: Path) -> None:
    """Every module, page and type marker, and the licence; no tests, no data, no root."""
    names = set(ZipFile(wheel).namelist())
    source = root / "pipeline"
    files = [path.relative_to(source) for path in (source / "tracetier").rglob("*.*")]
    package = {  # caches of tools aside
        path.as_posix()
        for path in files
        if (source / path).is_file() and not any(p.startswith((".", "__py")) for p in path.parts)
    }
    extra = {name for name in names if not name.startswith("tracetier/")}

    assert names - extra == package
    assert {name.partition("/")[0].rpartition(".")[2] for name in extra} == {"dist-info"}
    assert any(name.endswith("licenses/LICENSE") for name in extra)


def test_the_wheel_installs_and_answers_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    """In a fresh environment, with the dependencies that it declares and no other."""
    venv.create(tmp_path / "env", with_pip=True)
    python, elsewhere = tmp_path / "env" / "bin" / "python", tmp_path / "elsewhere"
    elsewhere.mkdir()
    _run(python, "-m", "pip", "install", "--quiet", wheel, cwd=elsewhere)

    usage = _run(python.with_name("tracetier"), "--help", cwd=elsewhere)
    where = _run(python, "-c", "import tracetier; print(tracetier.__file__)", cwd=elsewhere)

    assert "tracetier" in usage
    assert "ingest" in usage
    assert where.startswith(str(tmp_path))
    assert list(elsewhere.iterdir()) == []
