"""Kinds of others' operators, which are not installed: to be watched, a definition is enough."""

from __future__ import annotations

from typing import Any

OTHERS = {
    "podmonitors.monitoring.coreos.com": ("v1", "PodMonitor"),
    "scaledobjects.keda.sh": ("v1alpha1", "ScaledObject"),
    "httproutes.gateway.networking.k8s.io": ("v1", "HTTPRoute"),
    "backendtrafficpolicies.gateway.envoyproxy.io": ("v1alpha1", "BackendTrafficPolicy"),
}
ROUTE, POLICY = "httproutes.gateway.networking.k8s.io", "backendtrafficpolicies"


def definition(name: str, version: str, kind: str) -> dict[str, Any]:
    """A custom resource that takes anything."""
    plural, _, group = name.partition(".")
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        # The groups of *.k8s.io are protected: without this the API server takes none of them.
        "metadata": {
            "name": name,
            "annotations": {"api-approved.kubernetes.io": "unapproved, experimental-only"},
        },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": anything},
                }
            ],
        },
    }
