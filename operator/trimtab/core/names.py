"""Names that clients and gateways know a model by, and how any text becomes one. Pure."""

from __future__ import annotations

import hashlib
import re

from trimtab.api.resources import ModelDeployment
from trimtab.core.snapshot import WorkloadKey

MAX_NAME = 63
_HASH_LENGTH = 8
_NOT_NAME = re.compile(r"[^a-z0-9-]+")


def dns_label(text: str, *, letter_first: bool = False, salt: str | None = None) -> str:
    """`text` as a DNS-1123 label: itself where it is one, else cut and told apart by a hash.

    The hash is of the whole text, so that two long names that share a beginning stay two names.
    `letter_first` makes it a DNS-1035 label; `salt` forces a hash of it to be appended.
    """
    clean = _NOT_NAME.sub("-", text.lower()).strip("-")
    if not clean or (letter_first and not clean[0].isalpha()):
        clean = f"m-{clean}".rstrip("-")
    if clean == text and len(text) <= MAX_NAME and salt is None:
        return text
    suffix = _digest(salt if salt is not None else text)
    return f"{clean[: MAX_NAME - _HASH_LENGTH - 1].rstrip('-')}-{suffix}"


def child_name(md: ModelDeployment, key: WorkloadKey) -> str:
    """`<md>-<variant>-<class>`: Deployment, ConfigMap and PodMonitor of one workload.

    Variant "a" on class "b-c" and variant "a-b" on class "c" would share a name and overwrite
    each other; where a model declares such a pair, its names carry a hash.
    """
    text = f"{md.key.name}-{key.variant}-{key.accelerator_class}"
    joined = f"{key.variant}-{key.accelerator_class}"
    twins = {
        (v.name, c)
        for v in md.variants
        for c in v.accelerator_classes
        if f"{v.name}-{c}" == joined and (v.name, c) != (key.variant, key.accelerator_class)
    }
    salt = f"{md.key.name}/{key.variant}/{key.accelerator_class}" if twins else None
    return dns_label(text, salt=salt)


def service_name(md: ModelDeployment) -> str:
    """The Service clients call."""
    return service_name_of(md.key.name)


def service_name_of(model_deployment: str) -> str:
    """By the ModelDeployment's name. "3d-unet" is a fine one, but a Service's must begin with a
    letter."""
    return dns_label(model_deployment, letter_first=True)


def workload_service_name(md: ModelDeployment, key: WorkloadKey) -> str:
    """The Service of one workload's pods, which a gateway's route lists."""
    return dns_label(child_name(md, key), letter_first=True)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH]
