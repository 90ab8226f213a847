"""Arrows point down: who may import whom, and what a serving process loads."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

GOLDEN = sorted(Path(__file__).parent.glob("golden/artifact_v*/artifact"))

GROUND = {"errors", "records", "tiers", "settings", "prices", "steady_clock", "table"}
CORE = GROUND | {"features", "heads"}

OURS: dict[str, set[str]] = {
    "errors": set(),
    "records": {"errors"},
    "tiers": {"errors"},
    "settings": {"errors", "tiers"},
    "prices": {"errors", "tiers"},
    "steady_clock": set(),
    "table": {"errors", "records", "tiers"},
    "measures": {"errors", "records"},
    "features": GROUND,
    "heads": GROUND | {"features"},
    "engine": {"errors"},
    "decision_log": GROUND | {"features"},
    "ingest": GROUND | {"features", "engine", "decision_log"},
    "artifact": CORE,
    "route": CORE | {"artifact"},
    "serve": CORE | {"", "artifact", "decision_log", "ingest", "route"},
    "client": {"errors", "records", "serve"},
    "integrations": CORE | {"ingest"},
    "train": CORE | {"artifact", "engine", "measures"},
    "evaluate": CORE | {"artifact", "measures", "route", "train"},
    "api": GROUND | {"features", "ingest", "train", "artifact", "evaluate"},
    "cli": CORE
    | {
        "",
        "decision_log",
        "ingest",
        "artifact",
        "route",
        "train",
        "measures",
        "evaluate",
        "api",
        "serve",
        "client",
        "retrain",
    },
    "retrain": CORE | {"ingest", "artifact", "train", "evaluate", "api"},
    "": CORE | {"ingest", "artifact", "route", "train", "evaluate", "api", "client"},
    "__main__": {"cli"},
}
"""Part -> the parts it may import, itself aside; "" is the package's own page."""

THEIRS: dict[str, set[str]] = {
    "records": {"msgspec"},
    "tiers": {"msgspec"},
    "settings": {"msgspec"},
    "prices": {"genai_prices"},
    "table": {"msgspec", "numpy", "pyarrow"},
    "measures": {"msgspec", "numpy"},
    "features": {"msgspec", "numpy", "wordllama"},
    "heads": {"msgspec", "numba", "numpy"},
    "decision_log": {"msgspec"},
    "engine": {"dask", "distributed", "joblib"},
    "ingest": {"msgspec", "numpy", "pyarrow"},
    "artifact": {"msgspec", "numpy", "pyarrow"},
    "route": {"msgspec", "numpy", "redis"},
    "serve": {
        *("anyio", "fastapi", "httpcore", "httptools", "httpx", "mcp", "mcp_types", "msgspec"),
        *("prometheus_client", "pydantic", "starlette", "uvicorn"),
    },
    "client": {"httpx", "msgspec"},
    "integrations": {"litellm", "msgspec"},
    "retrain": {"msgspec"},
    "train": {"joblib", "lightgbm", "msgspec", "numpy", "pyarrow", "scipy", "sklearn"},
    "evaluate": {"jinja2", "joblib", "matplotlib", "msgspec", "numpy", "pyarrow", "rich", "scipy"},
    "cli": {"msgspec", "numpy", "pyarrow", "rich", "typer"},
}
"""Part of the package -> the libraries of others that it may import, anywhere in its files."""


def _sources(root: Path) -> Iterator[tuple[str, Path]]:
    package = root / "pipeline" / "tracetier"
    for path in sorted(package.rglob("*.py")):
        yield _part(path.relative_to(package).with_suffix("").parts), path


def _part(names: tuple[str, ...]) -> str:
    """Return the part that a module below the package belongs to."""
    names = names or ("",)
    return names[0] if names[0] in OURS else ""


def _imports(path: Path) -> Iterator[tuple[str, ...]]:
    """Yield the parts of each imported name."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            module = tuple((node.module or "").split("."))
            yield from ((*module, alias.name) for alias in node.names)


def test_each_part_imports_only_what_lies_below_it(root: Path) -> None:
    """Numeric code knows no files, ingest knows no routing, serving knows no training."""
    wrong = [
        f"{path.relative_to(root)} imports {'.'.join(name)}"
        for part, path in _sources(root)
        for name in _imports(path)
        if name[0] == "tracetier" and _part(name[1:]) not in OURS[part] | {part}
    ]

    assert wrong == []


def test_each_part_uses_only_its_libraries(root: Path) -> None:
    """A library is imported where it is needed and nowhere else."""
    known = {*sys.stdlib_module_names, "tracetier"}
    wrong = [
        f"{path.relative_to(root)} imports {name[0]}"
        for part, path in _sources(root)
        for name in _imports(path)
        if name[0] not in known | THEIRS.get(part, set())
    ]

    assert wrong == []


def test_nothing_imports_the_source_root(root: Path) -> None:
    """``pipeline`` is a folder, not a package: it would not exist where this is installed."""
    files = [
        path for top in ("pipeline", "tests", "benchmarks") for path in root.glob(f"{top}/**/*.py")
    ]
    wrong = [path for path in files if any(name[0] == "pipeline" for name in _imports(path))]

    assert len(files) > 10
    assert wrong == []


def test_numba_is_imported_in_one_file(root: Path) -> None:
    """It takes a second to load, so only who asks for acceleration reaches it, lazily."""
    users = [path for _, path in _sources(root) if ("numba",) in {n[:1] for n in _imports(path)}]
    lazy = root / "pipeline" / "tracetier" / "heads" / "compiled"

    assert users == [lazy / "jit.py"]


NOT_WHEN_SERVING = {
    *("dask", "distributed", "genai_prices", "joblib", "lightgbm", "numba", "pandas"),
    *("pyarrow", "rich", "scipy", "sklearn", "typer", "wordllama"),
}


def _loaded_by(code: str, root: Path) -> set[str]:
    """Return the top-level modules loaded after code ran in a fresh interpreter."""
    whole = (
        f"import sys; sys.path.insert(0, {str(root / 'pipeline')!r})\n{code}\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", whole], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module", ["tracetier.route.router", "tracetier.artifact.load", "tracetier.serve.app"]
)
def test_importing_the_serving_code_loads_no_training_library(root: Path, module: str) -> None:
    """In a fresh interpreter, since this one has loaded everything."""
    loaded = _loaded_by(f"import {module}", root)

    assert {"tracetier", "numpy", "msgspec"} <= loaded
    assert not loaded & NOT_WHEN_SERVING


@pytest.mark.parametrize("artifact", GOLDEN, ids=lambda path: path.parent.name)
def test_routing_a_task_loads_no_training_library(root: Path, artifact: Path) -> None:
    """From the artifact on disk to the decision."""
    code = (
        "import tracetier as tt\n"
        f"router = tt.Router.load({str(artifact)!r})\n"
        "router.route(tt.Task(text='Rename foo to bar.', task_type='code_edit'))"
    )

    assert not _loaded_by(code, root) & NOT_WHEN_SERVING
