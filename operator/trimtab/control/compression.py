"""A compression's state into the status and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from trimtab.api.parse import variant_of
from trimtab.api.quantities import format_duration, format_fraction
from trimtab.api.resources import Profile, PvcSource, Variant
from trimtab.api.schema_status import CompressionStatus
from trimtab.core.compression import Compressed, Phase

_SENTENCE = 1024


def read_compression(status: Mapping[str, Any]) -> Compressed | None:
    """What the status says of the compression; None where it says nothing that can be read, and
    the run is then begun anew."""
    found = status.get("compression")
    if not found:
        return None
    try:
        read = CompressionStatus.model_validate(found, by_alias=True, by_name=False)
    except ValidationError:
        return None
    if any(v.source.persistent_volume_claim is None for v in read.variants or ()):
        return None  # somebody else's hand: what a Job publishes lies in a claim
    return Compressed(
        phase=Phase(read.phase),
        reason=read.reason,
        message=read.message,
        source_hash=read.source_hash,
        variants=tuple(variant_of(v) for v in read.variants or ()),
    )


def compression_status(compressed: Compressed) -> dict[str, Any]:
    """The part of the status that says it."""
    status: dict[str, Any] = {
        "phase": str(compressed.phase),
        "reason": compressed.reason,
        "message": compressed.message[:_SENTENCE],
        "sourceHash": compressed.source_hash,
    }
    if compressed.variants:
        status["variants"] = [_variant(v) for v in compressed.variants]
    return status


def _variant(variant: Variant) -> dict[str, Any]:
    source = variant.source
    assert isinstance(source, PvcSource), "what is published lies in a claim"
    claim = {"claimName": source.claim_name}
    if source.path:  # the volume's root has none; an empty one is no path to the API server
        claim["path"] = source.path
    written: dict[str, Any] = {
        "name": variant.name,
        "accuracy": format_fraction(variant.accuracy),
        "source": {"persistentVolumeClaim": claim},
        "acceleratorClasses": list(variant.accelerator_classes),
    }
    if variant.profiles:
        written["profile"] = [_profile(p) for p in variant.profiles]
    return written


def _profile(profile: Profile) -> dict[str, Any]:
    return {
        "acceleratorClass": profile.accelerator_class,
        "points": [
            {"batch": point.batch, "latency": format_duration(point.latency_s)}
            for point in profile.points
        ],
    }
