"""Every command with its help, as a terminal shows it."""

from __future__ import annotations

from collections.abc import Iterator

import click

from trimtab.cli import main

_WIDTH = 100


def cli_reference() -> str:
    """The part of the page that follows from the commands."""
    return "\n".join(_sections())


def _sections() -> Iterator[str]:
    parent = _context(main, "trimtab")
    yield f"## trimtab\n\n{_block(main, parent)}"
    for name, command in sorted(main.commands.items()):
        yield f"## trimtab {name}\n\n{_block(command, _context(command, name, parent))}"


def _context(
    command: click.Command, name: str, parent: click.Context | None = None
) -> click.Context:
    # Given outright: else the terminal's own width would be in the page.
    return click.Context(
        command,
        info_name=name,
        parent=parent,
        terminal_width=_WIDTH,
        max_content_width=_WIDTH,
        help_option_names=main.context_settings["help_option_names"],
    )


def _block(command: click.Command, context: click.Context) -> str:
    return f"```\n{command.get_help(context)}\n```\n"
