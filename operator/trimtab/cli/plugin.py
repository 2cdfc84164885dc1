"""The same command line as `kubectl trimtab`, and its completion there."""

from __future__ import annotations

import sys

import click
from click.shell_completion import ShellComplete

from trimtab.cli import main as command

# What kubectl does where a plugin names nothing, as cobra's numbers have it.
_NAME_FILES, _NAME_NOTHING = 0, 4


def main() -> None:
    """`kubectl trimtab …`: help and usage say so too."""
    command(prog_name="kubectl trimtab")


def complete() -> None:
    """What kubectl asks for while one types: it gives the words so far, the last unfinished, and
    takes one proposal a line and a number at the end."""
    *words, unfinished = sys.argv[1:] or [""]
    found = ShellComplete(command, {}, "trimtab", "").get_completions(words, unfinished)
    for item in (i for i in found if i.type == "plain"):
        click.echo(f"{item.value}\t{item.help}" if item.help else item.value)
    wants_file = any(item.type in ("file", "dir") for item in found)
    click.echo(f":{_NAME_FILES if wants_file else _NAME_NOTHING}")
