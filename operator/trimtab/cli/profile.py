"""`trimtab profile`: from options to a report, on a server that runs or on one that is started."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
from pydantic import TypeAdapter, ValidationError

from trimtab.api.scalars import ClassName
from trimtab.cli.output import as_document
from trimtab.profile import server
from trimtab.profile.block import as_yaml
from trimtab.profile.errors import ProfileError
from trimtab.profile.report import Report, as_json
from trimtab.profile.run import Ask, profile
from trimtab.profile.table import as_text, header

_SHAPE = re.compile(r"(?P<name>.+):(?P<sizes>[0-9]+(,[0-9]+)*)")


@dataclass(frozen=True, slots=True)
class Options:
    """As they were given."""

    url: str | None
    repository: Path | None
    triton: Path | None
    triton_args: tuple[str, ...]
    model: str | None
    model_version: str | None
    metrics_url: str | None
    batches: str | None
    seconds: float
    shapes: tuple[str, ...]
    data: Path | None
    accelerator_class: str | None
    force: bool
    output: str


def profile_command(options: Options) -> None:
    """Profiles once and prints; click's exceptions say what is wrong."""
    try:
        report = _profiled(options)
    except (ProfileError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(_shown(report, options.output), nl=options.output == "json")


def _profiled(options: Options) -> Report:
    batches = parse_batches(options.batches)
    shapes = dict(parse_shape(text) for text in options.shapes)
    _check_class(options.accelerator_class)
    data = None if options.data is None else options.data.read_text()

    def at(url: str, model: str, metrics_url: str | None) -> Report:
        ask = Ask(
            url=url,
            model=model,
            version=options.model_version,
            metrics_url=metrics_url,
            batches=batches,
            seconds=options.seconds,
            shapes=shapes,
            data=data,
            accelerator_class=options.accelerator_class,
            force=options.force,
        )
        return asyncio.run(profile(ask, _bar))

    if options.repository is None:
        return at(*_running_server(options), options.metrics_url)
    _check_own_server(options)
    triton = server.find_triton(options.triton)
    model = server.find_model(options.repository, options.model)
    # Told to end, Python would end at once and leave the server behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with server.running(triton, options.repository, model, options.triton_args) as started:
        return at(started.url, model, started.metrics_url)


def _running_server(options: Options) -> tuple[str, str]:
    if options.url is None:
        raise ProfileError(
            "give --url http://HOST:8000 of a running Triton, or --repository DIR to start one on"
        )
    for name, value in (("--triton", options.triton), ("--triton-arg", options.triton_args)):
        if value:
            raise ProfileError(f"{name} has an effect only with --repository: remove it")
    if options.model is None:
        raise ProfileError("--model is missing: name the model as Triton serves it")
    return options.url, options.model


def _check_own_server(options: Options) -> None:
    for name, value in (("--url", options.url), ("--metrics-url", options.metrics_url)):
        if value:
            raise ProfileError(
                f"{name} and --repository exclude each other: a server that runs, or a new one"
            )


def parse_batches(text: str | None) -> tuple[int, ...] | None:
    """`1,2,4`; None of None. ProfileError of anything else."""
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise ProfileError(f"--batches: {text!r} is no list such as 1,2,4,8,16") from error


def parse_shape(text: str) -> tuple[str, tuple[int, ...]]:
    """`NAME:d1,d2`. ProfileError of anything else."""
    match = _SHAPE.fullmatch(text)
    sizes = tuple(int(size) for size in match["sizes"].split(",")) if match else ()
    if match is None or 0 in sizes:
        raise ProfileError(
            f"--shape: {text!r} is not NAME:d1,d2 with sizes above 0, such as image:3,224,224"
        )
    return match["name"], sizes


def _check_class(name: str | None) -> None:
    try:
        TypeAdapter(ClassName).validate_python(name or "cpu")
    except ValidationError as error:
        raise ProfileError(f"--accelerator-class: {name!r}: {error.errors()[0]['msg']}") from error


def _shown(report: Report, output: str) -> str:
    if output == "json":
        return as_document(as_json(report), output)
    if output == "yaml":
        return as_yaml(report.accelerator_class, report.points, report.front_end_s, header(report))
    return as_text(report)


@contextmanager
def _bar(words: str, steps: int) -> Iterator[Callable[[int], None]]:
    with click.progressbar(length=steps, label=words, file=sys.stderr) as bar:
        yield bar.update
        # Where fewer steps sufficed, it is done all the same.
        bar.update(max(0, steps - bar.pos))
