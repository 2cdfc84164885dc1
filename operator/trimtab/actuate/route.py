"""The HTTPRoute of a model, and what a live one says: one place for its shape.

gRPC goes through it too, and not through a GRPCRoute: Gateway API has an implementation accept only
one of the two where their host names meet. Envoy Gateway makes a backend of its own of every
backendRef with a filter, named `httproute/NAMESPACE/NAME/rule/RULE/backend/INDEX`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trimtab.actuate import names
from trimtab.actuate.kinds import HTTP_ROUTE, SERVICE
from trimtab.actuate.settings import InstallSettings
from trimtab.api.resources import ModelDeployment, RawObject
from trimtab.core.snapshot import Backend, WorkloadKey

VARIANT_HEADER = "x-trimtab-variant"
CLASS_HEADER = "x-trimtab-accelerator-class"

# Whose host name is the model's own may ask for the server behind it. No more of Triton is let
# through: its other paths load models, map memory and write log files.
_OF_THE_SERVER = (("Exact", "/v2"), ("PathPrefix", "/v2/health"))
_GRPC = (
    *("ServerLive", "ServerReady", "ServerMetadata"),
    *("ModelReady", "ModelMetadata", "ModelConfig", "ModelStatistics"),
    *("ModelInfer", "ModelStreamInfer"),
)


def http_route(
    md: ModelDeployment, backends: Sequence[Backend], settings: InstallSettings
) -> dict[str, Any]:
    """The route that lists these backends, in this order."""
    parent = md.routing.parent
    if parent is None:
        raise ValueError(f"{md.key} names no Gateway")
    reference = {
        "group": HTTP_ROUTE.group,
        "kind": "Gateway",
        "namespace": parent.namespace,
        "name": parent.name,
    }
    if parent.section_name is not None:
        reference["sectionName"] = parent.section_name
    spec: dict[str, Any] = {"parentRefs": [reference]}
    if md.routing.hostnames:
        spec["hostnames"] = list(md.routing.hostnames)
    spec["rules"] = list(_rules(md, backends, settings))
    return {
        **HTTP_ROUTE.named,
        "metadata": names.metadata(md, names.service_name(md), names.model_labels(md, settings)),
        "spec": spec,
    }


def _rules(
    md: ModelDeployment, backends: Sequence[Backend], settings: InstallSettings
) -> Iterator[dict[str, Any]]:
    """HTTP by the model's name in the path; gRPC has it in the message alone, where no route looks,
    so it takes a host name of the model's own."""
    own = bool(md.routing.hostnames)
    paths = (("PathPrefix", f"/v2/models/{md.model}"), *(_OF_THE_SERVER if own else ()))
    yield _rule(md, paths, backends, settings.http_port)
    if own:
        methods = [("Exact", f"/inference.GRPCInferenceService/{method}") for method in _GRPC]
        yield _rule(md, methods, backends, settings.grpc_port)


def _rule(
    md: ModelDeployment,
    paths: Sequence[tuple[str, str]],
    backends: Sequence[Backend],
    port: int,
) -> dict[str, Any]:
    return {
        "matches": [{"path": {"type": type_, "value": value}} for type_, value in paths],
        "backendRefs": [_reference(md, backend, port) for backend in backends],
    }


def _reference(md: ModelDeployment, backend: Backend, port: int) -> dict[str, Any]:
    headers = [(VARIANT_HEADER, backend.key.variant), (CLASS_HEADER, backend.key.accelerator_class)]
    modifier = {"set": [{"name": name, "value": value} for name, value in headers]}
    return {
        "kind": SERVICE.kind,
        "name": names.workload_service_name(md, backend.key),
        "port": port,
        "weight": backend.weight,
        "filters": [{"type": "ResponseHeaderModifier", "responseHeaderModifier": modifier}],
    }


def listed(route: RawObject) -> tuple[Backend, ...]:
    """What a live route lists; a place that nobody can tell whose it is has an empty key."""
    rules: Sequence[Mapping[str, Any]] = (route.get("spec") or {}).get("rules") or ({},)
    return tuple(
        Backend(_key_of(reference), int(reference.get("weight", 1)))
        for reference in rules[0].get("backendRefs") or ()
    )


def _key_of(reference: Mapping[str, Any]) -> WorkloadKey:
    """By the headers: a variant that left the spec has no name that could be built anew."""
    headers = {
        header.get("name"): header.get("value", "")
        for each in reference.get("filters") or ()
        for header in (each.get("responseHeaderModifier") or {}).get("set") or ()
    }
    return WorkloadKey(headers.get(VARIANT_HEADER, ""), headers.get(CLASS_HEADER, ""))


def parents(route: RawObject, md: ModelDeployment) -> list[Mapping[str, Any]]:
    """What controllers say of a live route as a child of the model's Gateway."""
    parent = md.routing.parent
    ours = None if parent is None else (parent.namespace, parent.name)
    return [
        told
        for told in (route.get("status") or {}).get("parents") or ()
        if _gateway_of(told.get("parentRef") or {}, md.key.namespace) == ours
    ]


def _gateway_of(reference: Mapping[str, Any], default_namespace: str) -> tuple[str, str]:
    return reference.get("namespace") or default_namespace, reference.get("name", "")
