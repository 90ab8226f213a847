"""Two paths change places, in one step where the system can."""

import sys
from pathlib import Path

import pytest

from tracetier.artifact import _exchange
from tracetier.artifact._exchange import exchange


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Two directories with a file each."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "who").write_text(name)
    return tmp_path / "a", tmp_path / "b"


def _who(pair: tuple[Path, Path]) -> list[str]:
    return [(path / "who").read_text() for path in pair]


@pytest.mark.parametrize("is_atomic", [True, False])
def test_each_path_leads_to_the_other_content(
    pair: tuple[Path, Path], is_atomic: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing else is left in their folder."""
    if not is_atomic:
        monkeypatch.setattr(_exchange, "_exchange_at_once", lambda *_: False)

    exchange(*pair)

    assert _who(pair) == ["b", "a"]
    assert sorted(path.name for path in pair[0].parent.iterdir()) == ["a", "b"]


@pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="the system has no such call")
def test_one_step_is_enough_here(pair: tuple[Path, Path]) -> None:
    """A reader never finds the path empty."""
    assert _exchange._exchange_at_once(*pair)
    assert _who(pair) == ["b", "a"]


def test_a_failure_in_between_is_undone(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of the renames fails; both paths are as they were."""
    real = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self == pair[0]:
            raise PermissionError("no")
        return real(self, target)

    monkeypatch.setattr(_exchange, "_exchange_at_once", lambda *_: False)
    monkeypatch.setattr(Path, "rename", failing)

    with pytest.raises(PermissionError):
        exchange(*pair)

    assert _who(pair) == ["a", "b"]
