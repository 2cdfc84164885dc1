"""What became of a model's compression, and which variants it adds. Pure.

A run belongs to one spec.compression, told from others by a hash. Its end is kept in the status:
neither a Job that is gone nor an operator that began anew makes it run again.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from trimtab.api.resources import (
    Compression,
    ModelDeployment,
    Profile,
    ProfilePoint,
    PvcSource,
    Variant,
)
from trimtab.core.hashes import hash_of, source_fields
from trimtab.core.plan import Condition, ConditionStatus

MAX_VARIANTS = 16
CONDITION = "CompressionSucceeded"
_SHOWN = 8
_NO_FAULT = ("Starting", "NotActing")


class Phase(enum.StrEnum):
    """How far the run is."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class Compressed:
    """What is known of a compression; goes into the status and comes back from it.

    `variants`: of the last run that published some, also while a newer one runs or after it failed.
    """

    phase: Phase
    reason: str
    message: str
    source_hash: str
    variants: tuple[Variant, ...] = ()

    @property
    def wants_job(self) -> bool:
        """Whether a Job is to be there: it runs, or nothing is in its way."""
        return self.phase is Phase.RUNNING or self.reason == "Starting"

    def ended(self, compression: Compression) -> bool:
        """Whether that compression ran to its end, be it good or bad."""
        final = self.phase in (Phase.SUCCEEDED, Phase.FAILED)
        return final and self.source_hash == source_hash(compression)


class Published(NamedTuple):
    """One variant that a run published."""

    name: str
    accuracy: Decimal
    points: tuple[ProfilePoint, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What the first worker said at its end. `error`: why it published nothing."""

    model: str = ""
    published: tuple[Published, ...] = ()
    refused: tuple[str, ...] = ()
    thinned: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class JobSeen:
    """The Job of this very compression. `ended`: None while it runs, then whether it succeeded.

    `why`: for what reason it failed, or what it waits for. `report` is there at the end.
    """

    ended: bool | None
    why: str = ""
    report: Report | None = None


class Obstacle(NamedTuple):
    """What keeps the Job from being made: one CamelCase word, and a sentence with the mend."""

    reason: str
    message: str


def source_hash(compression: Compression) -> str:
    """Tells runs apart. Where published variants may serve is no reason to run again."""
    fields = {
        "source": source_fields(compression.source),
        "model": compression.model,
        "acceleratorClass": compression.accelerator_class,
        "output": source_fields(compression.output),
        "workers": compression.workers,
        "recipes": compression.recipes,
        "attempt": compression.attempt,
    }
    return hash_of(fields)


def run_path(compression: Compression) -> str:
    """The run's own folder in the volume: variants of an earlier one may be serving."""
    above = compression.output.path.strip("/")
    run = source_hash(compression)
    return f"{above}/{run}" if above else run


def next_state(
    md: ModelDeployment,
    previous: Compressed | None,
    job: JobSeen | None,
    obstacle: Obstacle | None,
) -> Compressed | None:
    """What is to be said of the compression now; None where the model has none."""
    compression = md.compression
    if compression is None:
        return None
    if previous is not None and previous.ended(compression):
        return previous
    now = Compressed(
        Phase.PENDING,
        "Starting",
        "The Job is being created.",
        source_hash(compression),
        previous.variants if previous else (),
    )
    if job is not None and job.ended is not None:
        return _ended(md, compression, now, job)
    if job is not None:
        message = job.why or f"{_workers(compression)} at work."
        reason = "Waiting" if job.why else "Running"
        return replace(now, phase=Phase.RUNNING, reason=reason, message=message)
    if obstacle is not None:
        return replace(now, reason=obstacle.reason, message=obstacle.message)
    return now


def with_published(md: ModelDeployment, compressed: Compressed | None) -> ModelDeployment:
    """The model with the published variants among its own; declared ones win on equal names."""
    compression = md.compression
    if compression is None or compressed is None:
        return md
    declared = {variant.name for variant in md.variants}
    added = [
        _on(variant, compression.serve_on)
        for variant in compressed.variants
        if variant.name not in declared
    ]
    return replace(md, variants=(*md.variants, *added)[: max(MAX_VARIANTS, len(md.variants))])


def compression_condition(compressed: Compressed) -> Condition:
    """CompressionSucceeded, Unknown as long as the run may still succeed by itself."""
    waits = compressed.phase is Phase.RUNNING or compressed.reason in _NO_FAULT
    status = ConditionStatus.UNKNOWN if waits else ConditionStatus.FALSE
    if compressed.phase is Phase.SUCCEEDED:
        status = ConditionStatus.TRUE
    return Condition(CONDITION, status, compressed.reason, compressed.message)


def _ended(
    md: ModelDeployment, compression: Compression, now: Compressed, job: JobSeen
) -> Compressed:
    report = job.report
    failed = replace(now, phase=Phase.FAILED)
    again = "Mend it, and raise spec.compression.attempt to run again."
    if report is not None and report.error:
        return replace(failed, reason="CompressFailed", message=f"{_stopped(report.error)} {again}")
    if not job.ended:
        return replace(failed, reason="JobFailed", message=f"{_stopped(job.why)} {again}")
    if report is None:
        return replace(failed, reason="NoReport", message=f"{_stopped(job.why)} {again}")
    if report.model != md.model:
        text = (
            f"MODEL.py names its model {report.model!r}, and spec.model is {md.model!r}: name it"
            f" alike, for Triton serves it by that name. {again}"
        )
        return replace(failed, reason="ModelMismatch", message=text)
    if not report.published:
        text = f"No variant was good enough; report.json in {_where(compression)} says why. {again}"
        return replace(failed, reason="NothingPublished", message=text)
    return replace(
        now,
        phase=Phase.SUCCEEDED,
        reason="Published",
        message=_news(report, compression),
        variants=tuple(_variant(p, compression) for p in report.published),
    )


def _news(report: Report, compression: Compression) -> str:
    parts = [f"Published: {_listed([p.name for p in report.published])}."]
    if report.refused:
        parts.append(f"Refused: {_listed(report.refused)}.")
    parts.append(f"report.json in {_where(compression)} has the figures.")
    if report.thinned:
        parts.append("Profiles were thinned to fit a termination message.")
    return " ".join(parts)


def _variant(published: Published, compression: Compression) -> Variant:
    timed_on = compression.accelerator_class
    made = Variant(
        name=published.name,
        accuracy=published.accuracy,
        source=PvcSource(
            compression.output.claim_name, f"{run_path(compression)}/{published.name}"
        ),
        accelerator_classes=(timed_on,),
        profiles=(Profile(timed_on, published.points),) if published.points else (),
    )
    # A time of another class is none of those it serves on: the API server refuses such a status.
    return _on(made, compression.serve_on)


def _on(variant: Variant, classes: tuple[str, ...]) -> Variant:
    profiles = tuple(p for p in variant.profiles if p.accelerator_class in classes)
    return replace(variant, accelerator_classes=classes, profiles=profiles)


def _where(compression: Compression) -> str:
    return f"{run_path(compression)}/ of the claim {compression.output.claim_name}"


def _workers(compression: Compression) -> str:
    return "1 worker is" if compression.workers == 1 else f"{compression.workers} workers are"


def _listed(names: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _stopped(text: str) -> str:
    return text if text.endswith((".", "…")) else f"{text}."
