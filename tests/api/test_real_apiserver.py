"""A real API server takes the CRDs and refuses what the manifests say it refuses.

Needs KUBECONFIG and the rights to make CRDs. All but one object in a namespace of its own is a
server-side dry run, and that object is in mode Advise, so that a running trimtab leaves it alone.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.api.manifest_cases import (
    MANIFESTS,
    BadManifest,
    bad_manifests,
    documents,
    good_manifests,
)
from trimtab.api import schema_status as status
from trimtab.api.crds import KINDS, Kind, custom_resource_definition
from trimtab.api.resources import GROUP

pytestmark = pytest.mark.cluster

CRDS = Path(__file__).resolve().parents[2] / "crds"
NAMESPACE = f"trimtab-api-test-{os.getpid()}"
BAD = [*bad_manifests("apiserver"), *bad_manifests("operator")]
Said = dict[Path, subprocess.CompletedProcess[str]]
Kubectl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def kubectl() -> Kubectl:
    """Run kubectl against the cluster that KUBECONFIG names."""
    if not os.environ.get("KUBECONFIG"):
        pytest.skip("KUBECONFIG names no cluster")
    beside = Path(sys.executable).with_name("kubectl")
    program = str(beside) if beside.is_file() else shutil.which("kubectl")
    assert program is not None, "kubectl is missing"

    def run(
        *argv: str | Path, stdin: Any = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [program, *map(str, argv)],
            input=None if stdin is None else json.dumps(stdin),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture(scope="module", autouse=True)
def _crds(kubectl: Kubectl) -> Iterator[None]:
    """The CRDs: those of an install where there is one, else ours for the time of the tests.

    Left behind, they would keep Helm from installing its own: it does not adopt what it finds.
    """
    names = [f"crd/{kind.plural}.{GROUP}" for kind in KINDS]
    found = kubectl("get", *names, check=False).returncode == 0
    if not found:
        kubectl("apply", "--server-side", "-f", CRDS)
    kubectl("wait", "--for=condition=Established", "--timeout=30s", *names)
    yield
    if not found:
        kubectl("delete", "--ignore-not-found", *names)


@pytest.fixture(scope="module")
def said(kubectl: Kubectl, _crds: None) -> Said:
    """What the API server says to each manifest: asked at once, since kubectl is slow to start."""

    def ask(path: Path) -> tuple[Path, subprocess.CompletedProcess[str]]:
        return path, kubectl("create", "--dry-run=server", "-f", path, check=False)

    with ThreadPoolExecutor(max_workers=4) as pool:
        return dict(pool.map(ask, [*(bad.path for bad in BAD), *good_manifests()]))


@pytest.mark.parametrize("manifest", BAD, ids=str)
def test_bad_manifests(manifest: BadManifest, said: Said) -> None:
    answer = said[manifest.path]
    if manifest.by == "operator":
        assert answer.returncode == 0, answer.stderr
        return
    assert answer.returncode != 0
    assert manifest.field in answer.stderr
    assert manifest.expect in answer.stderr


@pytest.mark.parametrize("path", good_manifests(), ids=lambda path: path.stem)
def test_good_manifests(path: Path, said: Said) -> None:
    assert said[path].returncode == 0, said[path].stderr


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_the_installed_schema_is_ours(kind: Kind, kubectl: Kubectl) -> None:
    installed = json.loads(kubectl("get", f"crd/{kind.plural}.{GROUP}", "-o", "json").stdout)
    ours = custom_resource_definition(kind)
    assert installed["spec"]["versions"][0]["schema"] == ours["spec"]["versions"][0]["schema"]


def test_the_largest_object_is_within_the_cost_limits(kubectl: Kubectl) -> None:
    """Bounds are promises: what they let through must not run into CEL's budget at run time."""
    (obj,) = documents(MANIFESTS / "good" / "minimal.yaml")
    points = [{"batch": size, "latency": "999999999.999us"} for size in range(1, 33)]
    classes = [f"class-{index}" for index in range(8)]
    obj["metadata"]["name"] = "m" * 40
    obj["spec"]["slo"]["minAccuracy"] = "0.999999"
    obj["spec"]["variants"] = [
        {
            "name": f"variant-{index}",
            "accuracy": "0.999999" if index == 15 else "0.111111",
            "source": {"uri": "s3://" + "x" * 1019},
            "acceleratorClasses": classes,
            "profile": [{"acceleratorClass": name, "points": points} for name in classes],
        }
        for index in range(16)
    ]
    kubectl("create", "--dry-run=server", "-f", "-", stdin=obj)


@pytest.fixture(scope="module")
def advised(kubectl: Kubectl) -> Iterator[str]:
    """A ModelDeployment that is there, in mode Advise; its name."""
    (obj,) = documents(MANIFESTS / "good" / "minimal.yaml")
    obj["spec"]["scaling"] = {"mode": "Advise"}
    kubectl("create", "namespace", NAMESPACE)
    kubectl("create", "-n", NAMESPACE, "-f", "-", stdin=obj)
    yield str(obj["metadata"]["name"])
    kubectl("delete", "md", "--all", "-n", NAMESPACE)
    kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def _whole_status() -> dict[str, Any]:
    time = "2030-01-02T03:04:05Z"
    made = status.ModelDeploymentStatus(
        observed_generation=1,
        conditions=[
            status.Condition(
                type="Ready",
                status="True",
                observed_generation=1,
                last_transition_time=time,
                reason="Serving",
                message="1 of 1 replica of fp32 on cpu is ready.",
            )
        ],
        replicas=1,
        selector="trimtab.dev/model-deployment=minimal",
        variants=[
            status.VariantStatus(
                name="fp32", accelerator_class="cpu", replicas=1, ready_replicas=1, weight=100
            )
        ],
        latency=status.LatencyStatus(observed="41ms", target="50ms", estimated=False),
        cost=status.CostStatus(per_hour="0.05", budget_per_hour="4.00"),
        decision=status.DecisionStatus(
            time=time,
            action="Hold",
            summary="fp32 on cpu carries the load.",
            wanted=status.Wanted(variant="fp32", accelerator_class="cpu", replicas=1),
            constraints=[status.ConstraintStatus(name="MinReplicas", effect="None.")] * 2,
        ),
        summary=status.SummaryStatus(latency="p99 41ms", variants="fp32", replicas="1/1"),
    )
    return made.model_dump(exclude_none=True)


def test_a_whole_status_is_taken_and_printed(kubectl: Kubectl, advised: str) -> None:
    apply = {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": advised, "namespace": NAMESPACE},
        "status": _whole_status(),
    }
    manager = "--field-manager=trimtab-api-test"
    argv = ("apply", "--server-side", "--subresource=status", "--validate=strict", manager)
    kubectl(*argv, "--force-conflicts", "-f", "-", stdin=apply)
    table = kubectl("get", "md", advised, "-n", NAMESPACE, "-o", "wide").stdout
    header, row = table.splitlines()
    assert header.split()[:7] == ["NAME", "READY", "OBSERVED", "SLO", "VARIANT", "REPLICAS", "$/H"]
    assert row.split()[:8] == [advised, "True", "p99", "41ms", "50ms", "fp32", "1/1", "0.05"]


def test_the_model_name_never_changes(kubectl: Kubectl, advised: str) -> None:
    patch = json.dumps({"spec": {"model": "other"}})
    argv = ("patch", "md", advised, "-n", NAMESPACE, "--type=merge", "-p", patch)
    answer = kubectl(*argv, "--dry-run=server", check=False)
    assert "model cannot be changed" in answer.stderr


def test_scale_serves_manual_mode_alone(kubectl: Kubectl, advised: str) -> None:
    scale = ("scale", "md", advised, "-n", NAMESPACE, "--replicas=3", "--dry-run=server")
    assert "scaling.manual" in kubectl(*scale, check=False).stderr
    block = {"variant": "fp32", "acceleratorClass": "cpu", "replicas": 0}
    patch = json.dumps({"spec": {"scaling": {"mode": "Manual", "manual": block}}})
    kubectl("patch", "md", advised, "-n", NAMESPACE, "--type=merge", "-p", patch)
    kubectl(*scale)
