"""`trimtab doctor`: what is wrong with an install, and what to do."""

from __future__ import annotations

import asyncio
import json
import shutil

import click
import yaml

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
    if output == "json":
        click.echo(json.dumps(as_data(facts, findings), indent=2, ensure_ascii=False))
    elif output == "yaml":
        data = as_data(facts, findings)
        click.echo(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), nl=False)
    else:
        click.echo(as_text(facts, findings, shutil.get_terminal_size((100, 24)).columns))
    if not is_sound(findings):
        raise SystemExit(1)
