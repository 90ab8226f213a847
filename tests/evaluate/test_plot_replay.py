"""Plots: asked for without the drawing library, they say what to install."""

import sys

import pytest

from tracetier.errors import SettingsError
from tracetier.evaluate.plot_replay import check_plotting


def test_a_missing_library_is_named_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any work is done."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(SettingsError, match=r'pip install "tracetier\[report\]"'):
        check_plotting()
