"""`trimtab doctor`: what is wrong with an install, and what to do."""

from __future__ import annotations

import asyncio
import shutil

import click

from trimtab.cli.output import as_document
from trimtab.control.doctor.examine import examine
from trimtab.control.doctor.gather_facts import Asked, gather_facts
from trimtab.control.doctor.memory import TooLittleMemory, within_container
from trimtab.control.doctor.report import as_data, as_text, is_sound


def doctor_command(asked: Asked, output: str) -> None:
    """Prints the findings; exit code 1 where something is wrong."""
    try:
        with within_container():
            facts = asyncio.run(gather_facts(asked))
            findings = examine(facts)
    except TooLittleMemory as error:
        raise click.ClickException(str(error)) from error
    if output == "table":
        click.echo(as_text(facts, findings, shutil.get_terminal_size((100, 24)).columns))
    else:
        click.echo(as_document(as_data(facts, findings), output))
    if not is_sound(findings):
        raise SystemExit(1)
