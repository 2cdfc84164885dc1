"""The Services of a model."""

from __future__ import annotations

from typing import Any

from trimtab.actuate import names
from trimtab.actuate.settings import InstallSettings
from trimtab.api.resources import ModelDeployment


def service(md: ModelDeployment, settings: InstallSettings) -> dict[str, Any]:
    """The Service clients call.

    It selects every variant: while one replaces another both serve, and readiness decides.
    """
    return _service(md, names.service_name(md), settings, headless=False)


def headless_service(md: ModelDeployment, settings: InstallSettings) -> dict[str, Any]:
    """The pods' own addresses: a long-lived gRPC connection through the plain Service sticks to
    one pod, so a client that balances needs to see them all."""
    return _service(md, names.headless_service_name(md), settings, headless=True)


def _service(
    md: ModelDeployment, name: str, settings: InstallSettings, *, headless: bool
) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "selector": names.model_selector(md),
        # Metrics are for the scraper alone, which goes to the pods.
        "ports": [
            _port("http", settings.http_port, "http"),
            _port("grpc", settings.grpc_port, "kubernetes.io/h2c"),
        ],
    }
    if headless:
        spec["clusterIP"] = "None"
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": names.metadata(md, name, names.model_labels(md, settings)),
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
