"""`trimtab compress`: from files to variants, a table or one JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from trimtab.cli.output import as_document
from trimtab.compress import report as reports
from trimtab.compress.crew import CrewLost, assembled
from trimtab.compress.errors import CompressError
from trimtab.compress.helper import help_out
from trimtab.compress.message import write_failure, write_report
from trimtab.compress.recipes import Recipes, as_recipes, read_recipes
from trimtab.compress.report import Report
from trimtab.compress.run import compress
from trimtab.compress.table import as_text
from trimtab.compress.writable import is_full, what_is_full

HOPELESS = 3
"""Exit code where another try would end alike: the Job is not tried again."""


class _Hopeless(click.ClickException):
    exit_code = HOPELESS


def compress_command(
    model: Path,
    out: Path,
    recipes: Path | None,
    output: str,
    *,
    work: Path | None = None,
    recipes_json: str | None = None,
    message: Path | None = None,
) -> None:
    """Compresses once and prints the report; click's exceptions say what is wrong.

    `recipes_json` stands for the file, and `message` is the file of a pod's termination message.
    Under torchrun only the first worker prints.
    """
    try:
        chosen = read_recipes(recipes) if recipes_json is None else _inline(recipes_json)
        report = _compressed(model, out, chosen, work)
        if report is None:
            return
        if message is not None:
            write_report(message, report)
    except Exception as error:
        said = what_is_full(error) if is_full(error) else str(error) or type(error).__name__
        if message is not None:
            write_failure(message, said)
        if not isinstance(error, CompressError | OSError):
            raise
        passing = message is None or isinstance(error, CrewLost | OSError)
        raise (click.ClickException if passing else _Hopeless)(said) from error
    if output == "table":
        click.echo(as_text(report))
    else:
        click.echo(as_document(reports.as_json(report), output))


def _compressed(model: Path, out: Path, recipes: Recipes, work: Path | None) -> Report | None:
    """The report; None on a worker that does not lead."""
    with assembled() as crew:
        if crew.leads:
            return compress(model, out, recipes, _bar, work, crew)
        help_out(model, recipes, crew)
        return None


def _inline(text: str) -> Recipes:
    try:
        return as_recipes(json.loads(text), "the recipes")
    except json.JSONDecodeError as error:
        raise CompressError(f"the recipes are no JSON: {error}") from None


@contextmanager
def _bar(words: str, steps: int) -> Iterator[Callable[[int], None]]:
    with click.progressbar(length=steps, label=words, file=sys.stderr) as bar:
        yield bar.update
