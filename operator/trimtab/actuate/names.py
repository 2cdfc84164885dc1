"""Names, labels and owners of the children, and the way back from labels to keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from trimtab.actuate.kinds import MODEL_DEPLOYMENT
from trimtab.actuate.settings import InstallSettings
from trimtab.api.resources import GROUP, ModelDeployment
from trimtab.core.names import child_name as child_name
from trimtab.core.names import dns_label
from trimtab.core.names import service_name as service_name
from trimtab.core.names import service_name_of as service_name_of
from trimtab.core.names import workload_service_name as workload_service_name
from trimtab.core.snapshot import WorkloadKey

FIELD_MANAGER = "trimtab"
STATUS_FIELD_MANAGER = "trimtab-status"

NAME_LABEL = "app.kubernetes.io/name"
INSTANCE_LABEL = "app.kubernetes.io/instance"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "trimtab"
MODEL_DEPLOYMENT_LABEL = f"{GROUP}/model-deployment"
VARIANT_LABEL = f"{GROUP}/variant"
CLASS_LABEL = f"{GROUP}/accelerator-class"
INSTALL_LABEL = f"{GROUP}/instance"

CONFIG_HASH_ANNOTATION = f"{GROUP}/config-hash"
BATCH_CAP_ANNOTATION = f"{GROUP}/batch-cap"
QUEUE_SIZE_ANNOTATION = f"{GROUP}/queue-size"
SOURCE_HASH_ANNOTATION = f"{GROUP}/source-hash"
FINGERPRINT_ANNOTATION = f"{GROUP}/answers-of"
COMPRESSION_LABEL = f"{GROUP}/compression"
APPLIED_HASH_ANNOTATION = f"{GROUP}/applied-hash"

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def label_value(text: str) -> str:
    """`text` as a label value: itself where it is one, else bounded like a name."""
    return text if _LABEL.fullmatch(text) else dns_label(text)


def headless_service_name(md: ModelDeployment) -> str:
    """The headless Service beside it, for gRPC clients that balance by themselves."""
    return dns_label(f"{md.key.name}-headless", letter_first=True)


def compression_name(md: ModelDeployment, source_hash: str) -> str:
    """Job of one run of the compression, and the Service by which its workers find each other."""
    return dns_label(f"{md.key.name}-compress-{source_hash}", letter_first=True)


def model_labels(md: ModelDeployment, settings: InstallSettings) -> dict[str, str]:
    """Labels of every child of a model. The user's own are not copied: an Argo CD tracking id on
    a child makes Argo prune it."""
    labels = {
        NAME_LABEL: "triton",
        INSTANCE_LABEL: label_value(md.key.name),
        MANAGED_BY_LABEL: MANAGED_BY,
        MODEL_DEPLOYMENT_LABEL: label_value(md.key.name),
    }
    if settings.instance:
        labels[INSTALL_LABEL] = label_value(settings.instance)
    return labels


def workload_labels(
    md: ModelDeployment, key: WorkloadKey, settings: InstallSettings
) -> dict[str, str]:
    """Labels of the children of one workload."""
    return {
        **model_labels(md, settings),
        VARIANT_LABEL: label_value(key.variant),
        CLASS_LABEL: label_value(key.accelerator_class),
    }


def model_selector(md: ModelDeployment) -> dict[str, str]:
    """Selects every pod of a model, whatever its variant."""
    return {
        MODEL_DEPLOYMENT_LABEL: label_value(md.key.name),
        MANAGED_BY_LABEL: MANAGED_BY,
    }


def workload_selector(md: ModelDeployment, key: WorkloadKey) -> dict[str, str]:
    """Selects the pods of one workload. A Deployment's selector can never change, so it holds
    nothing an install may set."""
    return {
        **model_selector(md),
        VARIANT_LABEL: label_value(key.variant),
        CLASS_LABEL: label_value(key.accelerator_class),
    }


def workload_key(labels: Mapping[str, str]) -> WorkloadKey | None:
    """The workload that carries these labels, None where they are not a workload's."""
    variant, accelerator_class = labels.get(VARIANT_LABEL), labels.get(CLASS_LABEL)
    if labels.get(MANAGED_BY_LABEL) != MANAGED_BY or not variant or not accelerator_class:
        return None
    return WorkloadKey(variant, accelerator_class)


def owner_reference(md: ModelDeployment) -> dict[str, Any]:
    """Makes the garbage collector remove the child with its ModelDeployment.

    blockOwnerDeletion is False: True asks for update rights on modeldeployments/finalizers where
    OwnerReferencesPermissionEnforcement is on (OpenShift), and every apply would be refused there.
    """
    return {
        **MODEL_DEPLOYMENT.named,
        "name": md.key.name,
        "uid": md.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def metadata(md: ModelDeployment, name: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """The metadata every child shares."""
    return {
        "name": name,
        "namespace": md.key.namespace,
        "labels": dict(labels),
        "ownerReferences": [owner_reference(md)],
    }
