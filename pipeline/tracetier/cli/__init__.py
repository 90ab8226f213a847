"""The command line: one file a command, each a thin edge around a verb of the package.

An agent waits for its hook, so that one command is answered here, before the others are loaded.
"""

import os
import sys

__all__ = ["main"]

_HOOK = ["hook", "claude-code"]
_FOR_PEOPLE = ("--install", "--uninstall", "--check", "--help", "-h")


def main() -> None:
    """Run the command line."""
    is_asked = any(each in _FOR_PEOPLE for each in sys.argv) or os.isatty(0)
    if sys.argv[1:3] == _HOOK and not is_asked:
        from tracetier.serve.hooks.client import main as answer

        answer(sys.argv[3:])
    else:
        from tracetier.cli.app import main as run

        run()
