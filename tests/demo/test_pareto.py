"""The real outcomes: found without running their package, refused unless they are as known."""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tracetier.demo import pareto
from tracetier.errors import InputError


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of that name that must never be imported, with the two files in it."""
    package = tmp_path / "pareto_stand_in"
    folder = package / "data" / "examples"
    folder.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')\n")
    for name in pareto.SHA256:
        (folder / name).write_text("")
    monkeypatch.setattr(pareto, "PACKAGE", package.name)
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_files_of_another_content_are_refused(installed: Path) -> None:
    """The name of the file, both digests, the mend; nothing of the package is run."""
    with pytest.raises(InputError, match=r"val.jsonl' is not the file of .* install .* again"):
        pareto.real_source()


def test_a_missing_file_is_refused(installed: Path) -> None:
    """As in a later version that ships no examples."""
    (installed / "val.jsonl").unlink()

    with pytest.raises(InputError, match=r"val.jsonl' cannot be read"):
        pareto.real_source()


def test_a_missing_package_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to type."""
    monkeypatch.setattr(pareto, "PACKAGE", "no_such_package")

    with pytest.raises(InputError, match=r"pip install 'tracetier\[demo\]'"):
        pareto.real_source()


@pytest.mark.skipif(find_spec(pareto.PACKAGE) is None, reason="needs tracetier[demo]")
def test_the_files_of_the_extra_are_the_known_ones() -> None:
    """3,609 prompts; whose they are is said; their package is not imported."""
    source = pareto.real_source()

    assert sum(len(file.read_bytes().splitlines()) for file in source.files) == 3_609
    assert "Apache-2.0" in " ".join(source.notice)
    assert pareto.PACKAGE not in sys.modules
