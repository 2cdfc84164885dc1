"""Prometheus and trimtab in a cluster, by the means a user has: kubectl and Helm."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from e2e.cluster import apply_prometheus
from e2e.cluster.images import COMPRESS, MODELS, PROMETHEUS, TRIMTAB, TRITON
from e2e.cluster.layers import tree_hash
from e2e.kit.access import ROOT, Access

NAMESPACE = "trimtab-system"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
"""Labels of a namespace that takes no pod but one of Pod Security's strictest level."""
RELEASE = "trimtab"


@dataclass(frozen=True)
class Images:
    """References of the images in use; the environment overrides them for other clusters."""

    trimtab: str
    triton: str
    models: str
    prometheus: str
    compress: str

    @classmethod
    def of(cls, access: Access) -> Images:
        """The embedded cluster's own images, or those that the environment names."""
        local = access.embedded is not None
        return cls(
            trimtab=os.environ.get("TRIMTAB_IMAGE", TRIMTAB if local else "trimtab:dev"),
            triton=os.environ.get("TRITON_IMAGE", TRITON if local else "triton-demo:dev"),
            models=os.environ.get(
                "MODEL_REPO_IMAGE", MODELS if local else "trimtab-model-repo:dev"
            ),
            prometheus=os.environ.get(
                "PROMETHEUS_IMAGE", PROMETHEUS if local else "prom/prometheus:v3.7.3"
            ),
            compress=os.environ.get(
                "COMPRESS_IMAGE", COMPRESS if local else "trimtab-compress:dev"
            ),
        )


def install_prometheus(access: Access, images: Images) -> str:
    """A Prometheus in namespace monitoring; returns the URL that pods reach it by."""
    given = os.environ.get("PROMETHEUS_URL")
    if given:
        return given
    kubectl = [access.kubectl_bin, f"--kubeconfig={access.kubeconfig}"]
    apply_prometheus(kubectl, images.prometheus)
    # By address: a cluster without DNS (the embedded one) serves it too.
    service = access.json("service", "prometheus", "-n", "monitoring")
    return f"http://{service['spec']['clusterIP']}:9090"


def install_trimtab(
    access: Access,
    images: Images,
    prometheus_url: str,
    *extra: str,
    release: str = RELEASE,
    namespace: str = NAMESPACE,
) -> None:
    """Installs or upgrades the chart and waits until the operator is Ready."""
    repository, _, tag = images.trimtab.rpartition(":")
    access.apply(json.dumps(restricted(namespace)))
    access.helm(
        *("upgrade", "--install", release, str(ROOT / "charts" / "trimtab")),
        *("--namespace", namespace),
        *("--set", f"image.repository={repository}", "--set", f"image.tag={tag}"),
        # The tag stays the same: without it an operator that runs goes on with the code of before.
        *("--set", f"podAnnotations.code={tree_hash(ROOT / 'operator')[:16]}"),
        *("--set", f"prometheus.url={prometheus_url}"),
        *("--set", "prometheus.scrapeInterval=2s"),
        # A second one is for a story of its own: elsewhere two cores are the models'.
        *("--set", "replicas=1"),
        *("--wait", "--timeout", "120s"),
        *extra,
    )


def restricted(name: str) -> dict[str, Any]:
    """A namespace held to Pod Security's strictest level."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": RESTRICTED},
    }


def uninstall_trimtab(access: Access, release: str = RELEASE, namespace: str = NAMESPACE) -> None:
    """Removes the release; the CRDs stay, as the chart keeps them."""
    access.helm("uninstall", release, "--namespace", namespace, "--wait", "--ignore-not-found")
