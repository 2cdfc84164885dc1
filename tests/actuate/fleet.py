"""Models to build children of."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from trimtab.actuate.children import build_children
from trimtab.actuate.settings import InstallSettings
from trimtab.api.resources import (
    AcceleratorClass,
    HostPathSource,
    ImageSource,
    LatencySlo,
    ModelDeployment,
    ModelSource,
    ObjectKey,
    PvcSource,
    Toleration,
    TritonSettings,
    UriSource,
    Variant,
)
from trimtab.core.plan import Decision, ModelPlan, Target
from trimtab.core.snapshot import Backend, WorkloadKey

UID = "0d6f1c1e-2d3a-4a59-8a76-3b0b5ad7a001"
SETTINGS = InstallSettings()

L4 = AcceleratorClass(
    name="l4",
    resources=(("nvidia.com/gpu", "1"),),
    price_per_hour=Decimal("0.80"),
    node_selector=(("nvidia.com/gpu.product", "NVIDIA-L4"),),
    tolerations=(Toleration(key="nvidia.com/gpu", operator="Exists", effect="NoSchedule"),),
)
CPU = AcceleratorClass(
    name="cpu", resources=(("cpu", "250m"), ("memory", "512Mi")), price_per_hour=Decimal("0.02")
)
CLASSES = {c.name: c for c in (L4, CPU)}

IMAGE = ImageSource("models.example/classifier@sha256:" + "0" * 64, path="repository")
PVC = PvcSource("models", path="/classifier/fp32/")
URI = UriSource("s3://models/classifier", secret_name="models-read")
HOST_PATH = HostPathSource("/srv/models")


def deployment_of(source: ModelSource, *classes: str, **changes: Any) -> ModelDeployment:
    """A model with the one variant fp32 of that source."""
    names = classes or ("l4", "cpu")
    md = ModelDeployment(
        key=ObjectKey("shop", "classifier"),
        uid=UID,
        generation=3,
        model="image_classifier",
        slo=LatencySlo(99, 0.05),
        triton=TritonSettings(
            image="nvcr.io/nvidia/tritonserver:26.10-py3",
            max_batch_size=16,
            max_queue_size=200,
            image_pull_secrets=("registry",),
        ),
        variants=(Variant("fp32", Decimal("0.912"), source, names),),
    )
    return replace(md, **changes)


def target_of(accelerator_class: str = "l4", **changes: Any) -> Target:
    """Two replicas of fp32 with batches of eight."""
    target = Target(WorkloadKey("fp32", accelerator_class), 2, batch_cap=8, queue_delay_s=0.0005)
    return target._replace(**changes)


def plan_of(*targets: Target) -> ModelPlan:
    """A plan of those targets."""
    return ModelPlan(ObjectKey("shop", "classifier"), targets, Decision(0.0, "Hold", "nothing"))


def children_of(
    source: ModelSource = IMAGE,
    *targets: Target,
    settings: InstallSettings = SETTINGS,
    podmonitor: bool = False,
    surge: bool = False,
    backends: tuple[Backend, ...] = (),
    **changes: Any,
) -> dict[str, dict[str, Any]]:
    """The children by kind and name; with `backends` as Envoy Gateway's cluster has them."""
    children = build_children(
        deployment_of(source, **changes),
        replace(plan_of(*(targets or (target_of(),))), backends=backends),
        CLASSES,
        settings,
        podmonitor=podmonitor,
        surge=surge,
        httproute=True,
        policy=True,
    )
    return {f"{c['kind']}/{c['metadata']['name']}": c for c in children}


def only_deployment(children: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The one Deployment among them."""
    (found,) = (c for c in children.values() if c["kind"] == "Deployment")
    return found


GOLDEN = Path(__file__).parent / "golden"
