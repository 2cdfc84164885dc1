"""Prometheus for a cluster that has none: the embedded one, or one of kind."""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Sequence
from pathlib import Path

from e2e.cluster.errors import ClusterError
from e2e.cluster.paths import PACKAGE, REPOSITORY
from e2e.cluster.progress import step
from e2e.cluster.shell import run

_NAMESPACE = "monitoring"
RULES = REPOSITORY / "charts" / "trimtab" / "files" / "rules" / "trimtab.yaml"


def manifest(image: str) -> str:
    text = (PACKAGE / "manifests" / "prometheus.yaml").read_text()
    text = text.replace("${RULES}", textwrap.indent(RULES.read_text(), "    ").rstrip())
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return text.replace("${IMAGE}", image).replace("${DIGEST}", digest)


def apply_prometheus(kubectl: Sequence[str | Path], image: str) -> None:
    """Install it where this kubectl speaks to, with this image, and wait until it is ready."""
    text = manifest(image)
    inside = [*kubectl, f"--namespace={_NAMESPACE}"]
    with step("starting Prometheus"):
        run([*kubectl, "apply", "--server-side", "--force-conflicts", "-f", "-"], stdin=text)
        wait = [*inside, "rollout", "status", "deployment/prometheus", "--timeout=120s"]
        if run(wait, check=False).returncode != 0:
            pods = run([*inside, "get", "pods", "-o", "wide"], check=False).stdout
            words = run([*inside, "logs", "deployment/prometheus", "--tail=5"], check=False)
            raise ClusterError(
                f"Prometheus does not become ready:\n{pods}{words.stdout or words.stderr}"
            )
