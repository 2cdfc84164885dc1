"""The Services of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trimtab.actuate import names
from trimtab.actuate.kinds import SERVICE
from trimtab.actuate.settings import InstallSettings
from trimtab.api.resources import ModelDeployment
from trimtab.core.snapshot import WorkloadKey


def service(md: ModelDeployment, settings: InstallSettings) -> dict[str, Any]:
    """The Service clients call.

    It selects every variant: while one replaces another both serve, and readiness decides.
    """
    labels = names.model_labels(md, settings)
    return _service(md, names.service_name(md), labels, names.model_selector(md), settings)


def headless_service(md: ModelDeployment, settings: InstallSettings) -> dict[str, Any]:
    """The pods' own addresses: a long-lived gRPC connection through the plain Service sticks to
    one pod, so a client that balances needs to see them all."""
    labels = names.model_labels(md, settings)
    name = names.headless_service_name(md)
    child = _service(md, name, labels, names.model_selector(md), settings)
    child["spec"]["clusterIP"] = "None"
    return child


def workload_service(
    md: ModelDeployment, key: WorkloadKey, settings: InstallSettings
) -> dict[str, Any]:
    """One workload's pods, for a gateway to share the traffic out by weight. It is not headless:
    some implementations route to the Service's address."""
    labels = names.workload_labels(md, key, settings)
    name = names.workload_service_name(md, key)
    return _service(md, name, labels, names.workload_selector(md, key), settings)


def _service(
    md: ModelDeployment,
    name: str,
    labels: Mapping[str, str],
    selector: Mapping[str, str],
    settings: InstallSettings,
) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "selector": dict(selector),
        # Metrics are for the scraper alone, which goes to the pods.
        "ports": [
            _port("http", settings.http_port, "http"),
            _port("grpc", settings.grpc_port, "kubernetes.io/h2c"),
        ],
    }
    return {
        **SERVICE.named,
        "metadata": names.metadata(md, name, labels),
        "spec": spec,
    }


def _port(name: str, port: int, app_protocol: str) -> dict[str, Any]:
    return {
        "name": name,
        "port": port,
        "targetPort": name,
        "protocol": "TCP",
        "appProtocol": app_protocol,
    }
