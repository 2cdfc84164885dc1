"""The commands and their options; what they do is in the layers below."""

from __future__ import annotations

from pathlib import Path

import click

from trimtab import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="trimtab")
def main() -> None:
    """Keeps Triton model servers inside their latency promise and their budget."""


@main.command()
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=Path("/etc/trimtab/config.yaml"),
    show_default=True,
    help="The install's settings; the Helm chart writes them.",
)
@click.option("--port", default=8080, show_default=True, help="Health and metrics.")
def run(config: Path, port: int) -> None:
    """Runs the operator; the Helm chart calls this."""
    from trimtab.control.run import run as run_operator
    from trimtab.control.settings import SettingsError

    try:
        run_operator(config, port)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
