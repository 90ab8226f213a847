"""The command line: one file a command, each a thin edge around a verb of the package."""

from tracetier.cli.app import app, main

__all__ = ["app", "main"]
