"""What a compression says of itself in a pod's termination message: at most 4 KiB of JSON.

The pod has no access to the API; the kubelet reads this file and puts it into the pod's status.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationError

from trimtab.api.problems import describe
from trimtab.api.scalars import Fraction, ModelName, VariantName
from trimtab.api.schema_variant import MAX_BATCH, MAX_VARIANTS
from trimtab.api.wire import ListMap, Wire

LIMIT = 4096
"""Bytes of one container's message that the kubelet keeps."""
MAX_ERROR = 700
_MICROSECONDS = Annotated[int, Field(ge=1, le=3_600_000_000)]
_BATCH = Annotated[int, Field(ge=1, le=MAX_BATCH)]


class UnreadableMessage(ValueError):  # noqa: N818 - it names the state of the message
    """The message is not what `trimtab compress` writes; the text says why."""


class ToldVariant(Wire):
    """One published variant; its folder below the run's bears its name."""

    name: VariantName
    """Name of the variant."""
    accuracy: Fraction
    """Measured accuracy."""
    us: list[tuple[_BATCH, _MICROSECONDS]] = Field(default=[], max_length=32)
    """Batch sizes and the microseconds that one execution took."""


class Told(Wire):
    """The whole message: what was published, or the error that kept it from that."""

    version: Literal[1] = 1
    """Of this format."""
    model: ModelName | None = None
    """The model's name in MODEL.py."""
    published: Annotated[list[ToldVariant], ListMap("name")] = Field(
        default=[], max_length=MAX_VARIANTS
    )
    """What may be served."""
    refused: list[VariantName] = Field(default=[], max_length=MAX_VARIANTS)
    """What was made and is not good enough, or could not be made; report.json says why."""
    thinned: bool = False
    """Whether points of the profiles were left out to keep within the limit."""
    error: Annotated[str, Field(max_length=MAX_ERROR)] | None = None
    """Why nothing was published."""


def written(told: Told) -> str:
    """The message, within the limit: of long profiles every second point goes, as often as needed,
    and the largest batch stays."""
    text = _json(told)
    while len(text.encode()) > LIMIT:
        most = max(len(variant.us) for variant in told.published)
        if most == 0:
            raise ValueError("names and accuracies alone are longer than a termination message")
        shorter = [
            variant.model_copy(update={"us": variant.us[::-1][::2][::-1] if most > 1 else []})
            for variant in told.published
        ]
        told = told.model_copy(update={"published": shorter, "thinned": True})
        text = _json(told)
    return text


def failure(text: str) -> Told:
    """The message of a run that published nothing."""
    return Told(error=text if len(text) <= MAX_ERROR else f"{text[: MAX_ERROR - 1]}…")


def read(text: str) -> Told:
    """The message as data; raises UnreadableMessage."""
    try:
        return Told.model_validate_json(text, by_alias=True, by_name=False)
    except ValidationError as error:
        raise UnreadableMessage("; ".join(describe(error, None))) from None


def _json(told: Told) -> str:
    return told.model_dump_json(exclude_defaults=True, exclude_none=True)
