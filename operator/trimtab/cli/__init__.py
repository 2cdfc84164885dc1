"""The command line."""

from trimtab.cli.main import main

__all__ = ["main"]
