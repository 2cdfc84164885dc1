"""How long a replica waits for a fuller batch. It follows from the manifest alone, and from nothing
that is learnt: a delay that came or went would restart every pod."""

from __future__ import annotations

from trimtab.api.resources import ModelDeployment, UriSource, Variant
from trimtab.core.latency import QUEUE_DELAY_S


def queue_delay_s(spec: ModelDeployment, variant_name: str) -> float | None:
    """The delay of that variant's replicas; None where it is the user's to say."""
    variant = spec.variant(variant_name)
    return delay_s(spec.triton.instance_count, fixed=variant is not None and is_fixed(variant))


def delay_s(instances: int, *, fixed: bool) -> float | None:
    """Of several instances a wait may fill what they would else share out: that is the user's."""
    return QUEUE_DELAY_S if instances == 1 and not fixed else None


def is_fixed(variant: Variant) -> bool:
    """Triton reads a URI's repository itself, with the user's own config: the cap that the manifest
    states is the one in force, and neither it, nor delay or bound of the queue, is chosen."""
    return isinstance(variant.source, UriSource)
