"""`trimtab explain`: the decision on one model, read back from its status."""

from __future__ import annotations

import asyncio
import shutil

import click

from trimtab.api.resources import ObjectKey
from trimtab.cli.output import as_document
from trimtab.control.look import LookError, Where, find_model
from trimtab.control.status_read import read_status, usable_status
from trimtab.core.explain_text import text


def explain_command(name: str, namespace: str | None, output: str, where: Where) -> None:
    """Prints it; a click.ClickException, and so exit code 1, where there is nothing to print."""
    key = ObjectKey(namespace or where.namespace(), name)
    try:
        found = asyncio.run(find_model(where, key))
    except LookError as error:
        raise click.ClickException(str(error)) from error
    if found is None:
        raise click.ClickException(
            f"There is no ModelDeployment {key.name!r} in namespace {key.namespace!r}:"
            " name another with -n; kubectl get md -A lists all."
        )
    status = usable_status(found.get("status"))
    told = read_status(str(key), status)
    if told is None:
        raise click.ClickException(f"Nothing was decided on {key} yet: {_why(status)}")
    if output != "table":
        click.echo(as_document(status, output))
        return
    generation = found["metadata"].get("generation")
    if status.get("observedGeneration") != generation:
        click.echo(f"{key} was changed since; this is of before.", err=True)
    click.echo(text(told, shutil.get_terminal_size((100, 24)).columns))


def _why(status: dict[str, object]) -> str:
    """What its conditions say; without any, no operator has looked at it."""
    conditions = status.get("conditions")
    if isinstance(conditions, list):
        told = [c["message"] for c in conditions if c.get("type") in ("Stalled", "Ready")]
        if told:
            return " ".join(dict.fromkeys(told))
    return (
        "is the operator running? kubectl get pods -A -l app.kubernetes.io/name=trimtab shows it."
    )
