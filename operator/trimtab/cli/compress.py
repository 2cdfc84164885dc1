"""`trimtab compress`: from files to variants, a table or one JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from trimtab.compress import report as reports
from trimtab.compress.errors import CompressError
from trimtab.compress.recipes import read_recipes
from trimtab.compress.run import compress
from trimtab.compress.table import as_text


def compress_command(model: Path, out: Path, recipes: Path | None, *, as_json: bool) -> None:
    """Compresses once and prints the report; click's exceptions say what is wrong."""
    try:
        report = compress(model, out, read_recipes(recipes), _bar)
    except (CompressError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(reports.as_json(report)) if as_json else as_text(report))


@contextmanager
def _bar(words: str, steps: int) -> Iterator[Callable[[int], None]]:
    with click.progressbar(length=steps, label=words, file=sys.stderr) as bar:
        yield bar.update
