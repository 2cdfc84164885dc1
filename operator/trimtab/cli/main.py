"""The commands and their options; what they do is in the layers below."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from trimtab import __version__

_Command = TypeVar("_Command", bound=Callable[..., Any])
# What `trimtab[compress]` brings.
_COMPRESS = {"matplotlib", "numpy", "onnx", "onnxruntime", "onnxscript", "torch", "torch_pruning"}
_CONFIG = Path("/etc/trimtab/config.yaml")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _cluster_options(command: _Command) -> _Command:
    """Which cluster a command reads: what kubectl would take, unless told otherwise."""
    command = click.option("--context", help="Context of the kubeconfig.")(command)
    return click.option("--kubeconfig", type=click.Path(dir_okay=False), help="Cluster to read.")(
        command
    )


def _output(*more: str) -> Callable[[_Command], _Command]:
    """For people by default, and the same for programs."""
    kinds = click.Choice(["table", "json", "yaml", *more])
    return click.option("--output", "-o", type=kinds, default="table", show_default=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="trimtab")
def main() -> None:
    """Keeps Triton model servers inside their latency promise and their budget."""


@main.command()
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=_CONFIG,
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


@main.command()
@click.option("-f", "--filename", "manifests", multiple=True, type=_FILE, help="YAML of the fleet.")
@click.option("--rate", "rates", multiple=True, metavar="NAME=REQ_PER_S", help="Load of a model.")
@click.option("--snapshot", type=_FILE, help="What was measured; see --dump.")
@click.option("--cluster", is_flag=True, help="What runs and is measured in a cluster now.")
@click.option("--prometheus", metavar="URL", help="Where that cluster's readings are.")
@click.option("-n", "--namespace", "namespaces", multiple=True, help="Only of these; all if none.")
@click.option(
    "--dump",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what the cluster shows as a snapshot file.",
)
@_cluster_options
@_output()
def plan(kubeconfig: str | None, context: str | None, **options: Any) -> None:
    """Shows one decision and applies nothing.

    On manifests (-f) with a load by hand (--rate) or from a file (--snapshot), or on what a cluster
    runs (--cluster); with --cluster, manifests and rates say what if.
    """
    from trimtab.cli.plan import plan_command
    from trimtab.control.look import Where

    plan_command(where=Where(kubeconfig, context), **options)


@main.command()
@click.argument("name")
@click.option("-n", "--namespace", help="Its namespace; the context's where none is given.")
@_cluster_options
@_output()
def explain(
    name: str, namespace: str | None, output: str, kubeconfig: str | None, context: str | None
) -> None:
    """Says in words what was last decided on a ModelDeployment, and why.

    Exits with 1 where there is no such ModelDeployment, or nothing was decided on it yet.
    """
    from trimtab.cli.explain import explain_command
    from trimtab.control.look import Where

    explain_command(name, namespace, output, Where(kubeconfig, context))


@main.command()
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help=f"The install's settings; {_CONFIG} where there is one.",
)
@click.option("--prometheus", metavar="URL", help="Instead of the one that the settings name.")
@click.option("-n", "--namespace", "namespaces", multiple=True, help="Only of these; all if none.")
@_cluster_options
@_output()
def doctor(
    config: Path | None,
    prometheus: str | None,
    namespaces: tuple[str, ...],
    kubeconfig: str | None,
    context: str | None,
    output: str,
) -> None:
    """Says what is wrong with an install, and what to do about it.

    Best in the operator's pod, with its settings, network and rights: kubectl exec -n
    trimtab-system deploy/trimtab -- trimtab doctor. Exits with 1 where something is wrong.
    """
    from trimtab.cli.doctor import doctor_command
    from trimtab.control.doctor.gather_facts import Asked
    from trimtab.control.look import Where

    if config is None and _CONFIG.exists():
        config = _CONFIG
    asked = Asked(config, prometheus, Where(kubeconfig, context), namespaces)
    doctor_command(asked, output)


@main.command()
@click.option("-f", "--filename", "manifests", multiple=True, type=_FILE, help="YAML of the fleet.")
@click.option(
    "--trace",
    "traces",
    multiple=True,
    metavar="NAME=FILE",
    help="Load of a model: CSV, or gzipped.",
)
@click.option("--policy", default="trimtab", show_default=True, help="The rule that scales.")
@click.option("--truth", type=_FILE, help="True service times that differ from the manifests'.")
@click.option("--start-up", default="60s", show_default=True, help="From creation to Ready.")
@click.option("--drain", default="5s", show_default=True, help="The least from removal to the end.")
@click.option("--tick", default="5s", show_default=True, help="How often the rule is asked.")
@click.option("--scrape", default="5s", show_default=True, help="How often pods are sampled.")
@click.option("--from-prometheus", metavar="URL", help="Play the load that a cluster recorded.")
@click.option("--since", default="7d", show_default=True, help="How far back that load begins.")
@click.option("--step", default="60s", show_default=True, help="Its grain; two scrapes at least.")
@click.option("--duration", help="End of the run; that of the longest trace if not given.")
@click.option("--scale-trace", "scale", default=1.0, show_default=True, help="Factor on the load.")
@click.option("--blind", multiple=True, metavar="FROM:TO", help="Prometheus is down meanwhile.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0))
@_output("html")
def simulate(**options: Any) -> None:
    """Plays every request of recorded load through a fleet under a scaling rule.

    The report goes to standard output, progress to standard error.
    """
    try:
        from trimtab.cli.simulate import simulate_command
    except ModuleNotFoundError as error:
        if error.name != "numba":
            raise
        raise click.ClickException(
            "Simulations need numba: pip install 'trimtab[simulate]'."
        ) from None

    simulate_command(**options)


@main.command()
# Whether it is there is told by the run, whose words reach a Job's status.
@click.argument("model", metavar="MODEL.py", type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for what is made; a later run goes on from there.",
)
@click.option("--recipes", type=_FILE, help="YAML of what to make; a default set if not given.")
@_output()
# What the Job of spec.compression gives beside.
@click.option("--work", type=click.Path(file_okay=False, path_type=Path), hidden=True)
@click.option("--recipes-json", hidden=True)
@click.option("--message", type=click.Path(dir_okay=False, path_type=Path), hidden=True)
def compress(model: Path, out: Path, recipes: Path | None, output: str, **in_job: Any) -> None:
    """Makes compressed variants of a torch model and publishes those that are worth it.

    MODEL.py gives the module, its data and how it is judged. The report goes to standard output,
    progress to standard error. Under torchrun the workers train together.
    """
    try:
        from trimtab.cli.compress import compress_command
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _COMPRESS:
            raise
        raise click.ClickException(
            f"Compression needs {error.name}: pip install 'trimtab[compress]'"
        ) from None

    compress_command(model, out, recipes, output, **in_job)


@main.command()
@click.option("--url", metavar="http://HOST:8000", help="A Triton that runs; its HTTP port.")
@click.option(
    "--repository",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Start a Triton on this model repository instead.",
)
@click.option("--triton", type=click.Path(path_type=Path), help="tritonserver; the PATH's if none.")
@click.option("--triton-arg", "triton_args", multiple=True, help="More of its arguments.")
@click.option("--model", help="Triton's name of it; may be left out of a repository of one.")
@click.option("--version", "model_version", help="Of the model; the highest if not given.")
@click.option("--metrics-url", metavar="URL", help="http://HOST:8002/metrics: what is busy, too.")
@click.option("--batches", metavar="1,2,4", help="Sizes; 1, 2, 4, … to the largest if not given.")
@click.option(
    "--seconds",
    default=5.0,
    show_default=True,
    type=click.FloatRange(min=0.5),
    help="Of load for each batch size, and for each share of the most.",
)
@click.option("--shape", "shapes", multiple=True, metavar="NAME:d1,d2", help="Of an input's item.")
@click.option("--data", type=_FILE, help="Inputs: a request's body as JSON.")
@click.option("--accelerator-class", help="For the block; gpu or cpu if not given.")
@click.option("--force", is_flag=True, help="Also where the server serves other traffic.")
@_output()
def profile(**options: Any) -> None:
    """Measures a model in Triton: time by batch size, and latency under load.

    Prints the profile of a variant, ready to paste. The server must serve nothing else meanwhile.
    Progress goes to standard error.
    """
    from trimtab.cli.profile import Options, profile_command

    profile_command(Options(**options))
