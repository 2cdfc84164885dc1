"""The command line: `trimtab run | plan | explain`."""

from trimtab.cli.main import main

__all__ = ["main"]
