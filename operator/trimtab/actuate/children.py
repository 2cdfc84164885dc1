"""All children of a model, in the order to apply them, and those that are no longer wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trimtab.actuate import config, names
from trimtab.actuate.deployment import deployment
from trimtab.actuate.errors import UnknownTarget
from trimtab.actuate.podmonitor import pod_monitor
from trimtab.actuate.route import http_route
from trimtab.actuate.service import headless_service, service, workload_service
from trimtab.actuate.settings import InstallSettings
from trimtab.actuate.traffic_policy import traffic_policy
from trimtab.api.resources import AcceleratorClass, ModelDeployment, RawObject, RoutingType
from trimtab.core.plan import ModelPlan, Target
from trimtab.core.snapshot import WorkloadKey

Surge = bool | Mapping[WorkloadKey, bool]

# Deleted in this order: a route before what it lists, and a Deployment before what its new pods
# would wait for.
_DELETE_ORDER = {
    "HTTPRoute": 0,
    "Job": 1,
    "Deployment": 1,
    "PodMonitor": 2,
    "BackendTrafficPolicy": 2,
    "ConfigMap": 3,
    "Service": 4,
}


def build_children(
    md: ModelDeployment,
    plan: ModelPlan,
    classes: Mapping[str, AcceleratorClass],
    settings: InstallSettings,
    *,
    podmonitor: bool,
    surge: Surge = False,
    httproute: bool = False,
    policy: bool = False,
) -> tuple[dict[str, Any], ...]:
    """Every child the plan asks for, in the order to apply them.

    `podmonitor`, `httproute`: the cluster knows the kind. `policy`: Envoy Gateway has taken the
    route. `surge`: per workload, see `apply.surge_for`. Raises SourceRefused or UnknownTarget,
    which name the variant.
    """
    children = [service(md, settings), headless_service(md, settings)]
    routes = md.routing.type is RoutingType.GATEWAY
    if routes:
        keys = [*(b.key for b in plan.backends), *(t.key for t in plan.targets)]
        children.extend(workload_service(md, key, settings) for key in dict.fromkeys(keys))
    routes = routes and httproute and bool(plan.backends)
    if routes:
        # Before pods go: where it cannot be written, none of them loses its place to a route that
        # still sends it requests.
        children.append(http_route(md, plan.backends, settings))
    for target in plan.targets:
        children.extend(_workload(md, target, classes, settings, podmonitor, surge))
    if routes and policy:
        # Last: serving does not depend on it.
        children.append(traffic_policy(md, settings))
    return tuple(stamped(child) for child in children)


def _workload(
    md: ModelDeployment,
    target: Target,
    classes: Mapping[str, AcceleratorClass],
    settings: InstallSettings,
    podmonitor: bool,
    surge: Surge,
) -> list[dict[str, Any]]:
    variant = md.variant(target.key.variant)
    accelerator_class = classes.get(target.key.accelerator_class)
    if variant is None or accelerator_class is None:
        missing = "variant" if variant is None else "AcceleratorClass"
        raise UnknownTarget(f"planned {target.key} of {md.key}, but that {missing} does not exist")
    may_surge = surge if isinstance(surge, bool) else surge.get(target.key, False)
    children = []
    # Before the Deployment whose pods mount it.
    if config.renders_config(variant.source):
        children.append(config.config_map(md, target, settings))
    children.append(deployment(md, variant, accelerator_class, target, settings, surge=may_surge))
    if podmonitor:
        children.append(pod_monitor(md, target.key, settings))
    return children


def stale_children(
    existing: Iterable[RawObject], desired: Iterable[RawObject], md: ModelDeployment
) -> tuple[RawObject, ...]:
    """Those of `existing` to delete, in order: ours, of this very ModelDeployment, not desired.

    Both marks are asked for. The label alone: a user's copy of a child, labels and all, would be
    deleted. The owner alone: so would a user's object that is to be collected with the model.
    """
    wanted = {identity(child) for child in desired}
    stale = [
        child
        for child in existing
        if identity(child) not in wanted and is_ours(child) and owned_by(child, md.uid)
    ]
    return tuple(sorted(stale, key=lambda child: _DELETE_ORDER.get(child["kind"], len(wanted))))


def identity(obj: RawObject) -> tuple[str, str, str]:
    """Kind, namespace and name."""
    return obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def is_ours(obj: RawObject) -> bool:
    """Whether the labels say that trimtab made it."""
    labels = obj["metadata"].get("labels") or {}
    return (
        labels.get(names.MANAGED_BY_LABEL) == names.MANAGED_BY
        and names.MODEL_DEPLOYMENT_LABEL in labels
    )


def owned_by(obj: RawObject, uid: str) -> bool:
    """Whether the object's controller is the ModelDeployment of that uid."""
    return any(
        ref.get("uid") == uid and ref.get("controller")
        for ref in obj["metadata"].get("ownerReferences") or ()
    )


def stamped(child: dict[str, Any]) -> dict[str, Any]:
    """With a hash of what is desired: a field that is desired no more (a toleration that was
    taken away) is visible in it, while a comparison with the live object cannot see it."""
    spec = child.get("spec")
    if child["kind"] == "Deployment" and isinstance(spec, dict):
        # Neither is a reason to write by itself: see apply.needs_apply.
        without = {**child, "spec": {k: v for k, v in spec.items() if k not in _UNHASHED}}
    else:
        without = child
    annotations = child["metadata"].setdefault("annotations", {})
    annotations[names.APPLIED_HASH_ANNOTATION] = config.short_hash(without)
    return child


_UNHASHED = frozenset({"strategy", "replicas"})
